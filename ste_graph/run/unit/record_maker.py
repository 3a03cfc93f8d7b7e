"""Records: made where a unit comes to a `record` block, and handed to the memories of their type."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import ValidationError

from ste_graph.compile.channels import each_channel, start_channel
from ste_graph.compile.flow import Flow, Vertex
from ste_graph.compile.lookup import pass_id, state_lookup
from ste_graph.compile.stepper import StepKey
from ste_graph.contracts import Json
from ste_graph.ids import derive_id, now
from ste_graph.language.blocks import Each, RecordBlock
from ste_graph.language.expressions.expression import Expression
from ste_graph.records import RecordContext
from ste_graph.run.errors import NodeError, describe_step_place, error_text, first_fault
from ste_graph.run.logs.logged_step import LoggedStep
from ste_graph.run.memories import memory_scope
from ste_graph.run.unit.authors import Authors
from ste_graph.tracebacks import with_place


class RecordMaker:
    """Makes the records of a run; one for all its units."""

    def __init__(self, flow: Flow, labels: Mapping[str, str]) -> None:
        self._flow = flow
        self._labels = labels
        self._nodes_read: dict[str, dict[str, list[str]]] = {}
        self._types = flow.workflow.records
        self._has_transcripts = any(memory.of is None for memory in flow.workflow.memories.values())

    def make(
        self,
        vertex: Vertex,
        block: RecordBlock,
        key: StepKey,
        unit: str,
        state: Mapping[str, Json],
        authors: Authors,
    ) -> LoggedStep:
        """Make the finished step of a `record` block. Raises `NodeError` where the values of `as` do not fit."""
        workflow = self._flow.workflow
        at = now()
        started = state[start_channel(block.key)] or at
        id = derive_id(unit, key)
        item = state[workflow.unit]
        scopes = {
            name: memory_scope(memory, self._flow, unit, state)
            for name, memory in workflow.memories.items()
            if memory.of == block.record
        }
        context = RecordContext(id=id, item=item, models=self._models(block, key, authors), started=started, ended=at)
        try:
            record = self._types[block.record].from_values(self._values(block, state), context)
            fields = record.model_dump(mode="json")
            text = record.text if scopes else None
            summary = record.summary if self._has_transcripts else None
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # whatever a user's own type of record raises
            why = first_fault(error) if isinstance(error, ValidationError) else error_text(error)
            place = describe_step_place(vertex, key, f"{workflow.unit}={unit}")
            raise NodeError(f"{place}: {with_place(why, error, self._types[block.record].__module__)}") from error
        line = {"id": id, "record": block.record, workflow.unit: unit}
        line |= {loop: pass_id(self._flow, loop, state) for loop in vertex.occurrences[0]}
        line |= {**fields, "started": started, "ended": at}
        return LoggedStep(key=str(key), started=at, ended=at, record=line, scopes=scopes, text=text, summary=summary)

    def _values(self, block: RecordBlock, state: Mapping[str, Json]) -> dict[str, Json]:
        lookup = state_lookup(self._flow, state)
        return {
            name: state[each_channel(value, block.key)] if isinstance(value, Each) else value.evaluate(lookup)
            for name, value in block.values.items()
        }

    def _models(self, block: RecordBlock, key: StepKey, authors: Authors) -> dict[str, list[str]]:
        """The labels of the models that each field of `as` comes from."""
        nodes = self._flow.workflow.nodes
        if block.key not in self._nodes_read:
            self._nodes_read[block.key] = {
                name: [node for node in _names_read(value) if node in nodes] for name, value in block.values.items()
            }

        def labels(node: str) -> list[str]:
            known = authors.find(node, key)
            return [self._labels[model] for model in nodes[node].models.values()] if known is None else known

        return {
            name: [label for node in read for label in labels(node)]
            for name, read in self._nodes_read[block.key].items()
        }


def _names_read(value: Expression | Each) -> list[str]:
    """The first parts of the names that a field of `as` reads."""
    return [value.first] if isinstance(value, Each) else sorted({name.split(".")[0] for name in value.names})
