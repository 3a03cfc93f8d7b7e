"""The `graph` section: a tree to blocks, with names checked, expressions parsed and loops bounded."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from ste_graph.diagnostics import Span
from ste_graph.language.blocks import Block, Each, Map, NodeBlock, Parallel, RecordBlock, Repeat, When
from ste_graph.language.expressions.expression import Expression, ExpressionError
from ste_graph.language.sections.bounds import BOUND, WIDTH, Bound, BoundReader
from ste_graph.language.sections.schema import IDENTIFIER, RESERVED
from ste_graph.language.sections.vocabulary import report_expression
from ste_graph.language.source.files import default_run_name
from ste_graph.language.source.findings import Findings, one_of
from ste_graph.language.source.tree import MappingEntry, MappingNode, ScalarNode, SequenceNode, Tree
from ste_graph.suggest import closest

ONE_NAME_SPACE: Final = "nodes, loops and memories share one name space"
WITHOUT: Final = "`without` leaves out units, and the items of this map are not units"
_FAULTY: Final = Expression("None")  # replaces one that was reported, so that the blocks inside are read all the same


@dataclass(frozen=True, slots=True)
class Graph:
    """The graph of a file as it was read, perhaps in part."""

    blocks: tuple[Block, ...] = ()
    names: Mapping[str, Span] = field(default_factory=dict)
    """All names of nodes, memories, loops and sub-workflows, each with its first place."""
    used: frozenset[str] = frozenset()
    """The nodes in the graph, off or not, known or not."""
    loops: Mapping[str, Span] = field(default_factory=dict)
    runs: Mapping[str, MappingNode] = field(default_factory=dict)
    """The `run:` blocks, by their names in the graph."""
    expression_trees: Mapping[Span, Tree] = field(default_factory=dict)
    """The tree of each expression, by the span of the block (or of the key under `as`) that holds it."""
    record_entries: Mapping[Span, Mapping[str, MappingEntry]] = field(default_factory=dict)
    """The entries under `as`, by the span of their `record`."""
    is_incomplete: bool = False
    """True if a block was left out, or two loops have one name, so that it is not known what produces a value."""


class GraphReader:
    """Reads one graph, which may have a wrong shape: what the check of the shape has reported is passed over.

    `taken` are the places of all nodes and memories; `nodes` may be in the graph; those in `off` leave no block.
    """

    def __init__(
        self,
        nodes: set[str],
        off: set[str],
        params: MappingNode,
        taken: Mapping[str, Span],
        findings: Findings,
    ) -> None:
        self._nodes = nodes
        self._off = off
        self._params = params
        self._findings = findings
        self._names: dict[str, Span] = dict(taken)
        self._used: set[str] = set()
        self._loops: dict[str, Span] = {}
        self._runs: dict[str, MappingNode] = {}
        self._expression_trees: dict[Span, Tree] = {}
        self._record_entries: dict[Span, Mapping[str, MappingEntry]] = {}
        self._is_incomplete = False
        self._is_conditional = False  # inside a `when`, which may well say when the loop has nothing to do
        self._record_counts: Counter[str] = Counter()

    def read(self, tree: Tree | None) -> Graph:
        """The graph in a list of blocks."""
        return Graph(
            blocks=self._read_blocks(tree, top=True),
            names=self._names,
            used=frozenset(self._used),
            loops=self._loops,
            runs=self._runs,
            expression_trees=self._expression_trees,
            record_entries=self._record_entries,
            is_incomplete=self._is_incomplete,
        )

    def _read_blocks(self, tree: Tree | None, *, top: bool = False) -> tuple[Block, ...]:
        items = tree.items if isinstance(tree, SequenceNode) else ()
        found = [self._read_block(item, top=top) for item in items]
        return tuple(block for block in found if block is not None)

    def _read_block(self, tree: Tree, *, top: bool) -> Block | None:
        match tree:
            case ScalarNode(value=str() as name):
                return self._read_node(name, tree.span)
            case MappingNode(entries=entries) if "map" in entries:
                return self._read_map(tree, top=top)
            case MappingNode(entries=entries) if "repeat" in entries:
                return self._read_repeat(tree)
            case MappingNode(entries=entries) if "when" in entries:
                return self._read_when(tree)
            case MappingNode(entries=entries) if "record" in entries:
                return self._read_record(tree)
            case MappingNode(entries=entries) if "run" in entries:
                return self._read_run(tree)
        self._is_incomplete = True
        return None

    def _read_node(self, name: str, span: Span) -> NodeBlock | None:
        self._used.add(name)
        if name in self._nodes:
            return None if name in self._off else NodeBlock(name, span)
        self._is_incomplete = True
        if re.fullmatch(IDENTIFIER, name):  # else the check of the shape has reported it
            message = f"`{name}` is a loop or a memory, not a node" if name in self._names else f"unknown node `{name}`"
            expected = one_of(self._nodes, "a name defined in `nodes:`")
            self._findings.error("E220", message, span, expected=expected, suggestion=closest(name, self._nodes))
        return None

    def _read_run(self, tree: MappingNode) -> NodeBlock | None:
        stated, file = tree.entries.get("name"), tree.entries["run"].value
        plain = file.to_plain()
        if not isinstance(plain, str) or not (stated is None or isinstance(stated.value.to_plain(), str)):
            self._is_incomplete = True
            return None
        span = stated.value.span if stated else file.span
        name = str(stated.value.to_plain()) if stated else default_run_name(plain)
        if not re.fullmatch(IDENTIFIER, name):
            message = f"the name `{name}` of this run cannot be read by expressions"
            self._findings.error("E203", message, span, expected="`name: …` next to `run`")
        self._take_name(name, span, "`name: …` next to `run`")
        self._runs.setdefault(name, tree)
        return NodeBlock(name, tree.entries["run"].key_span)

    def _loop_name(self, entry: MappingEntry) -> str:
        name, span = str(entry.value.to_plain()), entry.value.span
        self._take_name(name, span, "another name for the loop")
        self._loops.setdefault(name, span)
        return name

    def _take_name(self, name: str, span: Span, expected: str) -> None:
        """Give a name to a loop or a sub-workflow, or report that it is reserved or taken."""
        if name in RESERVED:
            self._findings.error("E221", f"`{name}` is a reserved name", span, expected=expected)
        elif name in self._names:
            self._is_incomplete = True  # a name with two meanings
            related = ((self._names[name], f"first `{name}` here"),)
            message = f"duplicate name `{name}`: {ONE_NAME_SPACE}"
            self._findings.error("E221", message, span, expected=expected, related=related)
        self._names.setdefault(name, span)

    def _read_map(self, tree: MappingNode, *, top: bool) -> Map | None:
        name, span = self._loop_name(tree.entries["map"]), tree.entries["map"].key_span
        over = self._expression(tree.at(["over"]), span) or _FAULTY
        at_most = tree.at(["at_most"])
        if at_most is None and not top:
            message = f"`map: {name}` has no bound"
            self._findings.error("E231", message, span, expected="`at_most: …` next to `over`")
        bound = None if at_most is None else self._read_bound(at_most, name, "at_most")
        without, entry = None, tree.entries.get("without")
        if entry is not None:
            without = self._expression(entry.value, entry.key_span)
            if not top:
                self._findings.error("E233", WITHOUT, entry.key_span, expected="`without` at the map of the top level")
        do = self._read_blocks(tree.at(["do"]))
        place = entry.key_span if entry is not None else None
        return Map(name, over, do, bound, span, without, place, self._read_parallel(tree, name)) if do else None

    def _read_repeat(self, tree: MappingNode) -> Repeat | None:
        name, span = self._loop_name(tree.entries["repeat"]), tree.entries["repeat"].key_span
        at_most = tree.entries.get("at_most")
        parallel = self._read_parallel(tree, name)
        do = self._read_blocks(tree.at(["do"]))
        match [key for key in ("times", "while", "until") if key in tree.entries]:
            case ["times"]:
                if at_most is not None:
                    message = f"`repeat: {name}` has two bounds, `times` and `at_most`"
                    self._findings.error("E231", message, at_most.key_span, expected="one of them")
                bound = self._read_bound(tree.at(["times"]), name, "times")
                loop = Repeat(name, do, bound, "times", None, span, parallel)
            case ["while" | "until" as test]:
                condition = self._condition(tree, test, span)
                if "parallel" in tree.entries:
                    message = f"the passes of `{name}` cannot run side by side: `{test}` is tested between them"
                    place, expected = tree.entries["parallel"].key_span, "`times: …`, or no `parallel`"
                    self._findings.error("E235", message, place, expected=expected)
                if at_most is None:
                    expected = f"`at_most: …` next to `{test}`: loops are always bounded"
                    self._findings.error("E231", f"`repeat: {name}` has no bound", span, expected=expected)
                bound = 1 if at_most is None else self._read_bound(at_most.value, name, "at_most")
                loop = Repeat(name, do, bound, "while" if test == "while" else "until", condition, span)
            case tests:
                keys = " and ".join(f"`{test}`" for test in tests)
                expected = "one of `times: …`, or `while: …` or `until: …` with `at_most: …`"
                message = f"`repeat: {name}` has {f'both {keys}' if keys else 'no bound'}"
                self._findings.error("E231", message, span, expected=expected)
                loop = Repeat(name, do, 1, "times", None, span)
        return loop if do else None

    def _read_when(self, tree: MappingNode) -> When | None:
        span = tree.entries["when"].key_span
        condition = self._condition(tree, "when", span)
        outer, self._is_conditional = self._is_conditional, True
        do, otherwise = self._read_blocks(tree.at(["do"])), self._read_blocks(tree.at(["else"]))
        self._is_conditional = outer
        return When(condition, do, otherwise, span) if do or otherwise else None

    def _condition(self, tree: MappingNode, key: str, holder: Span) -> Expression:
        value = tree.at([key])
        condition = self._expression(value, holder)
        if condition is not None and isinstance(value, ScalarNode) and not condition.names:
            message = f"this `{key}` never changes, so that a block is never reached or a loop never left"
            self._findings.error("E232", message, value.span, expected="a condition that reads a value")
        return condition or _FAULTY

    def _read_record(self, tree: MappingNode) -> RecordBlock:
        record, span = str(tree.entries["record"].value.to_plain()), tree.entries["record"].key_span
        self._record_counts[record] += 1
        count = self._record_counts[record]
        key = record + (f" {count}" if count > 1 else "")
        fields = tree.at(["as"])
        self._record_entries[span] = entries = fields.entries if isinstance(fields, MappingNode) else {}
        values: dict[str, Expression | Each] = {}
        for name, entry in entries.items():
            match entry.value:
                case MappingNode():
                    match entry.value.to_plain().get("each"):
                        case [str() as first]:
                            values[name] = Each(first, None)
                        case [str() as first, str() as second]:
                            values[name] = Each(first, second)
                case value if (expression := self._expression(value, entry.key_span)) is not None:
                    values[name] = expression
        return RecordBlock(record, key, values, span)

    def _expression(self, tree: Tree | None, holder: Span) -> Expression | None:
        """The expression in a value, None for an illegal one; its tree is kept under `holder`."""
        if tree is None or isinstance(tree, MappingNode):
            return None  # its shape is wrong, as was reported
        try:
            expression = Expression.from_value(tree.to_plain())
        except ExpressionError as error:
            report_expression(error, "E230", tree, self._findings)
            return None
        self._expression_trees[holder] = tree
        return expression

    def _read_parallel(self, tree: MappingNode, loop: str) -> Parallel | None:
        """The number of passes of a loop that run side by side; None if they run one at a time."""
        entry = tree.entries.get("parallel")
        width = 1 if entry is None else self._read_bound(entry.value, loop, "parallel", least=1)
        return None if entry is None or width < 2 else Parallel(width, entry.key_span)

    def _read_bound(self, tree: Tree | None, loop: str, key: str, *, least: int = 0) -> int:
        """A number: whole, at least `least`, known before the run; 1 for an illegal one, which is reported."""
        if isinstance(tree, ScalarNode) and tree.value is None:
            expected = WIDTH if least else BOUND
            self._findings.error("E231", f"`{key}` of `{loop}` has no value", tree.span, expected=expected)
            return 1
        expression = self._expression(tree, tree.span) if tree is not None else None
        if expression is None or tree is None:
            return 1
        bound = Bound(expression, tree, loop, key, least)
        return BoundReader(self._params, self._findings, is_conditional=self._is_conditional).read(bound)
