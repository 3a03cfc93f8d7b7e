"""What one running node can ask of the engine: a model's reply, and a tool call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ste_graph.compile.lookup import loop_value, state_lookup
from ste_graph.compile.stepper import StepKey
from ste_graph.contracts import Json, Message, Model, ModelRequest, Observation, Reply
from ste_graph.ids import derive_seed
from ste_graph.language.workflow import NodeSpec
from ste_graph.prompt import Prompt
from ste_graph.protocols import native
from ste_graph.run.guard import under_watch
from ste_graph.run.memories import EMPTY, scope_of, whole_run_stops
from ste_graph.run.step_log import Made, Used
from ste_graph.tools.fingerprint import as_item
from ste_graph.tools.toolbox import UNTOUCHED

if TYPE_CHECKING:
    from ste_graph.run.unit import UnitRun


class StepSession:
    """The session of one step (the contract `Context`): it collects the step's messages, tool calls and usage."""

    def __init__(self, unit: UnitRun, spec: NodeSpec, key: StepKey, state: Mapping[str, Json]) -> None:
        self._unit = unit
        self._shared = unit.shared
        self._spec = spec
        self._key = key
        self._state = state
        self._asked = 0
        self._called = 0
        self.messages: list[Message] = []
        self.calls: list[tuple[str, str]] = []
        self.made: list[Made] = []
        self.lines: dict[str, list[int]] = {}
        self.used = Used()

    async def ask(
        self,
        model: Model,
        prompt: Prompt,
        *,
        stop: Sequence[str] = (),
        schema: Mapping[str, Json] | None = None,
        tools: bool = False,
    ) -> Reply:
        return await self._ask(model, prompt, None, stop=stop, schema=schema, tools=tools)

    async def answer_tool_call(self, model: Model, result: str, *, otherwise: Prompt) -> Reply:
        return await self._ask(model, otherwise, result, stop=(), schema=None, tools=True)

    async def _ask(
        self,
        model: Model,
        prompt: Prompt,
        result: str | None,
        *,
        stop: Sequence[str],
        schema: Mapping[str, Json] | None,
        tools: bool,
    ) -> Reply:
        seed = self._seed(self._asked)
        self._asked += 1
        transcript = self._spec.transcript
        before = [*self._transcript_messages(transcript), *self.messages] if transcript else []
        open_calls = native.pending_call_ids(before)
        clean = self._shared.redactor.redact
        if open_calls and result is not None:
            shown = kept = native.tool_messages(open_calls, clean(result))
        else:
            rendered = prompt.render(await self._values(prompt))
            closing = native.tool_messages(open_calls, None) if open_calls else []
            shown = [*closing, {"role": "user", "content": clean(rendered.text)}]
            kept = [*closing, {"role": "user", "content": clean(rendered.transcript_text)}]
        box = self._unit.toolbox
        offered = native.openai_tools(box.tools[name] for name in box.offered) if tools else ()
        request = ModelRequest(messages=[*before, *shown], seed=seed, stop=stop, schema=schema, tools=offered)
        reply = await model.reply(request)
        self.used.model_calls += 1
        self.used.prompt_tokens += reply.usage.prompt_tokens
        self.used.completion_tokens += reply.usage.completion_tokens
        if reply.line is not None:
            name = next(name for name, other in self._shared.models.items() if other is model)
            self.lines.setdefault(name, []).append(reply.line)
        if transcript:
            self.messages += [*kept, native.assistant_message(reply)]
        return reply

    async def call_tool(self, name: str, arguments: Mapping[str, Json]) -> Observation:
        meter = self._shared.meter
        meter.count_tool_call()
        call = f"{self._key} #{self._called}"
        self._called += 1
        try:
            observation = await self._observed(call, name, arguments)
        except BaseException:
            meter.uncount_tool_call()
            raise
        if observation.kind in UNTOUCHED:
            meter.uncount_tool_call()
        else:
            self.used.tool_calls += 1
            if self._may_have_changed_a_state(name) and observation.kind != "interrupted":
                self.made.append((name, dict(arguments), observation.kind))
        self.used.failed_calls += not observation.ok
        self.used.repaired += bool(observation.coerced)
        self.calls.append((name, observation.kind))
        return observation

    def progress(self, text: str) -> None:
        self._shared.observer.working(self._unit.name, self._shared.redactor.redact(text))

    async def _observed(self, call: str, name: str, arguments: Mapping[str, Json]) -> Observation:
        """What a call gives; or what it gave, where its step was interrupted behind it."""
        unit, log, box = self._unit, self._unit.log, self._unit.toolbox
        known = log.answer(call, name, arguments)
        if known is not None:
            box.replayed(name, known)
            if self._may_have_changed_a_state(name):
                await unit.make_again((name, dict(arguments), known.kind))
            return known
        with under_watch(log, call):
            calling = box.call(name, arguments, place=f"{unit.name} | {call}")
            if name not in box.tools or box.tools[name].effect == "read":
                return await calling
            given, cancelled = await self._shared.under_way.to_its_end(
                calling,
                begun=lambda: call in log.begun_calls,
                waiting=lambda: self._shared.observer.waiting(name),
            )
        if call in log.begun_calls:
            log.call_answered(call, name, arguments, given)
        if cancelled is not None:
            raise cancelled
        return given

    def output_path(self, name: str) -> Path:
        log = self._unit.log.path
        return (log.parent.parent / "files" / log.stem / name).resolve()

    @property
    def tools(self) -> Mapping[str, Mapping[str, Json]]:
        return {name: as_item(tool) for name, tool in self._unit.toolbox.tools.items()}

    def _may_have_changed_a_state(self, tool: str) -> bool:
        """Whether a reset of this workflow undoes what the call did."""
        return self._shared.workflow.reset is not None and self._unit.toolbox.tools[tool].effect != "read"

    async def _values(self, prompt: Prompt) -> dict[str, Any]:
        """What the prompt reads: by root name, as plain data."""
        return {root: await self._value(root, fields) for root, fields in prompt.roots.items()}

    async def _value(self, root: str, fields: Sequence[str]) -> Json:
        workflow, flow = self._shared.workflow, self._shared.flow
        if root == "params":
            return workflow.params
        if root == "data":
            return workflow.items
        if root == workflow.unit:
            return self._state[root]
        if root in workflow.nodes:
            return {field: self._state[channel] for field, channel in flow.outputs[root].items()}
        if root in flow.heads:
            return loop_value(flow, root, self._state)
        if root in (*self._spec.memories, self._spec.transcript):
            return await self._view(root)
        return dict.fromkeys(fields) if root in workflow.off else None

    async def _view(self, memory: str) -> dict[str, Json]:
        """A memory as a prompt sees it."""
        spec = self._shared.workflow.memories.get(memory)
        if spec is None:
            return EMPTY
        if spec.of is None:
            messages = self._transcript_messages(memory)
            return {**EMPTY, "empty": not messages, "messages": messages}
        like = spec.like.evaluate(state_lookup(self._shared.flow, self._state)) if spec.like else None
        scope = scope_of(spec, self._shared.flow, self._unit.name, self._state)
        with whole_run_stops():
            entries = await self._shared.stores[memory].recall(scope, like=like, seed=self._seed(memory))
        return {**EMPTY, "empty": not entries, "entries": entries}

    def _transcript_messages(self, transcript: str) -> list[Message]:
        memory = self._shared.workflow.memories[transcript].memory
        return list(memory.shown(self._state[transcript]))

    def _seed(self, what: object) -> int:
        return derive_seed(self._shared.workflow.seed, self._unit.name, self._key, what)
