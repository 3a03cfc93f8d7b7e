"""What a finished step changes in the state of its unit, whether it was just run or is replayed from a log."""

from __future__ import annotations

from collections.abc import Mapping

from ste_graph.compile.channels import start_channel
from ste_graph.compile.flow import Flow, Vertex
from ste_graph.contracts import Json
from ste_graph.language.blocks import RecordBlock
from ste_graph.run.logged_step import LoggedStep
from ste_graph.run.record_maker import RecordMaker


class StateUpdater:
    """The channel updates of the steps of one workflow."""

    def __init__(self, flow: Flow, record_maker: RecordMaker) -> None:
        self._workflow = flow.workflow
        self._outputs = flow.outputs
        self._record_maker = record_maker
        self._start_channels = [channel for channel in flow.channels if channel.startswith(start_channel(""))]

    def update(self, vertex: Vertex, step: LoggedStep, state: Mapping[str, Json]) -> dict[str, Json]:
        """The channels that a step of a vertex writes, with their new values."""
        update: dict[str, Json] = {name: step.started for name in self._start_channels if state[name] is None}
        if not isinstance(vertex.block, RecordBlock):
            spec = self._workflow.nodes[vertex.block.node]
            channels = self._outputs[spec.name]
            update |= {channels[field]: value for field, value in step.outputs.items()}
            if spec.transcript and step.messages:
                memory = self._workflow.memories[spec.transcript].memory
                update[spec.transcript] = memory.extend(state[spec.transcript], step.messages)
            return update
        transcripts = {name: spec.memory for name, spec in self._workflow.memories.items() if spec.of is None}
        summary = self._record_maker.summary(step) if transcripts else ""
        return update | {name: memory.mark_record(state[name], summary) for name, memory in transcripts.items()}
