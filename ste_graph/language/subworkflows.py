"""`run:` blocks: from another file, and the values under `with`, to a workflow that is checked with its caller."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Set
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeAlias

from pydantic import create_model

from ste_graph.contracts import Json
from ste_graph.diagnostics import DiagnosticsError, Span
from ste_graph.language.blocks import RecordBlock
from ste_graph.language.composition import compose
from ste_graph.language.expressions.expression import Expression, ExpressionError
from ste_graph.language.expressions.types import INT, STR
from ste_graph.language.paths import is_off, order_changes, set_path, set_paths
from ste_graph.language.sections.bounds import param_value
from ste_graph.language.sections.scope import Position
from ste_graph.language.sections.setting_values import ENVIRONMENT
from ste_graph.language.sections.vocabulary import Vocabulary, report_expression
from ste_graph.language.source.files import find_file_fault, suggest_file, workflow_file
from ste_graph.language.source.findings import Findings, one_of
from ste_graph.language.source.tree import MappingNode, ScalarNode, SequenceNode, Tree, tree_from_plain
from ste_graph.language.variant import CheckVariant, VariantRequest
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
"""Sections of the caller that `with` may pass on, whole or in part."""

_MAY_LACK: Final = frozenset({"allow", "budget", "cassette", "limits", "redact", "reset", "seed"})
"""Sections that the caller may lack; the sub-workflow then keeps its own."""

_AT_RUN_TIME: Final = frozenset({"data", "memory", "models", "nodes", "seed"})
"""Sections that can take a value which only the run knows; bounds and units must be known before."""


class SubWorkflowNode(Node):
    """The class of a sub-workflow among the nodes of its caller."""


class SubWorkflowOutputs(NodeOutputs):
    """The outputs of a sub-workflow: the folder of its run, and the number of its records of each type.

    A sub-workflow of one unit that ends with a `record` has that record too, as `result`.
    """

    run: str
    records: dict[str, int]


@dataclass(frozen=True, slots=True)
class DeferredValue:
    """A value under `with` that is known when the sub-workflow begins."""

    expression: Expression
    tree: ScalarNode


WithValue: TypeAlias = Tree | DeferredValue | list["WithValue"]


@dataclass(frozen=True, slots=True)
class WithLine:
    """One line of `with`: the path in the sub-workflow, and its new value."""

    path: str
    span: Span
    """The place of the path."""
    value: WithValue
    tree: Tree

    @property
    def deferred(self) -> list[DeferredValue]:
        """The parts of the value that are known only when the sub-workflow begins."""
        parts = self.value if isinstance(self.value, list) else [self.value]
        return [part for part in parts if isinstance(part, DeferredValue)]

    def fill(self, evaluate: Callable[[DeferredValue], Json]) -> Tree:
        """The value as a tree, with its deferred parts evaluated."""

        def fill(value: WithValue) -> Tree:
            match value:
                case DeferredValue():
                    return tree_from_plain(evaluate(value), value.tree.span)
                case list():
                    return SequenceNode(tuple(map(fill, value)), self.tree.span)
            return value

        return fill(self.value)


@dataclass(frozen=True, slots=True)
class SubWorkflowReader:
    """Reads the `run:` blocks of one variant."""

    caller: VariantRequest
    names: frozenset[str]
    """The nodes, loops and memories of the caller."""
    params: Mapping[str, Json]
    faulty_models: Set[str]
    """The models of the caller that are wrong, as was reported."""
    check: CheckVariant
    findings: Findings

    def spec(self, name: str, block: MappingNode, span: Span) -> SubWorkflowSpec | None:
        """The sub-workflow, checked with the values under `with`; None if something is wrong, as is reported."""
        file = self._find_file(block.entries["run"].value)
        if file is None:
            return None
        own = Findings()
        try:
            base = compose(file, own)
        except DiagnosticsError as error:
            own.diagnostics += error.diagnostics
            base = None
        variant = block.at(["variant"])
        tree = base and self._apply_variant(base, variant, file, own)
        before = len(self.findings.diagnostics)
        lines = list(self._with_lines(block))
        if tree is None or base is None or own.has_errors or len(self.findings.diagnostics) > before:
            self._report(own, name, span)
            return None
        request = VariantRequest(
            tree,
            base,
            file,
            None if variant is None else str(variant.to_plain()),
            self.caller.plugins,
            (*self.caller.callers, self.caller.file.resolve()),
        )

        def check(evaluate: Callable[[WithLine, DeferredValue], Json], findings: Findings) -> Workflow | None:
            whole = request.tree
            for line in order_changes(lines, lambda line: line.path):
                if variant is not None and is_off(whole, line.path):
                    continue  # the variant does without the entry
                whole = set_path(whole, line.path, line.fill(partial(evaluate, line)), line.span, findings)
            return self.check(replace(request, tree=whole), findings)

        def begin(lookup: Lookup) -> Workflow:
            findings = Findings()
            workflow = check(lambda _, value: value.expression.evaluate(lookup), findings)
            if workflow is None:
                raise DiagnosticsError(findings.diagnostics)
            return workflow

        workflow = check(_placeholder, own)
        self._report(own, name, span)
        if workflow is None:
            return None
        partial_ = block.at(["partial"])
        return SubWorkflowSpec(
            name=name,
            file=file,
            workflow=workflow,
            begin=begin,
            deferred={
                line.path: [(value.expression, value.tree) for value in line.deferred]
                for line in lines
                if line.deferred
            },
            partial=partial_ is not None and partial_.to_plain() is True,
            result_type=_result_type(workflow),
            span=span,
        )

    def _find_file(self, named: Tree) -> Path | None:
        value = str(named.to_plain())
        file = workflow_file(value, named.span)
        if fault := find_file_fault(file, value):
            expected = "a path, relative to this file, or the name of a bundled workflow"
            near = suggest_file(value, file)
            self.findings.error("E310", fault, named.span, expected=expected, suggestion=near)
        elif file.resolve() in (*self.caller.callers, self.caller.file.resolve()):
            message = f"`{value}` is this file itself, or runs it in turn: that would never end"
            self.findings.error("E311", message, named.span, expected="workflows that do not run in a circle")
        else:
            return file
        return None

    def _apply_variant(self, tree: MappingNode, variant: Tree | None, file: Path, own: Findings) -> MappingNode | None:
        """The tree with its variant's changes; None if the file has no such variant."""
        if variant is None:
            return tree
        listed = tree.at(["variants"])
        variants = listed.entries if isinstance(listed, MappingNode) else {}
        name = str(variant.to_plain())
        if name not in variants:
            message = f"{file.name} has no variant `{name}`"
            expected = one_of(variants, "no `variant`: the file has none")
            self.findings.error("E401", message, variant.span, expected=expected, suggestion=closest(name, variants))
            return None
        return set_paths(tree, variants[name].value, f"variants.{name}", own)

    def _with_lines(self, block: MappingNode) -> Iterator[WithLine]:
        """The lines of `with`, except those that pass on a section which the caller lacks and may lack."""
        section = block.at(["with"])
        for path, entry in section.entries.items() if isinstance(section, MappingNode) else ():
            tree = entry.value
            value: WithValue | None
            if isinstance(tree, SequenceNode):
                items = [self._with_value(item) for item in tree.items]
                value = None if None in items else [item for item in items if item is not None]
            else:
                value = self._with_value(tree)
            if value is None:
                continue
            line = WithLine(path, entry.key_span, value, tree)
            if line.deferred and path.split(".")[0] not in _AT_RUN_TIME:
                deferred = line.deferred[0]
                message = f"only the run knows `{deferred.expression.text}`, but `{path}` must be known before it"
                expected = f"a constant, `params.…`, or a path that begins with {', '.join(sorted(_AT_RUN_TIME))}"
                self.findings.error("E312", message, deferred.tree.span, expected=expected)
                continue
            yield line

    def _with_value(self, tree: Tree) -> Tree | DeferredValue | None:
        """The value of a tree under `with`: a text is a section of the caller or an expression, all else a constant."""
        if not isinstance(tree, ScalarNode) or not isinstance(tree.value, str):
            return tree
        root, *below = tree.value.strip().split(".")
        if root in SECTIONS and root not in self.names and (root != "params" or _are_identifiers(below)):
            return self._find_section(tree, [root, *below])
        try:
            expression = Expression.from_value(tree.value)
            if all(name.startswith("params.") for name in expression.names):
                return tree_from_plain(expression.evaluate(lambda name: param_value(self.params, name)), tree.span)
        except ExpressionError as error:
            report_expression(error, "E230", tree, self.findings)
            return None
        except KeyError as error:
            self.findings.error("E204", f"unknown name `{error.args[0]}` in `with`", tree.span)
            return None
        for name in sorted(expression.names):
            if (root := name.split(".")[0]) not in {*self.names, "params", "data"}:
                message = f"unknown name `{name}` in `with`"
                expected = (
                    f"a section of this file, an output, or a text in quotes of its own, as in '\"{tree.value}\"'"
                )
                near = closest(root, self.names)
                self.findings.error("E204", message, tree.span, expected=expected, suggestion=near)
                return None
        return DeferredValue(expression, tree)

    def _find_section(self, tree: ScalarNode, path: list[str]) -> Tree | None:
        """The caller's value at a path, with its place, against which the paths in it are resolved."""
        found: Tree | None = self.caller.tree
        if path[0] == "models" and not self.faulty_models.isdisjoint(path[1:2] or self.faulty_models):
            return None
        for depth, step in enumerate(path):
            inner = found.at([int(step) if step.isdecimal() else step]) if found is not None else None
            if inner is None and (depth or step not in _MAY_LACK):
                names = found.entries if isinstance(found, MappingNode) else ()
                above = ".".join(path[:depth])
                known = [f"{above}.{name}" for name in names] if depth else []
                message = f"unknown name `{tree.value}` in `with`"
                nothing = f"a section that this file has; it has no `{step}`" if not depth else f"`{above}` as a whole"
                near = closest(".".join(path[: depth + 1]), known)
                expected = one_of(known, nothing)
                self.findings.error("E204", message, tree.span, expected=expected, suggestion=near)
                return None
            found = inner
        return found

    def _report(self, own: Findings, name: str, span: Span) -> None:
        """Add the errors of the sub-workflow, with the place that runs it; its warnings are its own affair."""
        # what is passed on is the caller's own, and was reported there
        known = {(found.code, found.span, found.message) for found in self.findings.diagnostics}
        for found in own.diagnostics:
            if found.severity == "error" and (found.code, found.span, found.message) not in known:
                is_outside = found.code == "E305" or found.span.file.startswith(ENVIRONMENT)
                message = found.message if is_outside else f"in `run: {name}`: {found.message}"
                related = (*found.related, (span, "it is run here"))
                self.findings.diagnostics.append(replace(found, message=message, related=related))


