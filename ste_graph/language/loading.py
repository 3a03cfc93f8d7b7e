"""Loading: a file, its variants and the command line's changes to one checked workflow."""

from __future__ import annotations

import json
from collections.abc import Mapping as ReadOnly
from collections.abc import Sequence as Seq
from dataclasses import dataclass, replace
from pathlib import Path

from ste_graph.language.arm import check_variant
from ste_graph.language.composition import compose
from ste_graph.language.diagnostics import Diagnostic, DiagnosticsError, Span
from ste_graph.language.document import value as yaml_value
from ste_graph.language.findings import Findings, one_of
from ste_graph.language.paths import with_path, with_paths
from ste_graph.language.tree import Entry, Mapping
from ste_graph.language.workflow import Workflow
from ste_graph.suggest import closest


@dataclass(frozen=True, slots=True)
class Change:
    """One `--set PATH=VALUE`; `value` is YAML text."""

    path: str
    value: str


@dataclass(frozen=True, slots=True)
class Loaded:
    """A workflow whose arms are all sound, and what was said about them besides (warnings)."""

    workflow: Workflow
    variants: tuple[str, ...]
    remarks: tuple[Diagnostic, ...]


def load(path: Path, *, variant: str | None = None, changes: Seq[Change] = (), plugins: bool = True) -> Loaded:
    """The arm `variant` (None: the base) of the file at `path`, after `changes`. Every arm is checked.

    Raises:
        Problems: with all diagnostics of all arms, if any is wrong.
    """
    findings = Findings()
    file = _File(path, compose(path, findings), tuple(changes), plugins)
    if variant is not None and variant not in file.variants:
        listed = file.tree.entries.get("variants")
        span = listed.key_span if listed else file.tree.span
        expected, near = one_of(file.variants, "no variant: this file has none"), closest(variant, file.variants)
        raise DiagnosticsError([Diagnostic("E401", "error", f"there is no variant `{variant}`", span, expected, near)])
    workflow: Workflow | None = None
    for arm in (None, *file.variants):
        own, checked = file.checked(arm, chosen=arm == variant)
        if arm == variant:
            workflow = checked
        elif own.failed and changes:
            # What the command line changes is meant for the arm that it names: another must be sound without it.
            own, _ = replace(file, changes=()).checked(arm, chosen=False)
        file.add(own, arm, findings)
    if findings.failed or workflow is None:
        raise DiagnosticsError(findings.diagnostics)
    return Loaded(workflow, tuple(file.variants), tuple(findings.diagnostics))


@dataclass(frozen=True, slots=True)
class _File:
    """A composed file with the command line's changes."""

    path: Path
    tree: Mapping
    changes: tuple[Change, ...]
    plugins: bool

    @property
    def variants(self) -> ReadOnly[str, Entry]:
        value = self.tree.at(["variants"])
        return value.entries if isinstance(value, Mapping) else {}

    def checked(self, arm: str | None, *, chosen: bool) -> tuple[Findings, Workflow | None]:
        """One arm. The command line has the last word in the arm that is chosen, the variant in the others."""
        findings = Findings()
        tree = self.tree
        if not chosen:
            tree = self._changed(tree, findings)
        if arm is not None and isinstance(self.variants[arm].value, Mapping):  # else the check of its shape will tell
            tree = with_paths(tree, self.variants[arm].value, f"variants.{arm}", findings)
        if chosen:
            tree = self._changed(tree, findings)
        return findings, check_variant(tree, self.tree, self.path, arm, self.plugins, findings)

    def _changed(self, tree: Mapping, findings: Findings) -> Mapping:
        for change in self.changes:
            name = f"--set {change.path}"
            try:
                value = yaml_value(change.value, name)
            except DiagnosticsError as problems:
                findings.diagnostics.extend(problems.diagnostics)
                continue
            tree = with_path(tree, change.path, value, Span(name, 1, 1, max(1, len(change.value))), findings)
        return tree

    def add(self, own: Findings, arm: str | None, findings: Findings) -> None:
        """Add an arm's findings: what the base has wrong too is said once, the rest names the variant."""
        known = {(found.code, found.span, found.message) for found in findings.diagnostics}
        for found in own.diagnostics:
            if (found.code, found.span, found.message) in known:
                continue
            if arm is not None and found.code not in ("E304", "E305"):  # these stand in the variant itself
                place = (self.variants[arm].key_span, f"variant `{arm}`")
                said = f"in variant `{arm}`: {found.message}"
                found = replace(found, message=said, related=(*found.related, place))
            findings.diagnostics.append(found)


def parse_change(text: str) -> Change:
    """`PATH=VALUE` of the command line. Raises `DiagnosticsError` for anything else."""
    path, equals, value = text.partition("=")
    if not equals or not path.strip():
        span = Span("--set", 1, 1, max(1, len(text)))
        said = f"`--set {text}` is not PATH=VALUE"
        raise DiagnosticsError([Diagnostic("E306", "error", said, span, "such as `--set params.turns=2`")])
    return Change(path.strip(), value)


def changes_from_values(values: ReadOnly[str, object]) -> list[Change]:
    """The changes in a Python mapping of paths to plain values."""
    return [Change(path, json.dumps(value)) for path, value in values.items()]
