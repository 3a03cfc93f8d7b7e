"""What one running node can ask of the engine: a model's reply, and a tool call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ste_graph.compile.flow import Vertex
from ste_graph.compile.stepper import StepKey
from ste_graph.contracts import Json, Message, Model, Observation, Reply
from ste_graph.language.workflow import NodeSpec
from ste_graph.prompt import Prompt
from ste_graph.run.guard import under_watch
from ste_graph.run.hashing import seed_of
from ste_graph.run.memories import EMPTY, scope_of
from ste_graph.run.step_log import Used
from ste_graph.tools.toolbox import UNTOUCHED

if TYPE_CHECKING:
    from ste_graph.run.unit import UnitRun


class StepSession:
    """The session of one step (the contract `Session`): it gathers what the step said, called and used."""

    def __init__(
        self, unit: UnitRun, spec: NodeSpec, vertex: Vertex, key: StepKey, state: Mapping[str, Json]
    ) -> None:
        self.unit = unit
        self.spec = spec
        self.vertex = vertex
        self.key = key
        self.state = state
        self.said: list[Message] = []
        self.calls: list[tuple[str, str]] = []
        self.used = Used()

    async def ask(
        self,
        model: Model,
        prompt: Prompt,
        *,
        stop: Sequence[str] = (),
        schema: Mapping[str, Json] | None = None,
    ) -> Reply:
        rendered = prompt.render(await self._values(prompt))
        before = [*self.state[self.spec.talk], *self.said] if self.spec.talk else []
        shared = self.unit.shared
        seed = seed_of(shared.workflow.seed, self.unit.name, self.key, self.used.model_calls)
        messages = [*before, {"role": "user", "content": rendered.shown}]
        reply = await model.reply(messages, seed=seed, stop=stop, schema=schema)
        self.used.model_calls += 1
        self.used.prompt_tokens += reply.usage.prompt_tokens
        self.used.completion_tokens += reply.usage.completion_tokens
        if self.spec.talk:
            self.said += [
                {"role": "user", "content": rendered.kept},
                {"role": "assistant", "content": reply.text},
            ]
        return reply

    async def _values(self, prompt: Prompt) -> dict[str, Any]:
        values = self.unit.prompt_values(self.state, self.vertex)
        for name in prompt.reads:
            root, *rest = name.split(".")
            if root in (*self.spec.sees, self.spec.talk):
                if root not in values:
                    values[root] = await self._view(root)
            elif root in self.unit.shared.workflow.off:
                inside = values.setdefault(root, {})
                if rest:
                    inside[rest[0]] = None
            elif root not in values:
                values[root] = None
        return values

    async def _view(self, memory: str) -> dict[str, Json]:
        """A memory as a prompt sees it."""
        shared = self.unit.shared
        spec = shared.workflow.memories.get(memory)
        if spec is None:
            return EMPTY
        if spec.of is None:
            messages = self.state[memory]
            return {**EMPTY, "empty": not messages, "messages": messages}
        like = spec.like.evaluate(self._lookup()) if spec.like else None
        seed = seed_of(shared.workflow.seed, self.unit.name, self.key, memory)
        scope = scope_of(spec, shared.flow, self.unit.name, self.state)
        entries = await shared.stores[memory].recall(scope, like=like, seed=seed)
        return {**EMPTY, "empty": not entries, "entries": entries}

    def _lookup(self) -> Any:
        from ste_graph.compile.names import names

        return names(self.unit.shared.flow, self.state)

    async def call(self, name: str, arguments: Mapping[str, Json]) -> Observation:
        meter = self.unit.shared.meter
        meter.tool_call()
        call = f"{self.key} #{len(self.calls)}"
        try:
            with under_watch(self.unit.log, call):
                observation = await self.unit.toolbox.call(name, arguments)
        except BaseException:
            meter.tool_calls -= 1
            raise
        if observation.kind in UNTOUCHED:
            meter.tool_calls -= 1
        else:
            self.used.tool_calls += 1
        self.used.failed_calls += not observation.ok
        self.calls.append((name, observation.kind))
        return observation
