"""`run:` blocks: from another file, and what it is given, to a workflow that is checked together with its caller."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeAlias

from pydantic import create_model

from ste_graph.contracts import Json
from ste_graph.language.blocks import RecordBlock
from ste_graph.language.composition import compose
from ste_graph.language.diagnostics import DiagnosticsError, Span
from ste_graph.language.expressions import Expression, ExpressionError
from ste_graph.language.files import meant, workflow_file
from ste_graph.language.findings import Findings, one_of
from ste_graph.language.graph import param
from ste_graph.language.paths import with_path, with_paths
from ste_graph.language.scope import Place
from ste_graph.language.tree import Mapping as MappingTree
from ste_graph.language.tree import Scalar, Sequence, Tree, tree_of
from ste_graph.language.types import INT, STR
from ste_graph.language.vocabulary import Vocabulary, report_expression
from ste_graph.language.workflow import Lookup, NodeSpec, SubWorkflowSpec, Workflow
from ste_graph.node import Node, NodeOutputs
from ste_graph.records import Record
from ste_graph.suggest import closest

SECTIONS: Final = frozenset(
    {
        "allow", "budget", "cassette", "data", "limits", "memory", "models", "nodes", "params", "redact", "reset",
        "seed", "tools",
    }
)  # fmt: skip
"""Sections of the caller that `with` may hand on, whole or in part."""

_MAY_LACK: Final = frozenset({"allow", "budget", "cassette", "limits", "redact", "reset", "seed"})
"""Sections that, where the caller does not have them, leave the sub-workflow its own."""

_AT_RUN_TIME: Final = frozenset({"data", "memory", "models", "nodes", "seed"})
"""Where a value may go that only the run knows; what bounds and units hang on must be known before."""


class Sub(Node):
    """Stands for a sub-workflow among the nodes of its caller."""


class SubWorkflowOutputs(NodeOutputs):
    """What a sub-workflow gives: the folder of its run, and how many records of each type it has kept.

    One that is one unit and ends with a `record` gives that record too, as `result`.
    """

    run: str
    records: dict[str, int]


@dataclass(frozen=True, slots=True)
class DeferredValue:
    """A value under `with` that is known when the sub-workflow begins."""

    expression: Expression
    tree: Scalar


Piece: TypeAlias = Tree | DeferredValue | list["Piece"]


@dataclass(frozen=True, slots=True)
class Given:
    """One line of `with`: the path that it sets in the sub-workflow, and to what."""

    path: str
    span: Span
    """Of the path."""
    piece: Piece
    tree: Tree

    @property
    def deferred(self) -> list[DeferredValue]:
        """What of it is known only when the sub-workflow begins."""
        pieces = self.piece if isinstance(self.piece, list) else [self.piece]
        return [piece for piece in pieces if isinstance(piece, DeferredValue)]

    def filled(self, value: Callable[[DeferredValue], Json]) -> Tree:
        """What is set, with a value for everything that is asked."""

        def tree(piece: Piece) -> Tree:
            match piece:
                case DeferredValue():
                    return tree_of(value(piece), piece.tree.span)
                case list():
                    return Sequence(tuple(map(tree, piece)), self.tree.span)
            return piece

        return tree(self.piece)


@dataclass(frozen=True, slots=True)
class SubWorkflowReader:
    """Reads the `run:` blocks of one arm, whose tree is `tree`. `names`: its nodes, loops and memories."""

    tree: MappingTree
    names: frozenset[str]
    params: Mapping[str, Json]
    files: tuple[Path, ...]
    """The arm's own file, and those that run it."""
    plugins: bool
    findings: Findings

    def spec(self, name: str, block: MappingTree, span: Span) -> SubWorkflowSpec | None:
        """The sub-workflow, checked with what it is given; None where something is wrong, as is reported."""
        file = self._file(block.entries["run"].value)
        if file is None:
            return None
        own = Findings()
        try:
            before = compose(file, own)
        except DiagnosticsError as problems:
            own.diagnostics += problems.diagnostics
            before = None
        arm = block.at(["variant"])
        tree = before and self._variant(before, arm, file, own)
        before_given = len(self.findings.diagnostics)
        given = list(self._given(block))
        if tree is None or before is None or own.failed or len(self.findings.diagnostics) > before_given:
            self._report(own, name, span)
            return None
        base, changed = before, tree

        variant = None if arm is None else str(arm.plain())

        def made(value: Callable[[Given, DeferredValue], Json], findings: Findings) -> Workflow | None:
            from ste_graph.language.arm import check_variant

            whole = changed
            for one in sorted(given, key=lambda one: not one.path.endswith(".use")):
                whole = with_path(whole, one.path, one.filled(partial(value, one)), one.span, findings)
            return check_variant(whole, base, file, variant, self.plugins, findings, self.files)

        def begin(lookup: Lookup) -> Workflow:
            findings = Findings()
            workflow = made(lambda _, deferred: deferred.expression.evaluate(lookup), findings)
            if workflow is None:
                raise DiagnosticsError(findings.diagnostics)
            return workflow

        workflow = made(_stand_in, own)
        self._report(own, name, span)
        if workflow is None:
            return None
        goes_on = block.at(["partial"])
        deferred = {one.path: [(each.expression, each.tree) for each in one.deferred] for one in given if one.deferred}
        return SubWorkflowSpec(
            name=name,
            file=file,
            workflow=workflow,
            begin=begin,
            deferred=deferred,
            partial=goes_on is not None and goes_on.plain() is True,
            result_type=_result(workflow),
            span=span,
        )

    def _file(self, named: Tree) -> Path | None:
        value = str(named.plain())
        file = workflow_file(value, named.span)
        if not file.is_file():
            said = f"there is no workflow file `{value}` to run"
            legal = "a path, relative to this file, or the name of a bundled workflow"
            self.findings.error("E310", said, named.span, expected=legal, suggestion=meant(value, file))
        elif file.resolve() in self.files:
            said = f"`{value}` is this file itself, or runs it in turn: that would never end"
            self.findings.error("E311", said, named.span, expected="workflows that do not run in a circle")
        else:
            return file
        return None

    def _variant(self, tree: MappingTree, arm: Tree | None, file: Path, own: Findings) -> MappingTree | None:
        """The tree with the variant that the block names."""
        if arm is None:
            return tree
        listed = tree.at(["variants"])
        variants = listed.entries if isinstance(listed, MappingTree) else {}
        name = str(arm.plain())
        if name in variants:
            return with_paths(tree, variants[name].value, f"variants.{name}", own)
        expected = one_of(variants, f"no variant: {file.name} has none")
        said = f"{file.name} has no variant `{name}`"
        self.findings.error("E401", said, arm.span, expected=expected, suggestion=closest(name, variants))
        return None

    def _given(self, block: MappingTree) -> Iterator[Given]:
        """The lines of `with`, less those that hand on what the caller does not have and need not have."""
        listed = block.at(["with"])
        for path, entry in listed.entries.items() if isinstance(listed, MappingTree) else ():
            tree = entry.value
            pieces = [self._piece(item) for item in tree.items] if isinstance(tree, Sequence) else self._piece(tree)
            if pieces is None or (isinstance(pieces, list) and None in pieces):
                continue
            given = Given(path, entry.key_span, pieces, tree)  # type: ignore[arg-type]  # no None is left in it
            if given.deferred and path.split(".")[0] not in _AT_RUN_TIME:
                deferred = given.deferred[0]
                said = f"`{deferred.expression.text}` is known only in the run, but `{path}` must be known before it"
                legal = f"a constant, `params.…`, or a path that begins with {', '.join(sorted(_AT_RUN_TIME))}"
                self.findings.error("E312", said, deferred.tree.span, expected=legal)
                continue
            yield given

    def _piece(self, tree: Tree) -> Tree | DeferredValue | None:
        """What a value stands for: a text is a section of the caller, or an expression; all else is what it is."""
        if not isinstance(tree, Scalar) or not isinstance(tree.value, str):
            return tree
        root, *below = tree.value.strip().split(".")
        if root in SECTIONS and root not in self.names and (root != "params" or _is_plain(below)):
            return self._section(tree, [root, *below])
        try:
            expression = Expression.from_value(tree.value)
            if all(name.startswith("params.") for name in expression.names):
                return tree_of(expression.evaluate(lambda name: param(self.params, name)), tree.span)
        except ExpressionError as error:
            report_expression(error, "E230", tree, self.findings)
            return None
        except KeyError as error:
            self.findings.error("E204", f"unknown name `{error.args[0]}` in `with`", tree.span)
            return None
        for name in sorted(expression.names):
            if (root := name.split(".")[0]) not in {*self.names, "params", "data"}:
                said = f"unknown name `{name}` in `with`"
                legal = f"a section of this file, an output, or a text in quotes of its own, as in '\"{tree.value}\"'"
                near = closest(root, self.names)
                self.findings.error("E204", said, tree.span, expected=legal, suggestion=near)
                return None
        return DeferredValue(expression, tree)

    def _section(self, tree: Scalar, path: list[str]) -> Tree | None:
        """What the caller has at a path, with the place where it stands, against which paths in it are resolved."""
        found: Tree | None = self.tree
        for depth, step in enumerate(path):
            inner = found.at([int(step) if step.isdecimal() else step]) if found is not None else None
            if inner is None and (depth or step not in _MAY_LACK):
                there = found.entries if isinstance(found, MappingTree) else ()
                above = ".".join(path[:depth])
                known = [f"{above}.{name}" for name in there] if depth else []
                said = f"unknown name `{tree.value}` in `with`"
                nothing = f"a section that this file has; it has no `{step}`" if not depth else f"`{above}` whole"
                near = closest(".".join(path[: depth + 1]), known)
                self.findings.error("E204", said, tree.span, expected=one_of(known, nothing), suggestion=near)
                return None
            found = inner
        return found

    def _report(self, own: Findings, name: str, span: Span) -> None:
        """Say what the sub-workflow has wrong, and that it is run here; its warnings are its own affair."""
        known = {
            (one.code, one.span, one.message) for one in self.findings.diagnostics
        }  # what is handed on is one's own
        for found in own.diagnostics:
            if found.severity == "error" and (found.code, found.span, found.message) not in known:
                said = found.message if found.code == "E305" else f"in `run: {name}`: {found.message}"
                related = (*found.related, (span, "it is run here"))
                self.findings.diagnostics.append(replace(found, message=said, related=related))


