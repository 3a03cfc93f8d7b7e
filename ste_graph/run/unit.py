"""One unit of a run: its steps are replayed from the log as far as it goes, and run from there on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from pydantic import ValidationError

from ste_graph.compile.channels import began_channel, each_channel, output_channel
from ste_graph.compile.flow import Flow, Vertex
from ste_graph.compile.names import names
from ste_graph.compile.stepper import Ended, StepKey
from ste_graph.contracts import Entry, Json, Model, Observation, RecordStore
from ste_graph.errors import BudgetSpent, ModelError, RunError, SteError
from ste_graph.language.blocks import Do, Each, Keep, walk
from ste_graph.language.workflow import FromLoop, FromNode, NodeSpec, Workflow
from ste_graph.models.meter import Meter
from ste_graph.node import Node
from ste_graph.records import Circumstances, Record
from ste_graph.registry import load
from ste_graph.run.clock import now
from ste_graph.run.hashing import id_of
from ste_graph.run.memories import NoRecall, UnitRecall, loops_at, scope_of
from ste_graph.run.session import StepSession
from ste_graph.run.step_log import Logged, StepLog
from ste_graph.tools.toolbox import Toolbox


class Observer(Protocol):
    """Who watches a run: progress on a terminal, the journal, a test."""

    def step(self, unit: str, step: Logged, *, replayed: bool) -> None:
        """A step is finished, or was finished before and is replayed."""


class NodeFault(SteError):
    """A node raised, or gave something that is not its output: the unit fails, the others go on."""


def record_types(workflow: Workflow) -> dict[str, type[Record]]:
    """The types of the records that a workflow makes, by name."""
    return {
        block.record: load("records", block.record) for block, _ in walk(workflow.blocks) if isinstance(block, Keep)
    }


def entries_of(step: Logged, types: Mapping[str, type[Record]]) -> list[tuple[str, Entry]]:
    """What a finished step adds to memories, by the memory's name."""
    if step.record is None or not step.scopes:
        return []
    cls = types[step.record["record"]]
    text = cls.model_validate({name: step.record[name] for name in cls.model_fields}).text
    return [
        (memory, Entry(id=step.record["id"], scope=scope, text=text, record=step.record))
        for memory, scope in step.scopes.items()
    ]


@dataclass(frozen=True)
class Shared:
    """What all units of a run share."""

    workflow: Workflow
    flow: Flow
    models: Mapping[str, Model]
    stores: Mapping[str, RecordStore]
    meter: Meter
    observer: Observer


