"""The `graph` section: a tree to blocks, with names checked, expressions parsed and loops bounded."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping as ReadOnly
from typing import Final

from ste_graph.contracts import Json
from ste_graph.language.blocks import Block, Each, Map, NodeBlock, RecordBlock, Repeat, When
from ste_graph.language.diagnostics import Span
from ste_graph.language.expressions import Expression, ExpressionError
from ste_graph.language.files import run_name
from ste_graph.language.findings import Findings, one_of
from ste_graph.language.schema import IDENTIFIER, RESERVED
from ste_graph.language.tree import Entry, Mapping, Scalar, Sequence, Tree
from ste_graph.language.vocabulary import report_expression
from ste_graph.suggest import closest

BOUND: Final = "a whole number of at least 0, made of numbers and `params.…`"
ONE_NAME_SPACE: Final = "nodes, loops and memories share one name space"
_FAULTY: Final = Expression("None")  # stands for one that was reported, so that the blocks inside are read all the same


class GraphReader:
    """Reads one graph, which need not have the right shape: what its shape has wrong was reported, and is passed over.

    `taken` are the places of all nodes and memories, of which `nodes` may stand in the graph; those in `off` leave no
    block behind.
    """

    def __init__(
        self,
        nodes: set[str],
        off: set[str],
        params: ReadOnly[str, Json],
        taken: ReadOnly[str, Span],
        findings: Findings,
    ) -> None:
        self.nodes = nodes
        self.off = off
        self.params = params
        self.findings = findings
        self.names: dict[str, Span] = dict(taken)
        self.used: set[str] = set()
        self.loops: dict[str, Span] = {}
        self.runs: dict[str, Mapping] = {}
        """The `run:` blocks, by the names under which they stand in the graph."""
        self.places: dict[Span, Tree] = {}
        """The tree of each expression, by the span of the block (or of the key under `as`) that holds it."""
        self.given: dict[Span, ReadOnly[str, Entry]] = {}
        """The entries under `as`, by the span of their `record`."""
        self.incomplete = False
        """Whether a block was left out, or two loops have one name, so that what is given where is not known."""
        self.kept: Counter[str] = Counter()

    def blocks(self, tree: Tree | None, *, top: bool = False) -> tuple[Block, ...]:
        """The blocks of a list; those that are none are left out."""
        items = tree.items if isinstance(tree, Sequence) else ()
        found = [self._block(item, top=top) for item in items]
        return tuple(block for block in found if block is not None)

    def _block(self, tree: Tree, *, top: bool) -> Block | None:
        match tree:
            case Scalar(value=str() as name):
                return self._do(name, tree.span)
            case Mapping(entries=entries) if "map" in entries:
                return self._map(tree, top=top)
            case Mapping(entries=entries) if "repeat" in entries:
                return self._repeat(tree)
            case Mapping(entries=entries) if "when" in entries:
                return self._when(tree)
            case Mapping(entries=entries) if "record" in entries:
                return self._keep(tree)
            case Mapping(entries=entries) if "run" in entries:
                return self._run(tree)
        self.incomplete = True
        return None

    def _do(self, name: str, span: Span) -> NodeBlock | None:
        self.used.add(name)
        if name not in self.nodes:
            self.incomplete = True
            what = (
                f"`{name}` is no node, but a loop or a memory" if name in self.names else f"there is no node `{name}`"
            )
            listed = one_of(self.nodes, "a name defined in `nodes:`")
            self.findings.error("E220", what, span, expected=listed, suggestion=closest(name, self.nodes))
            return None
        return None if name in self.off else NodeBlock(name, span)

    def _run(self, tree: Mapping) -> NodeBlock | None:
        given, file = tree.entries.get("name"), tree.entries["run"].value
        plain = file.plain()
        if not isinstance(plain, str) or not (given is None or isinstance(given.value.plain(), str)):
            self.incomplete = True
            return None
        span = given.value.span if given else file.span
        name = str(given.value.plain()) if given else run_name(plain)
        if not re.fullmatch(IDENTIFIER, name):
            said = f"`{plain}` makes no name that expressions can mention"
            self.findings.error("E203", said, span, expected="`name: …` beside `run`")
        self._take(name, span, "what is run: `name: …` beside `run`")
        self.runs.setdefault(name, tree)
        return NodeBlock(name, tree.entries["run"].key_span)

    def _named(self, entry: Entry) -> str:
        name, span = str(entry.value.plain()), entry.value.span
        self._take(name, span, "the loop")
        self.loops.setdefault(name, span)
        return name

    def _take(self, name: str, span: Span, what: str) -> None:
        """Let a loop or a sub-workflow have a name, if it is free."""
        if name in RESERVED:
            self.findings.error("E221", f"`{name}` is reserved", span, expected=f"another name for {what}")
        elif name in self.names:
            self.incomplete = True  # which of the two a name then means is not known
            before = ((self.names[name], "it stands here already"),)
            said = f"the name `{name}` is taken"
            self.findings.error("E221", said, span, expected=ONE_NAME_SPACE, related=before)
        self.names.setdefault(name, span)

    def _map(self, tree: Mapping, *, top: bool) -> Map | None:
        name, span = self._named(tree.entries["map"]), tree.entries["map"].key_span
        over = self.expression(tree.at(["over"]), span) or _FAULTY
        at_most = tree.at(["at_most"])
        if at_most is None and not top:
            self.findings.error("E231", f"`map: {name}` has no bound", span, expected="`at_most: …` beside `over`")
        bound = None if at_most is None else self._bound(at_most)
        do = self.blocks(tree.at(["do"]))
        return Map(name, over, do, bound, span) if do else None

    def _repeat(self, tree: Mapping) -> Repeat | None:
        name, span = self._named(tree.entries["repeat"]), tree.entries["repeat"].key_span
        at_most = tree.entries.get("at_most")
        do = self.blocks(tree.at(["do"]))
        match [key for key in ("times", "while", "until") if key in tree.entries]:
            case ["times"]:
                if at_most is not None:
                    said = "`at_most` beside `times` says the same twice"
                    self.findings.error("E231", said, at_most.key_span, expected="one of them")
                made = Repeat(name, do, self._bound(tree.at(["times"])), "times", None, span)
            case ["while" | "until" as test]:
                condition = self._condition(tree, test, span)
                if at_most is None:
                    legal = f"`at_most: …` beside `{test}`: loops are always bounded"
                    self.findings.error("E231", f"`repeat: {name}` has no bound", span, expected=legal)
                bound = 1 if at_most is None else self._bound(at_most.value)
                made = Repeat(name, do, bound, "while" if test == "while" else "until", condition, span)
            case tests:
                found = " and ".join(f"`{test}`" for test in tests)
                legal = "one of `times: …`, or `while: …` or `until: …` with `at_most: …`"
                said = f"`repeat: {name}` has {f'{found} at once' if found else 'no bound'}"
                self.findings.error("E231", said, span, expected=legal)
                made = Repeat(name, do, 1, "times", None, span)
        return made if do else None

    def _when(self, tree: Mapping) -> When | None:
        span = tree.entries["when"].key_span
        condition = self._condition(tree, "when", span)
        do, otherwise = self.blocks(tree.at(["do"])), self.blocks(tree.at(["else"]))
        return When(condition, do, otherwise, span) if do or otherwise else None

    def _condition(self, tree: Mapping, key: str, holder: Span) -> Expression:
        value = tree.at([key])
        condition = self.expression(value, holder)
        if condition is not None and isinstance(value, Scalar) and not condition.names:
            said = f"this `{key}` never changes, so a block here is never reached or never left"
            self.findings.error("E232", said, value.span, expected="a condition that reads a value")
        return condition or _FAULTY

    def _keep(self, tree: Mapping) -> RecordBlock:
        record, span = str(tree.entries["record"].value.plain()), tree.entries["record"].key_span
        self.kept[record] += 1
        key = f"record {record}" + (f" {self.kept[record]}" if self.kept[record] > 1 else "")
        given = tree.at(["as"])
        self.given[span] = entries = given.entries if isinstance(given, Mapping) else {}
        values: dict[str, Expression | Each] = {}
        for name, entry in entries.items():
            match entry.value:
                case Mapping():
                    match entry.value.plain().get("each"):
                        case [str() as first]:
                            values[name] = Each(first, None)
                        case [str() as first, str() as second]:
                            values[name] = Each(first, second)
                case value if (expression := self.expression(value, entry.key_span)) is not None:
                    values[name] = expression
        return RecordBlock(record, key, values, span)

    def expression(self, tree: Tree | None, holder: Span) -> Expression | None:
        """The expression in a value, None where there is none; remembers where it stands."""
        if tree is None or isinstance(tree, Mapping):
            return None  # its shape is wrong, as was reported
        try:
            parsed = Expression.from_value(tree.plain())
        except ExpressionError as error:
            report_expression(error, "E230", tree, self.findings)
            return None
        self.places[holder] = tree
        return parsed

    def _bound(self, tree: Tree | None) -> int:
        """A number of passes: whole, at least 0, known before the run; 1 where that is not so."""
        if isinstance(tree, Scalar) and tree.value is None:
            self.findings.error("E231", "the bound has no value", tree.span, expected=BOUND)
            return 1
        expression = self.expression(tree, tree.span) if tree is not None else None
        if expression is None or tree is None:
            return 1
        for name in sorted(expression.names):
            if not name.startswith("params."):
                self.findings.error("E231", f"a bound may not depend on `{name}`", tree.span, expected=BOUND)
                return 1
            if not known_param(self.params, name):
                known = [f"params.{param}" for param in self.params]
                expected = one_of(known, "a number: this workflow has no `params`")
                near = closest(name, known)
                self.findings.error("E204", f"unknown name `{name}`", tree.span, expected=expected, suggestion=near)
                return 1
        try:
            value = expression.evaluate(lambda name: param(self.params, name))
        except ExpressionError as error:
            report_expression(error, "E231", tree, self.findings)
            return 1
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            is_value = f": it is {value!r}" if repr(value) != expression.text else ""
            said = f"`{expression.text}` is no bound{is_value}"
            self.findings.error("E231", said, tree.span, expected=BOUND)
            return 1
        return value


def known_param(params: ReadOnly[str, Json], name: str) -> bool:
    """Whether `params.a.b` has a value."""
    try:
        param(params, name)
    except KeyError:
        return False
    return True


def param(params: ReadOnly[str, Json], name: str) -> Json:
    """The value of `params.a.b`. Raises `KeyError` if there is none."""
    value: Json = params
    for part in name.split(".")[1:]:
        if not isinstance(value, ReadOnly):
            raise KeyError(name)
        value = value[part]
    return value
