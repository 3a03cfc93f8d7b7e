"""One unit of a run: its steps are replayed from the log as far as it goes, and run from there on."""

from __future__ import annotations

import asyncio
import pickle
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from copy import copy
from dataclasses import replace
from functools import partial

from pydantic import BaseModel

from ste_graph.compile.channels import output_channel
from ste_graph.compile.flow import Flow, Vertex
from ste_graph.compile.lookup import state_lookup
from ste_graph.compile.stepper import LoopEnd, StepKey, Wave
from ste_graph.contracts import Json, Observation
from ste_graph.errors import BudgetSpentError, ModelError, NoAnswerError, RunError, SteError
from ste_graph.ids import derive_seed, now
from ste_graph.language.blocks import NodeBlock, RecordBlock
from ste_graph.language.workflow import FromData, FromLoop, FromNode, FromParam, NodeSpec
from ste_graph.models.meter import Meter
from ste_graph.node import Node, NodeInputs
from ste_graph.run.cassettes.cassette import NotRecordedError
from ste_graph.run.errors import NodeError, describe_step_place, error_text
from ste_graph.run.logs.logged_step import LoggedStep
from ste_graph.run.memories import MemoryView, NoMemoryView, StoredValues, memory_scope
from ste_graph.run.unit.authors import Authors
from ste_graph.run.unit.pass_records import PassRecords, WaveRecords
from ste_graph.run.unit.reset import ResetError, UnitReset
from ste_graph.run.unit.step_context import StepContext
from ste_graph.run.unit.sub_workflow import run_sub_workflow, sub_run_folder
from ste_graph.run.unit.unit_context import UnitContext
from ste_graph.run.unit.unit_meters import UnitMeters
from ste_graph.tracebacks import INTERRUPTS, with_definition, with_place


