"""Expressions of the graph and of memories, each checked where it stands."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ste_graph.language.blocks import Map, RecordBlock, Repeat, When
from ste_graph.language.findings import Findings
from ste_graph.language.graph import GraphReader
from ste_graph.language.records import check_record
from ste_graph.language.resolution import Resolved
from ste_graph.language.scope import Place, seats_of
from ste_graph.language.types import BOOL, LIST, STR
from ste_graph.language.vocabulary import Vocabulary
from ste_graph.language.workflow import MemorySpec, NodeSpec
from ste_graph.records import Record


@dataclass(frozen=True, slots=True)
class Conditions:
    """Checks expressions; `reader` remembers where each was written."""

    reader: GraphReader
    vocabulary: Vocabulary
    findings: Findings

    def check(self, seats: Sequence[Place], records: Mapping[str, type[Record]]) -> None:
        """Everything that the blocks of the graph look at."""
        for seat in seats:
            match seat.block:
                case RecordBlock() as keep if keep.record in records:
                    given = self.reader.given[keep.span]
                    check_record(keep, records[keep.record], given, seat, self.vocabulary, self.findings)
                case (Repeat(condition=condition, span=span) | When(condition=condition, span=span)) as block:
                    key = block.test if isinstance(block, Repeat) else "when"
                    if condition is not None and span in self.reader.places:
                        self.vocabulary.check(condition, self.reader.places[span], seat, BOOL, key, self.findings)
                case Map(over=over, span=span) if span in self.reader.places:
                    self.vocabulary.check(over, self.reader.places[span], seat, LIST, "over", self.findings)

    def check_units(self, unit: Map, has_tools: bool) -> None:
        """What the units come from is known before anything runs: `tools`, `data.…`, or a list in `params`."""
        if unit.over.text == "tools":
            if not has_tools:
                said = "the graph maps over `tools`, but the workflow has none"
                self.findings.error("E219", said, unit.span, expected="`tools: […]`")
        elif unit.span in self.reader.places:
            outside = Vocabulary({}, {}, self.vocabulary.params, {}, None, self.vocabulary.data)
            tree, place = self.reader.places[unit.span], Place(unit, (), frozenset())
            outside.check(unit.over, tree, place, LIST, "over", self.findings)

    def check_likes(
        self,
        memories: Iterable[MemorySpec],
        entries: Mapping[str, Resolved],
        nodes: Iterable[NodeSpec],
        seats: Sequence[Place],
    ) -> None:
        """What memories recall by, at every place of the nodes that see them."""
        readers = list(nodes)
        for memory in memories:
            tree = entries[memory.name].tree
            stated = tree.at(["recall", "like"]) or tree
            for node in (node for node in readers if memory.like is not None and memory.name in node.memories):
                for seat in seats_of(node.name, seats):
                    assert memory.like is not None
                    self.vocabulary.check(memory.like, stated, seat, STR.maybe, "like", self.findings)