@dataclass
class UnitRun:
    """Runs one unit (the contract `Stepper`)."""

    name: str
    item: Json
    shared: Shared
    log: StepLog
    toolbox: Toolbox
    _nodes: dict[str, Node] = field(default_factory=dict)
    _recalls: dict[str, UnitRecall] = field(default_factory=dict)

    def __post_init__(self) -> None:
        workflow = self.shared.workflow
        self._recalls = {name: UnitRecall(store) for name, store in self.shared.stores.items()}
        for spec in workflow.nodes.values():
            self._nodes[spec.name] = self._made(spec)
        self._records = record_types(workflow)
        self._keeps = [(block, around) for block, around in walk(workflow.blocks) if isinstance(block, Keep)]

    def _made(self, spec: NodeSpec) -> Node:
        recalls = {k: self._recalls[name] if name else NoRecall() for k, name in spec.recalls.items()}
        models = {k: self.shared.models[name] for k, name in spec.models.items()}
        return spec.cls(**spec.settings, **models, **spec.prompts, **recalls)

    # -- Stepper -------------------------------------------------------------------------------------------------

    async def step(self, vertex: Vertex, key: StepKey, state: Mapping[str, Json]) -> Mapping[str, Json]:
        self._remember_scopes(state)
        logged = self.log.finished.get(str(key))
        replayed = logged is not None
        if logged is None:
            match vertex.block:
                case Do(node=node):
                    logged = await self._run(self.shared.workflow.nodes[node], vertex, key, state)
                case Keep() as keep:
                    logged = self._keep(keep, vertex, key, state)
            self.log.step(logged)
        else:
            for tool, kind in logged.calls:
                self.toolbox.replayed(tool, Observation(ok=kind == "ok", kind=kind, text=""))  # type: ignore[arg-type]
        for memory, entry in entries_of(logged, self._records):
            self.shared.stores[memory].add(entry)
        self.shared.observer.step(self.name, logged, replayed=replayed)
        return self._update(vertex, logged, state)

    def ended(self, key: StepKey, ended: Sequence[Ended]) -> None:
        self.log.loops_ended(str(key), [(one.loop, one.passes, one.why) for one in ended])

    # -- nodes ---------------------------------------------------------------------------------------------------

    async def _run(self, spec: NodeSpec, vertex: Vertex, key: StepKey, state: Mapping[str, Json]) -> Logged:
        session = StepSession(self, spec, vertex, key, state)
        started = now()
        try:
            see = spec.cls.See(**self._read(spec, state)).within(session)
            output = await self._nodes[spec.name](see)
            gives = output.model_dump(mode="json")
        except ValidationError as error:
            fault = error.errors(include_url=False)[0]
            field = ".".join(map(str, fault["loc"]))
            raise NodeFault(f"{self.place(vertex, key)}: `{field}`: {fault['msg']}") from error
        except (BudgetSpent, RunError):
            raise
        except (ModelError, NodeFault) as error:
            raise type(error)(f"{self.place(vertex, key)}: {error}") from error
        except Exception as error:
            raise NodeFault(f"{self.place(vertex, key)}: {type(error).__name__}: {error}") from error
        missing = spec.outputs.model_fields.keys() ^ gives.keys()
        if missing:
            raise NodeFault(f"{self.place(vertex, key)}: gave {sorted(gives)}, not {sorted(spec.outputs.model_fields)}")
        return Logged(key=str(key), started=started, ended=now(), gives=gives, said=session.said, calls=session.calls, used=session.used)

    def _read(self, spec: NodeSpec, state: Mapping[str, Json]) -> dict[str, Json]:
        values: dict[str, Json] = {}
        for field_name, source in spec.reads.items():
            match source:
                case FromNode(node=node, field=output):
                    values[field_name] = state.get(output_channel(node, output))
                case FromLoop(loop=loop):
                    values[field_name] = names(self.shared.flow, state)(loop)
        for field_name in spec.cls.See.model_fields.keys() - values.keys():
            values[field_name] = None
        return values

    def _update(self, vertex: Vertex, logged: Logged, state: Mapping[str, Json]) -> dict[str, Json]:
        update: dict[str, Json] = {
            began_channel(keep.key): logged.started for keep, _ in self._keeps if state[began_channel(keep.key)] is None
        }
        if isinstance(vertex.block, Do):
            spec = self.shared.workflow.nodes[vertex.block.node]
            update |= {output_channel(spec.name, name): value for name, value in logged.gives.items()}
            if spec.talk and logged.said:
                memory = self.shared.workflow.memories[spec.talk].memory
                update[spec.talk] = memory.extended(state[spec.talk], logged.said)
        return update

    # -- records -------------------------------------------------------------------------------------------------

    def _keep(self, keep: Keep, vertex: Vertex, key: StepKey, state: Mapping[str, Json]) -> Logged:
        lookup = names(self.shared.flow, state)
        given: dict[str, Json] = {}
        labels: dict[str, list[str]] = {}
        for name, value in keep.values.items():
            if isinstance(value, Each):
                given[name] = state[each_channel(value, keep.key)]
                nodes = [value.first]
            else:
                given[name] = value.evaluate(lookup)
                nodes = sorted({read.split(".")[0] for read in value.reads})
            labels[name] = [label for node in nodes for label in self._labels(node)]
        at = now()
        started = state[began_channel(keep.key)] or at
        id = id_of(self.name, key)
        try:
            record = self._records[keep.record].made(
                given, Circumstances(id=id, item=self.item, models=labels, started=started, ended=at)
            )
        except ValidationError as error:
            fault = error.errors(include_url=False)[0]
            field_name = ".".join(map(str, fault["loc"]))
            raise NodeFault(f"{self.place(vertex, key)}: `{field_name}`: {fault['msg']}") from error
        loops = loops_at(self.shared.flow, vertex.occurrences[0], state)
        line = {"id": id, "record": keep.record, self.shared.workflow.unit: self.name, **loops}
        line |= {**record.model_dump(mode="json"), "started": started, "ended": at}
        scopes = {
            name: scope_of(memory, self.shared.flow, self.name, state)
            for name, memory in self.shared.workflow.memories.items()
            if memory.of == keep.record
        }
        return Logged(key=str(key), started=at, ended=at, record=line, scopes=scopes)

    def _labels(self, node: str) -> list[str]:
        spec = self.shared.workflow.nodes.get(node)
        return [self.shared.models[name].label for name in spec.models.values()] if spec else []

    def _remember_scopes(self, state: Mapping[str, Json]) -> None:
        for name, recall in self._recalls.items():
            recall.scope = scope_of(self.shared.workflow.memories[name], self.shared.flow, self.name, state)

    # -- errors --------------------------------------------------------------------------------------------------

    def place(self, vertex: Vertex, key: StepKey) -> str:
        """Where in the file, and where in the run."""
        counters = [f"{loop} {count}" for loop, count in key.counters if count is not None]
        lines = "/".join(dict.fromkeys(str(span.line) for span in vertex.spans))
        unit = f"{self.shared.workflow.unit}={self.name}"
        return f"{vertex.spans[0].file}:{lines} node {vertex.id}, {' '.join([unit, *counters])}"

    def prompt_values(self, state: Mapping[str, Json], vertex: Vertex) -> dict[str, Any]:
        """The values that any prompt at this step may read, but for memories: by root name, as plain data."""
        values: dict[str, Any] = {"params": self.shared.workflow.params}
        for spec in self.shared.workflow.nodes.values():
            values[spec.name] = {f: state[output_channel(spec.name, f)] for f in spec.outputs.model_fields}
        for around in vertex.occurrences:
            values |= loops_at(self.shared.flow, around, state)
        values[self.shared.workflow.unit] = self.item
        return values