class UnitRun:
    """Runs one unit (the contract `Stepper`)."""

    def __init__(self, context: UnitContext) -> None:
        self._context = context
        self._shared = shared = context.shared
        workflow = shared.workflow
        reset = workflow.reset
        self._reset = UnitReset(reset, shared.flow, context.name, context.toolbox, shared.resetter) if reset else None
        self._make_nodes()
        self._meters = UnitMeters(shared.meter, workflow, context.name, shared.prices)
        self._authors = Authors(workflow)

    def of_pass(self, held: PassRecords) -> UnitRun:
        """The runner of one pass alongside others: with views and nodes of its own, and all else in common."""
        own = copy(self)
        own._context = replace(self._context, held=held)
        own._make_nodes()
        return own

    def _make_nodes(self) -> None:
        shared, held = self._shared, self._context.held
        self._views = {
            memory: MemoryView(store, own_entries=partial(held.own_entries, memory) if held is not None else None)
            for memory, store in shared.stores.items()
        }
        self._value_views = {memory: StoredValues(store) for memory, store in shared.value_stores.items()}
        self._nodes = {spec.name: self._make_node(spec) for spec in shared.workflow.nodes.values()}

    @property
    def context(self) -> UnitContext:
        """The unit, and what it shares with the others."""
        return self._context

    def _make_node(self, spec: NodeSpec) -> Node:
        known = {**self._views, **self._value_views}
        look_on = self._shared.run.watcher.view
        views = {
            field: look_on(self._context.name, spec.name, memory, known[memory]) if memory else NoMemoryView()
            for field, memory in spec.recalls.items()
        }
        models = {field: self._shared.models[model] for field, model in spec.models.items()}
        try:
            return spec.cls(**spec.settings, **models, **spec.prompts, **views)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            why = with_place(error_text(error), error, spec.cls.__module__)
            raise NodeError(f"node {spec.name}, {self._shared.workflow.unit}={self._context.name}: {why}") from error

    async def step(self, vertex: Vertex, key: StepKey, state: Mapping[str, Json]) -> Mapping[str, Json]:
        if self._reset is not None:
            self._reset.enter(state)
        step = self._context.log.finished.get(str(key))
        replayed = step is not None
        if step is None:
            if (control := self._shared.run.control) is not None:
                await control.proceed()
            step = await self._run(vertex, key, state)
        else:
            self._replay(vertex, step)
            self._meters.replay(key, step)
        if step.used.models and isinstance(vertex.block, NodeBlock):
            self._authors.note(vertex.block.node, key, step)
        held = self._context.held
        if held is not None and step.record is not None:
            held.add(step)  # first, since whoever cancels this once it is written must find it
        try:
            await self._shared.steps.write(self._context.name, step, replayed=replayed, held=held is not None)
        except ValueError as error:  # an integer of more digits than Python writes
            raise NodeError(f"{self._place(vertex, key)}: its outputs cannot be logged ({error})") from error
        return self.channel_updates(self._shared.flow, vertex, step, state)

    @staticmethod
    def channel_updates(flow: Flow, vertex: Vertex, step: LoggedStep, state: Mapping[str, Json]) -> dict[str, Json]:
        """The channels of a unit's state that the finished step of a vertex writes, with their new values."""
        workflow = flow.workflow
        update: dict[str, Json] = {name: step.started for name in flow.start_channels if state[name] is None}
        if isinstance(vertex.block, RecordBlock):
            transcripts = {name: spec.memory for name, spec in workflow.memories.items() if spec.of is None}
            summary = step.record_summary(workflow.records) if transcripts else ""
            return update | {name: memory.mark_record(state[name], summary) for name, memory in transcripts.items()}
        spec = workflow.nodes[vertex.block.node]
        channels = flow.outputs[spec.name]
        update |= {channels[field]: value for field, value in step.outputs.items()}
        if spec.transcript and step.messages:
            memory = workflow.memories[spec.transcript].memory
            update[spec.transcript] = memory.extend(state[spec.transcript], step.messages)
        return update

    def end_loops(self, key: StepKey, ends: Sequence[LoopEnd]) -> None:
        self._context.log.end_loops(str(key), [(end.loop, end.passes, end.reason) for end in ends])

    @asynccontextmanager
    async def run_wave(self, wave: Wave) -> AsyncIterator[WavePasses]:
        context = self._context
        context.log.begin_wave(wave)
        records = WaveRecords(wave, context.name, self._shared.steps, self._shared.workflow.records, context.held)
        try:
            yield WavePasses(self, records)
        except BaseException:
            await records.give_up()
            raise
        await records.end()
        context.log.end_wave(wave)

    async def _run(self, vertex: Vertex, key: StepKey, state: Mapping[str, Json]) -> LoggedStep:
        if isinstance(vertex.block, RecordBlock):
            maker, unit = self._shared.record_maker, self._context.name
            return maker.make(vertex, vertex.block, key, unit, state, self._authors)
        spec = self._shared.workflow.nodes[vertex.block.node]
        if spec.name in self._shared.workflow.sub_workflows:
            return await self._run_sub_workflow(vertex, key, state)
        for memory in spec.recalls.values():
            if memory in self._value_views:
                self._value_views[memory].seed = derive_seed(
                    self._shared.workflow.seed, self._context.name, key, memory
                )
            elif memory is not None:
                memory_spec = self._shared.workflow.memories[memory]
                self._views[memory].scope = memory_scope(memory_spec, self._shared.flow, self._context.name, state)
        meter = self._meters.find(key)
        context = StepContext(self._context, spec, key, state, meter)
        started = now()
        try:
            outputs = await self._run_node(vertex, key, state, context, meter)
        except BaseException:
            if context.used.model_calls:
                self._context.log.abandon_step(str(key), context.used.replies)
            raise
        return LoggedStep(
            key=str(key),
            started=started,
            ended=now(),
            outputs=self._shared.redactor.redact_data(outputs),
            messages=context.messages,
            calls=context.calls,
            effects=context.effects,
            used=context.used,
            asked=context.asked,
        )

    async def _run_node(
        self, vertex: Vertex, key: StepKey, state: Mapping[str, Json], context: StepContext, meter: Meter
    ) -> dict[str, Json]:
        """The outputs of the node of a vertex. Whatever it raises gets its place."""
        assert isinstance(vertex.block, NodeBlock)
        spec = self._shared.workflow.nodes[vertex.block.node]
        try:
            meter.check_time()
            if self._reset is not None:
                await self._reset.ensure_reset()
            watched = self._shared.run.watcher.context(self._context.name, spec, key, context)
            outputs = self._read_outputs(await self._nodes[spec.name](self._read_inputs(spec, state), watched), spec)
            context.used.repaired += bool(outputs.get("repairs"))
            context.used.unreadable += bool(outputs.get("problem"))
            context.used.calls_in_text += "call in the text" in (outputs.get("repairs") or ())
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            why = with_place("the node was cancelled from within", error, spec.cls.__module__)
            raise NodeError(f"{self._place(vertex, key)}: {why}") from error
        except BudgetSpentError as error:
            error.step = str(key)
            raise
        except RunError:
            raise
        except (ModelError, NoAnswerError, NodeError, NotRecordedError, ResetError) as error:
            raise type(error)(
                f"{self._place(vertex, key)}: {with_place(str(error), error, spec.cls.__module__)}"
            ) from error
        except INTERRUPTS:
            raise
        except BaseException as error:
            raise NodeError(
                f"{self._place(vertex, key)}: {with_place(error_text(error), error, spec.cls.__module__)}"
            ) from error
        return outputs

    async def _run_sub_workflow(self, vertex: Vertex, key: StepKey, state: Mapping[str, Json]) -> LoggedStep:
        """Run a sub-workflow to its end."""
        shared, started = self._shared, now()
        assert isinstance(vertex.block, NodeBlock)
        spec = shared.workflow.sub_workflows[vertex.block.node]
        unit = self._context.log.path.stem if shared.workflow.unit_map else None
        folder = sub_run_folder(shared.run.folder, unit, spec, key)
        lookup = state_lookup(shared.flow, state)
        around = replace(shared.run, meter=self._meters.find(key))
        try:
            outputs, used = await run_sub_workflow(spec, lookup, folder, around, shared.pending, shared.execute)
        except BudgetSpentError as error:
            error.step = error.step or str(key)
            raise
        except RunError:
            raise
        except SteError as error:
            raise NodeError(f"{self._place(vertex, key)}: {error}") from error
        return LoggedStep(
            key=str(key),
            started=started,
            ended=now(),
            outputs=shared.redactor.redact_data(outputs),
            sub_workflow=True,
            used=used,
        )

    def _read_inputs(self, spec: NodeSpec, state: Mapping[str, Json]) -> NodeInputs:
        """The inputs of the node: its own copy, so that no change of it reaches the state."""
        values: dict[str, Json] = dict.fromkeys(spec.cls.Inputs.model_fields)
        for field, source in spec.inputs.items():
            match source:
                case FromNode(node=node, field=output):
                    values[field] = _copy(state.get(output_channel(node, output)))
                case FromLoop(name=name):
                    values[field] = _copy(state_lookup(self._shared.flow, state)(name))
                case FromData(data=data):
                    values[field] = _copy(self._shared.workflow.items[data])
                case FromParam(param=param):
                    values[field] = _copy(self._shared.workflow.params[param])
        return spec.cls.Inputs(**values)

    @staticmethod
    def _read_outputs(outputs: object, spec: NodeSpec) -> dict[str, Json]:
        """A node's outputs as plain data. Raises `NodeError` if they are not those that the node declares."""
        expected = spec.outputs.model_fields
        if not isinstance(outputs, BaseModel):
            what = f"returned a {type(outputs).__name__}, not its `Outputs` ({_list_names(expected)})"
            raise NodeError(with_definition(what, spec.cls.__call__))
        values = outputs.model_dump(mode="json")
        if values.keys() != expected.keys():
            what = f"returned {_list_names(values)}, not {_list_names(expected)}"
            raise NodeError(with_definition(what, spec.cls.__call__))
        return values

    def _replay(self, vertex: Vertex, step: LoggedStep) -> None:
        """Take over a finished step. Raises `RunError` where the node has other outputs than it had then."""
        if isinstance(vertex.block, NodeBlock):
            expected = self._shared.workflow.nodes[vertex.block.node].outputs.model_fields.keys()
            if step.outputs.keys() != expected:
                raise RunError(
                    f"{self._context.log.path}: the step `{step.key}` has the outputs {_list_names(step.outputs)}, but "
                    f"the node `{vertex.block.node}` now has {_list_names(expected)}; undo that change to go on with "
                    "the run, or start a new one with --out"
                )
        for tool, kind in step.calls:
            self._context.toolbox.count_replayed(tool, Observation(ok=kind == "ok", kind=kind, text=""))
        if self._reset is not None:
            self._reset.replay(step.effects)

    def _place(self, vertex: Vertex, key: StepKey) -> str:
        return describe_step_place(vertex, key, f"{self._shared.workflow.unit}={self._context.name}")


class WavePasses:
    """The passes of a wave (the contract `WaveStepper`)."""

    def __init__(self, unit: UnitRun, records: WaveRecords) -> None:
        self._unit = unit
        self._records = records

    def begin_pass(self, number: int) -> UnitRun:
        return self._unit.of_pass(self._records.begin_pass(number))

    async def end_pass(self, number: int) -> None:
        await self._records.end_pass(number)


def _list_names(names: Iterable[str]) -> str:
    return ", ".join(names) or "nothing"


def _copy(value: Json) -> Json:
    """A copy of a plain value: the standard library's fastest, by a factor of ten before `deepcopy`."""
    return pickle.loads(pickle.dumps(value, pickle.HIGHEST_PROTOCOL)) if isinstance(value, dict | list) else value