def check_deferred(
    sub_workflow: SubWorkflowSpec, position: Position, vocabulary: Vocabulary, findings: Findings
) -> None:
    """Check the deferred values of a sub-workflow at its position: texts, and for `seed` a whole number."""
    for path, values in sub_workflow.deferred.items():
        for expression, tree in values:
            vocabulary.check(expression, tree, position, INT if path == "seed" else STR, "with", findings)


def node_spec(sub_workflow: SubWorkflowSpec, lives: str) -> NodeSpec:
    """The sub-workflow as one of the nodes."""
    return NodeSpec(
        name=sub_workflow.name, cls=SubWorkflowNode, settings={}, models={}, prompts={}, recalls={}, transcript=None,
        memories=(), inputs={}, outputs=sub_workflow_output_type(sub_workflow), lives=lives, span=sub_workflow.span,
    )  # fmt: skip


def sub_workflow_output_type(sub_workflow: SubWorkflowSpec) -> type[NodeOutputs]:
    """The type of the outputs of a sub-workflow."""
    if sub_workflow.result_type is None:
        return SubWorkflowOutputs
    extra: dict[str, Any] = {"result": (sub_workflow.result_type, ...)}
    return create_model("SubWorkflowResult", __base__=SubWorkflowOutputs, __doc__=SubWorkflowOutputs.__doc__, **extra)


def _placeholder(line: WithLine, value: DeferredValue) -> Json:
    """The placeholder of a value that only the run knows, while the workflow is checked."""
    return 0 if line.path == "seed" else f"<{value.expression.text}>"


def _result_type(workflow: Workflow) -> type[Record] | None:
    """The type of the record with which a workflow of one unit ends; None for any other workflow."""
    last = workflow.blocks[-1]
    if workflow.unit_map is not None or not isinstance(last, RecordBlock):
        return None
    return workflow.records[last.record]


def _are_identifiers(names: list[str]) -> bool:
    return all(name.isidentifier() for name in names)
