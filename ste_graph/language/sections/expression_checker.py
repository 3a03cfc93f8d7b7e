"""The check of the expressions of the graph and of memories, each at its position."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ste_graph.language.blocks import Map, RecordBlock, Repeat, When
from ste_graph.language.expressions.types import BOOL, LIST, STR
from ste_graph.language.sections.graph import Graph
from ste_graph.language.sections.records import check_record
from ste_graph.language.sections.resolution import ResolvedEntry
from ste_graph.language.sections.scope import Position, positions_of
from ste_graph.language.sections.vocabulary import Names, Vocabulary
from ste_graph.language.source.findings import Findings
from ste_graph.language.workflow import MemorySpec, NodeSpec
from ste_graph.records import Record


@dataclass(frozen=True, slots=True)
class ExpressionChecker:
    """Checks expressions; `graph` has the tree of each."""

    graph: Graph
    vocabulary: Vocabulary
    findings: Findings

    def check_blocks(self, positions: Sequence[Position], records: Mapping[str, type[Record]]) -> None:
        """Check the conditions, lists and record values of the graph."""
        trees = self.graph.expression_trees
        for position in positions:
            match position.block:
                case RecordBlock() as block if block.record in records:
                    entries = self.graph.record_entries[block.span]
                    check_record(block, records[block.record], entries, position, self.vocabulary, self.findings)
                case (Repeat(condition=condition, span=span) | When(condition=condition, span=span)) as block:
                    key = block.test if isinstance(block, Repeat) else "when"
                    if condition is not None and span in trees:
                        self.vocabulary.check(condition, trees[span], position, BOOL, key, self.findings)
                case Map(over=over, span=span) if span in trees:
                    self.vocabulary.check(over, trees[span], position, LIST, "over", self.findings)

    def check_units(self, unit: Map, has_tools: bool) -> None:
        """Check that the units are known before anything runs: `tools`, `data.…`, or a list in `params`."""
        if unit.over.text == "tools" and not has_tools:
            message = "the graph maps over `tools`, but the workflow has none"
            self.findings.error("E219", message, unit.span, expected="a section `tools: […]`")
        outer = Vocabulary({}, {}, self.vocabulary.params, {}, None, self.vocabulary.data, self.vocabulary.param_tree)
        names = Names({**outer.names((), ()), "tools": LIST}, {})
        for key, expression, span in (("over", unit.over, unit.span), ("without", unit.without, unit.without_span)):
            tree = self.graph.expression_trees.get(span) if span is not None else None
            if expression is not None and tree is not None and expression.text != "tools":
                outer.check_names(expression, tree, names, LIST, key, self.findings)

    def check_likes(
        self,
        memories: Iterable[MemorySpec],
        entries: Mapping[str, ResolvedEntry],
        nodes: Iterable[NodeSpec],
        positions: Sequence[Position],
    ) -> None:
        """Check the `like` of memories at every position of the nodes that use them."""
        readers = list(nodes)
        for memory in memories:
            tree = entries[memory.name].tree
            stated = tree.at(["recall", "like"]) or tree
            for node in (node for node in readers if memory.like is not None and memory.name in node.memories):
                for position in positions_of(node.name, positions):
                    assert memory.like is not None
                    self.vocabulary.check(memory.like, stated, position, STR.with_null, "like", self.findings)
