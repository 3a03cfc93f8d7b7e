"""One unit of a run: its steps are replayed from the log as far as it goes, and run from there on."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from pydantic import BaseModel, ValidationError

from ste_graph.compile.channels import output_channel, start_channel
from ste_graph.compile.flow import Flow, Vertex
from ste_graph.compile.lookup import state_lookup
from ste_graph.compile.stepper import LoopEnd, StepKey
from ste_graph.contracts import Json, Model, Observation, RecordStore
from ste_graph.errors import BudgetSpentError, ModelError, RunError, SteError
from ste_graph.ids import now
from ste_graph.language.blocks import NodeBlock, RecordBlock
from ste_graph.language.workflow import FromData, FromLoop, FromNode, NodeSpec, Workflow
from ste_graph.models.meter import Meter
from ste_graph.node import Node, NodeInputs
from ste_graph.redaction import Redactor
from ste_graph.run.cassette import NotRecordedError
from ste_graph.run.faults import NodeError, invalid, place
from ste_graph.run.guard import UnderWay
from ste_graph.run.memories import NoRecall, UnitRecall, scope_of
from ste_graph.run.part import part, part_folder
from ste_graph.run.recording import Recording, entries_of
from ste_graph.run.reset import ResetError, Resetter, UnitReset
from ste_graph.run.session import StepSession
from ste_graph.run.step_log import Logged, Made, StepLog
from ste_graph.run.within import Within
from ste_graph.tools.toolbox import Toolbox


class Observer(Protocol):
    """Who watches a run: progress on a terminal, the journal, a test."""

    def step(self, unit: str, step: Logged, *, replayed: bool) -> None:
        """A step is finished, or was finished before and is replayed."""

    def working(self, unit: str, what: str) -> None:
        """A node that takes a while tells how far it is."""

    def waiting(self, tool: str) -> None:
        """The run is ending, but for a call of this tool, which may have changed the world already."""


@dataclass(frozen=True)
class Shared:
    """What all units of a run share."""

    workflow: Workflow
    flow: Flow
    models: Mapping[str, Model]
    stores: Mapping[str, RecordStore]
    recording: Recording
    within: Within
    redactor: Redactor
    observer: Observer
    under_way: UnderWay
    resetter: Resetter | None = None
    """What makes the workflow's resets; None where it has none, or nothing is called."""

    @property
    def meter(self) -> Meter:
        """What the run has used."""
        return self.within.meter


