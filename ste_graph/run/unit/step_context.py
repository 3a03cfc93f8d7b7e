"""The services that one running node has from the engine: models, tools, the transcript, progress."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ste_graph.compile.lookup import loop_value, state_lookup
from ste_graph.compile.stepper import StepKey
from ste_graph.contracts import Json, Message, Model, ModelRequest, Observation, Reply
from ste_graph.ids import derive_seed
from ste_graph.language.workflow import NodeSpec
from ste_graph.models.meter import Meter
from ste_graph.prompts.prompt import Prompt
from ste_graph.protocols import native
from ste_graph.run.logs.logged_step import EffectfulCall
from ste_graph.run.logs.usage_counts import UsageCounts
from ste_graph.run.memories import EMPTY_VIEW, memory_scope, stop_run_on_error
from ste_graph.run.unit.unit_context import UnitContext
from ste_graph.run.unit.write_ahead import log_call
from ste_graph.tools.fingerprint import definition, describe_tool
from ste_graph.tools.toolbox import NEVER_CALLED
from ste_graph.tracebacks import collect_errors


class ComposedMessages(NamedTuple):
    """The messages of a request, those of them that the transcript keeps, and what it held before."""

    messages: list[Message]
    kept: list[Message]
    remembered: list[Message]


class StepContext:
    """The contract `Context` for one step: it collects the step's messages, tool calls and usage."""

    def __init__(
        self, unit: UnitContext, spec: NodeSpec, key: StepKey, state: Mapping[str, Json], meter: Meter
    ) -> None:
        self._unit = unit
        self._meter = meter
        self._shared = unit.shared
        self._spec = spec
        self._key = key
        self._state = state
        self._asked = 0
        self._called = 0
        self.messages: list[Message] = []
        self.calls: list[tuple[str, str]] = []
        self.effects: list[EffectfulCall] = []
        self.used = UsageCounts()
        self.asked: list[dict[str, Json]] = []
        self._began = time.monotonic()

    async def ask(
        self,
        model: Model,
        prompt: Prompt,
        *,
        stop: Sequence[str] = (),
        schema: Mapping[str, Json] | None = None,
        tools: bool | Sequence[Mapping[str, Json]] = False,
    ) -> Reply:
        return await self._ask(model, prompt, None, stop=stop, schema=schema, tools=tools)

    async def answer_tool_call(self, model: Model, result: str, *, otherwise: Prompt) -> Reply:
        return await self._ask(model, otherwise, result, stop=(), schema=None, tools=True)

    async def call_tool(self, name: str, arguments: Mapping[str, Json]) -> Observation:
        meter = self._meter
        await meter.count_tool_call()
        call = f"{self._key} #{self._called}"
        self._called += 1
        after = self._elapsed()
        try:
            observation = await self._observe(call, name, arguments)
        except BaseException:
            meter.uncount_tool_call()
            raise
        if observation.kind in NEVER_CALLED:
            meter.uncount_tool_call()
        else:
            self.used.tool_calls += 1
            if self._may_change_state(name) and observation.kind != "interrupted":
                self.effects.append((name, dict(arguments), observation.kind))
        self.used.failed_calls += not observation.ok
        self.used.doubtful += observation.doubt is not None
        self.used.repaired += bool(observation.coerced)
        self.calls.append((name, observation.kind))
        self.asked.append({"tool": name, "kind": observation.kind, **self._time_since(after)})
        return observation

    def progress(self, text: str) -> None:
        self._shared.run.watcher.node_progress(self._unit.name, self._shared.redactor.redact(text))

    def output_path(self, name: str) -> Path:
        log = self._unit.log.path
        return (log.parent.parent / "files" / log.stem / name).resolve()

    def known_protocol(self, model: Model) -> str | None:
        shared = self._shared
        return next((shared.protocols.get(name) for name, known in shared.models.items() if known is model), None)

    @property
    def seed(self) -> int:
        return self._seed("node")

    @property
    def tool_schemas(self) -> Mapping[str, Mapping[str, Json]]:
        return {name: tool.parameters for name, tool in self._unit.toolbox.tools.items()}

    @property
    def tools(self) -> Mapping[str, Mapping[str, Json]]:
        return {name: describe_tool(tool) for name, tool in self._unit.toolbox.tools.items()}

    async def _ask(
        self,
        model: Model,
        prompt: Prompt,
        result: str | None,
        *,
        stop: Sequence[str],
        schema: Mapping[str, Json] | None,
        tools: bool | Sequence[Mapping[str, Json]],
    ) -> Reply:
        seed = self._seed(self._asked)
        self._asked += 1
        composed = await self.compose(prompt, result)
        box = self._unit.toolbox
        named = [definition(box.tools[name]) for name in box.callable_names] if tools is True else tools or ()
        offered = native.openai_tools(named)
        request = ModelRequest(
            messages=composed.messages, seed=seed, stop=stop, schema=schema, tools=offered, account=self._meter
        )
        after = self._elapsed()
        reply = await model.reply(request)
        self.asked.append(self._describe_reply(model, reply, after))
        self.used.add_reply(self._model_name(model), reply.usage, by=reply.by)
        self.used.empty += reply.is_empty
        self.used.truncated += reply.is_truncated
        if self._spec.transcript:
            self.messages += [*composed.kept, native.assistant_message(reply)]
        return reply

    def _describe_reply(self, model: Model, reply: Reply, after: float) -> dict[str, Json]:
        """A reply as the log has it: the model's name in the workflow, tokens, why it ended, and how long it took."""
        name = self._model_name(model)
        facts = {
            "for": name if reply.by else None,
            "in": reply.usage.prompt_tokens,
            "cached": reply.usage.cached_tokens,
            "out": reply.usage.completion_tokens,
            "finish": reply.finish_reason,
            "retries": reply.retries,
        }
        kept = {key: value for key, value in facts.items() if value}
        return {"model": reply.by or name, **kept, **self._time_since(after)}

    def _model_name(self, model: Model) -> str:
        """The name of a model of the node; its label where a node asks one of its own."""
        known = self._shared.models
        return next((name for name in self._spec.models.values() if known.get(name) is model), model.label)

    def _elapsed(self) -> float:
        return round(time.monotonic() - self._began, 3)

    def _time_since(self, after: float) -> dict[str, Json]:
        return {"after": after, "s": round(self._elapsed() - after, 3)}

    async def compose(
        self, prompt: Prompt, result: str | None = None, *, values: Mapping[str, Json] | None = None
    ) -> ComposedMessages:
        """The messages of a request; nothing is asked. `values` are what the prompt reads; None: `prompt_values`."""
        transcript = self._spec.transcript
        remembered = self.transcript_messages(transcript) if transcript else []
        before = [*remembered, *self.messages] if transcript else []
        open_calls = native.pending_call_ids(before)
        redact = self._shared.redactor.redact
        rendered = prompt.render(await self.prompt_values(prompt) if values is None else values)
        leading = [{"role": turn["role"], "content": redact(turn["content"])} for turn in rendered.leading]
        if open_calls and result is not None:
            shown = kept = native.tool_messages(open_calls, redact(result))
        else:
            closing = native.tool_messages(open_calls, None) if open_calls else []
            shown = [*closing, {"role": "user", "content": redact(rendered.text)}]
            kept = [*closing, {"role": "user", "content": redact(rendered.transcript_text)}]
        return ComposedMessages([*leading, *before, *shown], kept, remembered)

    async def _observe(self, call: str, name: str, arguments: Mapping[str, Json]) -> Observation:
        """Make the call; return the logged observation instead where the step was interrupted after the call."""
        unit, log, box = self._unit, self._unit.log, self._unit.toolbox
        logged = log.logged_observation(call, name, arguments)
        if logged is not None:
            box.count_replayed(name, logged)
            if self._may_change_state(name) and self._shared.resetter is not None:
                await self._shared.resetter.replay_effects([(name, dict(arguments), logged.kind)])
            return logged
        with log_call(log, call), collect_errors() as errors:
            calling = box.call(name, arguments, place=f"{unit.name} | {call}")
            if name not in box.tools or box.tools[name].effect == "read":
                observation, cancelled = await calling, None
            else:
                observation, cancelled = await self._shared.pending.wait_for(
                    calling,
                    has_started=lambda: call in log.started_calls,
                    on_wait=lambda: self._announce_wait(name),
                )
        for error in errors:
            self._shared.events.add_tool_error(unit.name, name, error)
        if call in log.started_calls:
            log.end_call(call, name, arguments, observation)
        if cancelled is not None:
            raise cancelled
        return observation

    def _announce_wait(self, tool: str) -> None:
        limit = self._unit.toolbox.policy.timeout_s
        self._shared.run.watcher.message(
            f"waiting, at most {limit:g} s, for a call of `{tool}` that may have changed something"
        )

    def _may_change_state(self, tool: str) -> bool:
        """True if a reset of this workflow undoes the tool's calls."""
        return self._shared.workflow.reset is not None and self._unit.toolbox.tools[tool].effect != "read"

    async def prompt_values(self, prompt: Prompt) -> dict[str, Any]:
        """The values that the prompt reads: by root name, as plain data."""
        return {root: await self._prompt_value(root, fields) for root, fields in prompt.roots.items()}

    async def _prompt_value(self, root: str, fields: Sequence[str]) -> Json:
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
            return await self.memory_view(root)
        return dict.fromkeys(fields) if root in workflow.off else None

    async def memory_view(self, memory: str) -> dict[str, Json]:
        """A memory as a prompt sees it."""
        spec = self._shared.workflow.memories.get(memory)
        if spec is None:
            return EMPTY_VIEW
        if spec.of is None:
            messages = self.transcript_messages(memory)
            return {**EMPTY_VIEW, "empty": not messages, "messages": messages}
        like = spec.like.evaluate(state_lookup(self._shared.flow, self._state)) if spec.like else None
        scope = memory_scope(spec, self._shared.flow, self._unit.name, self._state)
        own = self._unit.held.own_entries(memory, scope) if self._unit.held is not None else ()
        with stop_run_on_error():
            entries = await self._shared.stores[memory].recall(scope, like=like, seed=self._seed(memory), own=own)
        return {**EMPTY_VIEW, "empty": not entries, "entries": entries}

    def transcript_messages(self, transcript: str) -> list[Message]:
        memory = self._shared.workflow.memories[transcript].memory
        return list(memory.messages(self._state[transcript]))

    def _seed(self, what: object) -> int:
        return derive_seed(self._shared.workflow.seed, self._unit.name, self._key, what)
