"""The entries of `{each: [first, second]}`, gathered while a unit runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ste_graph.compile.channels import each_channel, joined_channel, output_channel
from ste_graph.contracts import Json
from ste_graph.language.blocks import Each, RecordBlock, walk
from ste_graph.language.workflow import Workflow


@dataclass(frozen=True, slots=True)
class Join:
    """One `each` of one `record` block: the channels that hold its entries, and the outputs that they are made of."""

    channel: str
    joined: str
    first: Mapping[str, str]
    second: Mapping[str, str]
    """Per field of an entry: the channel that gives it."""

    def open_entry(self, state: Mapping[str, Json], given: Mapping[str, Json]) -> dict[str, Json]:
        """The change when `first` has run: a new entry, without anything from `second` yet."""
        entry = {field: given[channel] for field, channel in self.first.items()} | dict.fromkeys(self.second)
        return {self.channel: [*state[self.channel], entry], self.joined: False}

    def close_entry(self, state: Mapping[str, Json], given: Mapping[str, Json]) -> dict[str, Json]:
        """The change when `second` has run: it joins the last entry, unless an earlier run of it already has."""
        if not state[self.channel] or state[self.joined]:
            return {}
        *before, last = state[self.channel]
        entry = last | {field: given[channel] for field, channel in self.second.items()}
        return {self.channel: [*before, entry], self.joined: True}


@dataclass(frozen=True, slots=True)
class Joins:
    """Every `each` of a workflow."""

    by_first: Mapping[str, Sequence[Join]]
    by_second: Mapping[str, Sequence[Join]]

    def gather(self, node: str, state: Mapping[str, Json], given: Mapping[str, Json]) -> dict[str, Json]:
        """The change of the entries in `state` when `node` has run and produced `given`."""
        update: dict[str, Json] = {}
        for join in self.by_first.get(node, ()):
            update |= join.open_entry(state, given)
        for join in self.by_second.get(node, ()):
            update |= join.close_entry(state, given)
        return update


def find_joins(workflow: Workflow) -> Joins:
    """The joins of a workflow's `record` blocks; a node that is off adds nothing to their entries."""
    by_first: dict[str, list[Join]] = {}
    by_second: dict[str, list[Join]] = {}

    def fields(node: str | None) -> dict[str, str]:
        spec = workflow.nodes.get(node) if node else None
        return {field: output_channel(spec.name, field) for field in spec.outputs.model_fields} if spec else {}

    for block, _ in walk(workflow.blocks):
        if isinstance(block, RecordBlock):
            for each in dict.fromkeys(value for value in block.values.values() if isinstance(value, Each)):
                join = Join(
                    each_channel(each, block.key),
                    joined_channel(each, block.key),
                    fields(each.first),
                    fields(each.second),
                )
                by_first.setdefault(each.first, []).append(join)
                if each.second:
                    by_second.setdefault(each.second, []).append(join)
    return Joins(by_first, by_second)