class UnitRun:
    """Runs one unit (the contract `Stepper`)."""

    def __init__(self, name: str, shared: Shared, log: StepLog, toolbox: Toolbox) -> None:
        self.name = name
        self.shared = shared
        self.log = log
        self.toolbox = toolbox
        workflow = shared.workflow
        reset = workflow.reset
        self._reset = UnitReset(reset, shared.flow, name, toolbox, shared.resetter) if reset else None
        self._recalls = {memory: UnitRecall(store) for memory, store in shared.stores.items()}
        self._nodes = {spec.name: self._made(spec) for spec in workflow.nodes.values()}
        self._began = [channel for channel in shared.flow.channels if channel.startswith(start_channel(""))]

    def _made(self, spec: NodeSpec) -> Node:
        recalls = {field: self._recalls[memory] if memory else NoRecall() for field, memory in spec.recalls.items()}
        models = {field: self.shared.models[model] for field, model in spec.models.items()}
        return spec.cls(**spec.settings, **models, **spec.prompts, **recalls)

    async def step(self, vertex: Vertex, key: StepKey, state: Mapping[str, Json]) -> Mapping[str, Json]:
        if self._reset is not None:
            self._reset.enter(state)
        logged = self.log.finished.get(str(key))
        replayed = logged is not None
        if logged is None:
            logged = await self._run(vertex, key, state)
            self.log.step(logged)
        else:
            self._replayed(logged)
        for memory, entry in entries_of(logged, self.shared.recording.types):
            self.shared.stores[memory].add(entry)
        self.shared.observer.step(self.name, logged, replayed=replayed)
        return self._update(vertex, logged, state)

    def end_loops(self, key: StepKey, ends: Sequence[LoopEnd]) -> None:
        self.log.loops_ended(str(key), [(end.loop, end.passes, end.reason) for end in ends])

    async def make_again(self, made: Made) -> None:
        """Make a call again that a reset has undone. Raises `ResetError` if it ends differently."""
        if self.shared.resetter is not None:
            await self.shared.resetter.make_again([made])

    async def _run(self, vertex: Vertex, key: StepKey, state: Mapping[str, Json]) -> Logged:
        if isinstance(vertex.block, RecordBlock):
            return self.shared.recording.step(vertex, vertex.block, key, self.name, state)
        spec = self.shared.workflow.nodes[vertex.block.node]
        if spec.name in self.shared.workflow.sub_workflows:
            return await self._part(vertex, key, state)
        for memory in spec.recalls.values():
            if memory is not None:
                kept = self.shared.workflow.memories[memory]
                self._recalls[memory].scope = scope_of(kept, self.shared.flow, self.name, state)
        session = StepSession(self, spec, key, state)
        started = now()
        try:
            if self._reset is not None:
                await self._reset.ready()
            gives = _plain(await self._nodes[spec.name](self._read(spec, state), session), spec)
            session.used.repaired += bool(gives.get("repairs"))
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            raise NodeError(f"{self._place(vertex, key)}: the node was cancelled from within") from error
        except (BudgetSpentError, RunError):
            raise
        except (ModelError, NodeError, NotRecordedError, ResetError) as error:
            raise type(error)(f"{self._place(vertex, key)}: {error}") from error
        except (Exception, SystemExit) as error:
            raise NodeError(f"{self._place(vertex, key)}: {type(error).__name__}: {_said(error)}") from error
        return Logged(
            key=str(key),
            started=started,
            ended=now(),
            gives=self.shared.redactor.redact_data(gives),
            said=session.messages,
            calls=session.calls,
            made=session.made,
            lines=session.lines,
            used=session.used,
        )

    async def _part(self, vertex: Vertex, key: StepKey, state: Mapping[str, Json]) -> Logged:
        """Run a sub-workflow to its end."""
        shared, started = self.shared, now()
        assert isinstance(vertex.block, NodeBlock)
        sub = shared.workflow.sub_workflows[vertex.block.node]
        folder = part_folder(shared.within.folder, self.log.path.stem if shared.workflow.over else None, sub, key)
        try:
            gives, used = await part(sub, state_lookup(shared.flow, state), folder, shared.within, shared.under_way)
        except (BudgetSpentError, RunError):
            raise
        except SteError as error:
            raise NodeError(f"{self._place(vertex, key)}: {error}") from error
        return Logged(
            key=str(key), started=started, ended=now(), gives=shared.redactor.redact_data(gives), part=True, used=used
        )

    def _read(self, spec: NodeSpec, state: Mapping[str, Json]) -> NodeInputs:
        """What the node reads; its own copy, so that nothing it does to it reaches the state."""
        values: dict[str, Json] = dict.fromkeys(spec.cls.Inputs.model_fields)
        for field, source in spec.inputs.items():
            match source:
                case FromNode(node=node, field=output):
                    values[field] = _copied(state.get(output_channel(node, output)))
                case FromLoop(name=name):
                    values[field] = _copied(state_lookup(self.shared.flow, state)(name))
                case FromData(data=data):
                    values[field] = _copied(self.shared.workflow.items[data])
        return spec.cls.Inputs(**values)

    def _replayed(self, logged: Logged) -> None:
        for tool, kind in logged.calls:
            self.toolbox.replayed(tool, Observation(ok=kind == "ok", kind=kind, text=""))
        if self._reset is not None:
            self._reset.replayed(logged.made)

    def _update(self, vertex: Vertex, logged: Logged, state: Mapping[str, Json]) -> dict[str, Json]:
        update: dict[str, Json] = {channel: logged.started for channel in self._began if state[channel] is None}
        if not isinstance(vertex.block, RecordBlock):
            spec = self.shared.workflow.nodes[vertex.block.node]
            channels = self.shared.flow.outputs[spec.name]
            update |= {channels[field]: value for field, value in logged.gives.items()}
            if spec.transcript and logged.said:
                memory = self.shared.workflow.memories[spec.transcript].memory
                update[spec.transcript] = memory.extended(state[spec.transcript], logged.said)
            return update
        talks = {name: spec.memory for name, spec in self.shared.workflow.memories.items() if spec.of is None}
        summary = self.shared.recording.summary(logged) if talks else ""
        return update | {name: memory.recorded(state[name], summary) for name, memory in talks.items()}

    def _place(self, vertex: Vertex, key: StepKey) -> str:
        return place(vertex, key, f"{self.shared.workflow.unit}={self.name}")


def _plain(output: object, spec: NodeSpec) -> dict[str, Json]:
    """A node's output as plain data. Raises `NodeError` if it is not what the node says it gives."""
    expected = spec.outputs.model_fields
    if not isinstance(output, BaseModel):
        raise NodeError(f"gave a {type(output).__name__}, not its `Outputs` ({', '.join(expected) or 'nothing'})")
    gives = output.model_dump(mode="json")
    if gives.keys() != expected.keys():
        raise NodeError(f"gave {', '.join(gives) or 'nothing'}, not {', '.join(expected) or 'nothing'}")
    return gives


def _copied(value: Json) -> Json:
    """A plain value's own copy; `deepcopy` takes five times as long to find out what it has before it."""
    if isinstance(value, dict):
        return {key: _copied(inner) for key, inner in value.items()}
    return [_copied(inner) for inner in value] if isinstance(value, list) else value


def _said(error: BaseException) -> str:
    return invalid(error) if isinstance(error, ValidationError) else str(error)
