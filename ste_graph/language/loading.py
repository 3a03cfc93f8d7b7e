"""Loading: from a file, its variants and the command line's changes to one checked workflow."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ste_graph.diagnostics import Diagnostic, DiagnosticsError, Span
from ste_graph.language.check import check_variant
from ste_graph.language.composition import compose
from ste_graph.language.paths import order_changes, set_path, set_paths
from ste_graph.language.source.document import parse_value
from ste_graph.language.source.findings import Findings, one_of
from ste_graph.language.source.tree import MappingEntry, MappingNode
from ste_graph.language.variant import VariantRequest
from ste_graph.language.workflow import Workflow
from ste_graph.suggest import closest


@dataclass(frozen=True, slots=True)
class Change:
    """One `--set PATH=VALUE`; `value` is YAML text."""

    path: str
    value: str


@dataclass(frozen=True, slots=True)
class LoadedWorkflow:
    """A workflow whose variants are all right, and the warnings about them.

    `tree` is what `workflow` was made of: the files, the variant and the changes, each value with its place.
    """

    workflow: Workflow
    tree: MappingNode
    variants: tuple[str, ...]
    remarks: tuple[Diagnostic, ...]


def load(
    path: Path, *, variant: str | None = None, changes: Sequence[Change] = (), plugins: bool = True
) -> LoadedWorkflow:
    """The variant (None: the base) of the file at `path`, after `changes`. All variants are checked.

    Raises:
        DiagnosticsError: with all problems of all variants.
    """
    findings = Findings()
    file = _File(path, compose(path, findings), tuple(changes), plugins)
    if variant is not None and variant not in file.variants:
        span = file.tree.span_of(["variants"], key=True)
        expected, near = one_of(file.variants, "no variant: this file has none"), closest(variant, file.variants)
        raise DiagnosticsError([Diagnostic("E401", "error", f"unknown variant `{variant}`", span, expected, near)])
    workflow: Workflow | None = None
    for name in (None, *file.variants):
        own, checked = file.check(name, chosen=name == variant)
        if name == variant:
            workflow = checked
        elif own.has_errors and changes:
            # The changes of the command line are for the chosen variant: the others must be right without them.
            own, _ = replace(file, changes=()).check(name, chosen=False)
        file.merge(own, name, findings)
    if findings.has_errors or workflow is None:
        raise DiagnosticsError(findings.diagnostics)
    tree = file.compose_variant(variant, chosen=True, findings=Findings())
    return LoadedWorkflow(workflow, tree, tuple(file.variants), tuple(findings.diagnostics))


@dataclass(frozen=True, slots=True)
class _File:
    """A composed file with the command line's changes."""

    path: Path
    tree: MappingNode
    changes: tuple[Change, ...]
    plugins: bool

    @property
    def variants(self) -> Mapping[str, MappingEntry]:
        value = self.tree.at(["variants"])
        return value.entries if isinstance(value, MappingNode) else {}

    def check(self, variant: str | None, *, chosen: bool) -> tuple[Findings, Workflow | None]:
        """Check one variant."""
        findings = Findings()
        tree = self.compose_variant(variant, chosen=chosen, findings=findings)
        request = VariantRequest(tree, self.tree, self.path, variant, self.plugins)
        return findings, check_variant(request, findings)

    def compose_variant(self, variant: str | None, *, chosen: bool, findings: Findings) -> MappingNode:
        """One variant's tree. The command line has the last word in the chosen one, the variant in the others."""
        tree = self.tree
        if not chosen:
            tree = self._apply_changes(tree, findings)
        if variant is not None and isinstance(self.variants[variant].value, MappingNode):  # else an error of its shape
            tree = set_paths(tree, self.variants[variant].value, f"variants.{variant}", findings)
        return self._apply_changes(tree, findings) if chosen else tree

    def _apply_changes(self, tree: MappingNode, findings: Findings) -> MappingNode:
        for change in order_changes(self.changes, lambda change: change.path):
            name = f"--set {change.path}"
            try:
                value = parse_value(change.value, name)
            except DiagnosticsError as error:
                findings.diagnostics.extend(error.diagnostics)
                continue
            tree = set_path(tree, change.path, value, Span(name, 1, 1, max(1, len(change.value))), findings)
        return tree

    def merge(self, own: Findings, variant: str | None, findings: Findings) -> None:
        """Add a variant's findings: problems of the base are listed once, all others name the variant."""
        known = {(found.code, found.span, found.message) for found in findings.diagnostics}
        for found in own.diagnostics:
            if (found.code, found.span, found.message) in known:
                continue
            if variant is not None and found.code not in ("E304", "E305"):  # these are in the variant itself
                place = (self.variants[variant].key_span, f"variant `{variant}`")
                message = f"in variant `{variant}`: {found.message}"
                found = replace(found, message=message, related=(*found.related, place))
            findings.diagnostics.append(found)


def parse_change(text: str) -> Change:
    """The change in `PATH=VALUE` of the command line. Raises `DiagnosticsError` for any other text."""
    path, equals, value = text.partition("=")
    if not equals or not path.strip():
        span = Span("--set", 1, 1, max(1, len(text)))
        message = f"`--set {text}` is not PATH=VALUE"
        expected = "a path and a value, such as `--set params.turns=2`"
        raise DiagnosticsError([Diagnostic("E306", "error", message, span, expected)])
    return Change(path.strip(), value)


def changes_from_values(values: Mapping[str, object]) -> list[Change]:
    """The changes in a Python mapping of paths to plain values."""
    return [Change(path, json.dumps(value)) for path, value in values.items()]
