"""The `graph` section: a well-shaped tree to blocks, with names checked, expressions parsed and loops bounded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping as ReadOnly

from ste_graph.contracts import Json
from ste_graph.language.blocks import Block, Do, Each, Keep, Map, Repeat, When
from ste_graph.language.diagnostics import Span, closest
from ste_graph.language.expressions import Expression, ExpressionError
from ste_graph.language.findings import Findings
from ste_graph.language.schema import RESERVED
from ste_graph.language.tree import Entry, Mapping, Scalar, Sequence, Tree

BOUND = "a whole number of at least 0, made of numbers and `params.…`"


class GraphReader:
    """Reads one graph. `nodes` are the names that may stand in it; those in `off` leave no block behind."""

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
        self.places: dict[Span, Tree] = {}
        """The tree of each expression, by the span of the block (or of the key under `as`) that holds it."""
        self.given: dict[Span, ReadOnly[str, Entry]] = {}
        """The entries under `as`, by the span of their `record`."""
        self.kept: Counter[str] = Counter()

    def blocks(self, tree: Tree, *, top: bool = False) -> tuple[Block, ...]:
        """The blocks of a list; faulty ones are reported and left out."""
        items = tree.items if isinstance(tree, Sequence) else ()
        return tuple(block for item in items if (block := self._block(item, top=top)) is not None)

    def _block(self, tree: Tree, *, top: bool) -> Block | None:
        if not isinstance(tree, Mapping):
            return self._do(str(tree.plain()), tree.span)
        if "map" in tree.entries:
            return self._map(tree, top=top)
        if "repeat" in tree.entries:
            return self._repeat(tree)
        if "when" in tree.entries:
            return self._when(tree)
        return self._keep(tree)

    def _do(self, name: str, span: Span) -> Do | None:
        self.used.add(name)
        if name not in self.nodes:
            known = name in self.names
            what = f"`{name}` is no node, but a loop or a memory" if known else f"there is no node `{name}`"
            listed = f"one of: {', '.join(sorted(self.nodes))}" if self.nodes else "a name defined in `nodes:`"
            self.findings.error("E220", what, span, expected=listed, suggestion=closest(name, self.nodes))
            return None
        return None if name in self.off else Do(name, span)

    def _named(self, entry: Entry) -> str:
        name, span = str(entry.value.plain()), entry.value.span
        if name in RESERVED:
            self.findings.error("E221", f"`{name}` is reserved", span, expected="another name for the loop")
        elif name in self.names:
            self.findings.error(
                "E221",
                f"the name `{name}` is taken",
                span,
                expected="nodes, loops and memories share one name space",
                related=((self.names[name], "it stands here already"),),
            )
        self.names.setdefault(name, span)
        self.loops.setdefault(name, span)
        return name

    def _map(self, tree: Mapping, *, top: bool) -> Map | None:
        name = self._named(tree.entries["map"])
        span = tree.entries["map"].key_span
        over = self.expression(tree.entries["over"].value, span)
        bound: int | None = None
        if "at_most" in tree.entries:
            bound = self._bound(tree.entries["at_most"].value)
        elif not top:
            self.findings.error("E231", f"`map: {name}` has no bound", span, expected="`at_most: …` beside `over`")
        do = self.blocks(tree.entries["do"].value)
        return None if over is None else Map(name, over, do, bound, span)

    def _repeat(self, tree: Mapping) -> Repeat | None:
        name = self._named(tree.entries["repeat"])
        span = tree.entries["repeat"].key_span
        tests = [key for key in ("times", "while", "until") if key in tree.entries]
        do = self.blocks(tree.entries["do"].value)
        at_most = tree.entries.get("at_most")
        if len(tests) != 1:
            found = f"both `{tests[0]}` and `{tests[1]}`" if tests else "no bound"
            legal = "one of `times: …`, or `while: …` or `until: …` with `at_most: …`"
            self.findings.error("E231", f"`repeat: {name}` has {found}", span, expected=legal)
            return None
        test = tests[0]
        value = tree.entries[test].value
        if test == "times":
            if at_most is not None:
                said = "`at_most` beside `times` says the same twice"
                self.findings.error("E231", said, at_most.key_span, expected="one of them")
            times = self._bound(value)
            return None if times is None or not do else Repeat(name, do, times, "times", None, span)
        condition = self.expression(value, span)
        if at_most is None:
            legal = f"`at_most: …` beside `{test}`: loops are always bounded"
            self.findings.error("E231", f"`repeat: {name}` has no bound", span, expected=legal)
            return None
        bound = self._bound(at_most.value)
        if condition is None or bound is None:
            return None
        self._never_changes(condition, test, value.span)
        return Repeat(name, do, bound, "while" if test == "while" else "until", condition, span) if do else None

    def _when(self, tree: Mapping) -> When | None:
        span = tree.entries["when"].key_span
        condition = self.expression(tree.entries["when"].value, span)
        do = self.blocks(tree.entries["do"].value)
        otherwise = self.blocks(tree.entries["else"].value) if "else" in tree.entries else ()
        if condition is None or not (do or otherwise):
            return None
        self._never_changes(condition, "when", tree.entries["when"].value.span)
        return When(condition, do, otherwise, span)

    def _never_changes(self, condition: Expression, key: str, span: Span) -> None:
        if not condition.reads:
            said = f"`{key}: {condition.text}` never changes, so a block here is never reached or never left"
            self.findings.error("E232", said, span, expected="a condition that reads a value")

    def _keep(self, tree: Mapping) -> Keep:
        record = str(tree.entries["record"].value.plain())
        span = tree.entries["record"].key_span
        self.kept[record] += 1
        key = f"record {record}" + (f" {self.kept[record]}" if self.kept[record] > 1 else "")
        given = tree.entries["as"].value
        entries = given.entries if isinstance(given, Mapping) else {}
        self.given[span] = entries
        values: dict[str, Expression | Each] = {}
        for name, entry in entries.items():
            if isinstance(entry.value, Mapping):
                pair = [str(item) for item in entry.value.entries["each"].value.plain()]
                values[name] = Each(pair[0], pair[1] if len(pair) > 1 else None)
            elif (value := self.expression(entry.value, entry.key_span)) is not None:
                values[name] = value
        return Keep(record, key, values, span)

    def expression(self, tree: Tree, holder: Span) -> Expression | None:
        """The expression in a value; remembers where it stands."""
        try:
            parsed = Expression.of(tree.plain())
        except ExpressionError as error:
            report_expression(error, "E230", tree, self.findings)
            return None
        self.places[holder] = tree
        return parsed

    def _bound(self, tree: Tree) -> int | None:
        """A number of passes: whole, at least 0, known before the run."""
        expression = self.expression(tree, tree.span)
        if expression is None:
            return None
        for name in sorted(expression.reads):
            if not name.startswith("params."):
                self.findings.error("E231", f"a bound may not depend on `{name}`", tree.span, expected=BOUND)
                return None
            if not known_param(self.params, name):
                near = closest(name, [f"params.{known}" for known in self.params])
                self.findings.error("E204", f"unknown name `{name}`", tree.span, expected=BOUND, suggestion=near)
                return None
        try:
            value = expression.evaluate(lambda name: param(self.params, name))
        except ExpressionError as error:
            report_expression(error, "E231", tree, self.findings)
            return None
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            self.findings.error(
                "E231", f"`{expression.text}` is {value!r}, which is no bound", tree.span, expected=BOUND
            )
            return None
        return value


def report_expression(error: ExpressionError, code: str, tree: Tree, findings: Findings) -> None:
    """A fault inside an expression, at its own characters."""
    span = tree.part(error.start, error.end) if isinstance(tree, Scalar) else tree.span
    findings.error(code, error.message, span, expected=error.expected, suggestion=error.suggestion)


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
