"""Loading: from a file, its variants and the command line's changes to one checked workflow."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from ste_graph.diagnostics import Diagnostic, DiagnosticsError, Span
from ste_graph.language.check import VariantCheck
from ste_graph.language.composition import compose
from ste_graph.language.paths import order_changes, set_path, set_paths
from ste_graph.language.source.document import DocumentLoader
from ste_graph.language.source.findings import Findings, one_of
from ste_graph.language.source.tree import MappingEntry, MappingNode
from ste_graph.language.variant import VariantRequest
from ste_graph.language.workflow import Workflow
from ste_graph.suggest import closest

ARM_SIGN: Final = "+"
"""Stands between the names of variants that make one arm: `no-lessons+no-feedback`."""


@dataclass(frozen=True, slots=True)
class Change:
    """One `--set PATH=VALUE`, or what another option says; `value` is YAML text."""

    path: str
    value: str
    option: str | None = None
    """The option that it stands for, as the place of its faults; None: `--set PATH`."""


@dataclass(frozen=True, slots=True)
class LoadedWorkflow:
    """A workflow whose variants are all right, and the warnings about them.

    `tree` is what `workflow` was made of: the files, the variant and the changes, each value with its place.
    """

    workflow: Workflow
    tree: MappingNode
    variants: tuple[str, ...]
    remarks: tuple[Diagnostic, ...]


@dataclass(frozen=True, slots=True)
class WorkflowFile:
    """A composed file with the command line's changes."""

    path: Path
    tree: MappingNode
    changes: tuple[Change, ...]
    plugins: bool

    @classmethod
    def load(
        cls, path: Path, *, variant: str | None = None, changes: Sequence[Change] = (), plugins: bool = True
    ) -> LoadedWorkflow:
        """The variant (None: the base) of the file at `path`, after `changes`. All variants are checked.

        Raises:
            DiagnosticsError: with all problems of all variants.
        """
        findings = Findings()
        file = cls(path, compose(path, findings), tuple(changes), plugins)
        if variant is not None and variant not in file.variants:
            raise DiagnosticsError([file.unknown_variant(variant)])
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

    @classmethod
    def load_arms(
        cls,
        path: Path,
        arms: Sequence[Sequence[str]] | None = None,
        changes: Sequence[Change] = (),
        *,
        plugins: bool = True,
    ) -> list[LoadedWorkflow]:
        """The arms of an experiment: the file at `path` under the variants of each, which change it in their order.

        The changes hold for all arms alike, so they come first: no change takes back what makes an arm. Without `arms`
        they are the base and each variant.

        Raises:
            DiagnosticsError: with all problems of all arms.
        """
        findings = Findings()
        file = cls(path, compose(path, findings), tuple(changes), plugins)
        wanted = [tuple(arm) for arm in arms] if arms is not None else [(), *((name,) for name in file.variants)]
        for name in dict.fromkeys(name for arm in wanted for name in arm if name not in file.variants):
            findings.diagnostics.append(file.unknown_variant(name))
        if findings.has_errors:
            raise DiagnosticsError(findings.diagnostics)
        checked: list[Workflow | None] = []
        for arm in wanted:
            own, workflow = file.check_arm(arm)
            file.merge(own, arm[0] if arm else None, findings, shown=ARM_SIGN.join(arm))
            checked.append(workflow)
        if findings.has_errors:
            raise DiagnosticsError(findings.diagnostics)
        remarks = tuple(findings.diagnostics)
        return [
            LoadedWorkflow(workflow, file.compose_arm(arm, Findings()), tuple(file.variants), remarks)
            for arm, workflow in zip(wanted, checked, strict=True)
            if workflow is not None
        ]

    @property
    def variants(self) -> Mapping[str, MappingEntry]:
        """The variants by name; one that is `off` does not count, whatever the file that this one extends has."""
        value = self.tree.at(["variants"])
        entries = value.entries if isinstance(value, MappingNode) else {}
        return {name: entry for name, entry in entries.items() if entry.value.to_plain() != "off"}

    def check(self, variant: str | None, *, chosen: bool) -> tuple[Findings, Workflow | None]:
        """Check one variant."""
        findings = Findings()
        tree = self.compose_variant(variant, chosen=chosen, findings=findings)
        request = VariantRequest(tree, self.tree, self.path, variant, self.plugins)
        return findings, VariantCheck.check(request, findings)

    def compose_variant(self, variant: str | None, *, chosen: bool, findings: Findings) -> MappingNode:
        """One variant's tree. The command line has the last word in the chosen one, the variant in the others."""
        tree = self.tree
        if not chosen:
            tree = self._apply_changes(tree, findings)
        if variant is not None and isinstance(self.variants[variant].value, MappingNode):  # else an error of its shape
            tree = set_paths(tree, self.variants[variant].value, f"variants.{variant}", findings)
        return self._apply_changes(tree, findings) if chosen else tree

    def unknown_variant(self, name: str) -> Diagnostic:
        """The problem that the file has no variant of a name."""
        span = self.tree.span_of(["variants"], key=True)
        expected, near = one_of(self.variants, "no variant: this file has none"), closest(name, self.variants)
        return Diagnostic("E401", "error", f"unknown variant `{name}`", span, expected, near)

    def check_arm(self, arm: Sequence[str]) -> tuple[Findings, Workflow | None]:
        """Check the file under several variants."""
        findings = Findings()
        self._check_contradictions(arm, findings)
        if findings.has_errors:
            return findings, None
        tree = self.compose_arm(arm, findings)
        base = self._apply_changes(self.tree, Findings())
        request = VariantRequest(tree, base, self.path, ARM_SIGN.join(arm) or None, self.plugins)
        return findings, VariantCheck.check(request, findings)

    def compose_arm(self, arm: Sequence[str], findings: Findings) -> MappingNode:
        """The file with the command line's changes and then those of the variants."""
        tree = self._apply_changes(self.tree, findings)
        for name in arm:
            tree = set_paths(tree, self.variants[name].value, f"variants.{name}", findings)
        return tree

    def _check_contradictions(self, arm: Sequence[str], findings: Findings) -> None:
        """Report variants that change one value to two: which of them came last would decide, and not the arm."""
        known: dict[str, tuple[str, MappingEntry]] = {}
        for name in arm:
            changes = self.variants[name].value
            for path, entry in changes.entries.items() if isinstance(changes, MappingNode) else ():
                for other, (first, earlier) in known.items():
                    meets = other == path or f"{other}.".startswith(f"{path}.") or f"{path}.".startswith(f"{other}.")
                    same = other == path and earlier.value.to_plain() == entry.value.to_plain()
                    if meets and not same and first != name:
                        what = min(path, other, key=len)
                        message = f"`{first}` and `{name}` cannot be combined: both change `{what}`"
                        help = "combine variants that change different things, as in `--variants a,b --factorial`"
                        related = ((earlier.key_span, f"variant `{first}`"),)
                        findings.error("E402", message, entry.key_span, help=help, related=related)
            for path, entry in changes.entries.items() if isinstance(changes, MappingNode) else ():
                known.setdefault(path, (name, entry))

    def _apply_changes(self, tree: MappingNode, findings: Findings) -> MappingNode:
        for change in order_changes(self.changes, lambda change: change.path):
            name = change.option or f"--set {change.path}"
            try:
                value = DocumentLoader.parse_value(change.value, name)
            except DiagnosticsError as error:
                findings.diagnostics.extend(error.diagnostics)
                continue
            tree = set_path(tree, change.path, value, Span(name, 1, 1, max(1, len(change.value))), findings)
        return tree

    def merge(self, own: Findings, variant: str | None, findings: Findings, *, shown: str | None = None) -> None:
        """Add a variant's findings: problems of the base are listed once, all others name the variant, as `shown`."""
        known = {(found.code, found.span, found.message) for found in findings.diagnostics}
        for found in own.diagnostics:
            if (found.code, found.span, found.message) in known:
                continue
            if variant is not None and found.code not in ("E304", "E305", "E402"):  # these are in the variant itself
                name = shown or variant
                place = (self.variants[variant].key_span, f"variant `{name}`")
                message = f"in variant `{name}`: {found.message}"
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