def check_asked(sub: SubWorkflowSpec, seat: Place, vocabulary: Vocabulary, findings: Findings) -> None:
    """Check what a sub-workflow is given where it stands: texts, and for `seed` a whole number."""
    for path, deferred in sub.deferred.items():
        for expression, tree in deferred:
            vocabulary.check(expression, tree, seat, INT if path == "seed" else STR, "with", findings)


def node_of(sub: SubWorkflowSpec, lives: str) -> NodeSpec:
    """How a sub-workflow stands among the nodes."""
    return NodeSpec(
        name=sub.name, cls=Sub, settings={}, models={}, prompts={}, recalls={}, transcript=None, memories=(), inputs={},
        outputs=gives_of(sub), lives=lives, span=sub.span,
    )  # fmt: skip


def gives_of(sub: SubWorkflowSpec) -> type[NodeOutputs]:
    """The type of what a sub-workflow gives."""
    if sub.result_type is None:
        return SubWorkflowOutputs
    extra: dict[str, Any] = {"result": (sub.result_type, ...)}
    return create_model("Ran", __base__=SubWorkflowOutputs, __doc__=SubWorkflowOutputs.__doc__, **extra)


def _stand_in(given: Given, deferred: DeferredValue) -> Json:
    """What stands for a value that only the run knows, while the workflow is checked."""
    return 0 if given.path == "seed" else f"<{deferred.expression.text}>"


def _result(workflow: Workflow) -> type[Record] | None:
    """The type of the record with which a workflow ends, if it is one unit and does."""
    last = workflow.blocks[-1]
    if workflow.over is not None or not isinstance(last, RecordBlock):
        return None
    return workflow.records[last.record]


def _is_plain(names: list[str]) -> bool:
    return all(name.isidentifier() for name in names)
