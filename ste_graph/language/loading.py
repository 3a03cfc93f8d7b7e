"""Loading: a file, its variants and the command line's changes to one checked workflow."""

from __future__ import annotations

from collections.abc import Mapping as ReadOnly
from collections.abc import Sequence as Seq
from dataclasses import dataclass, replace
from pathlib import Path

from ste_graph.language.arm import check_arm
from ste_graph.language.composition import changed, composed, with_path
from ste_graph.language.diagnostics import Diagnostic, Problems, Span, closest
from ste_graph.language.document import value as yaml_value
from ste_graph.language.findings import Findings
from ste_graph.language.tree import Mapping, Tree
from ste_graph.language.workflow import Workflow


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
    tree = composed(path)
    variants = tree.entries.get("variants")
    named = variants.value.entries if variants and isinstance(variants.value, Mapping) else {}
    if variant is not None and variant not in named:
        span = variants.key_span if variants else tree.span
        known = f"one of: {', '.join(named)}" if named else "this file has no variants"
        raise Problems([Diagnostic("E401", "error", f"there is no variant `{variant}`", span, known, closest(variant, named))])
    findings = Findings()
    workflow: Workflow | None = None
    for arm in (None, *named):
        tree_of_arm = _arm_tree(tree, arm, named[arm].value if arm else None, changes, findings, last=arm == variant)
        if tree_of_arm is None:
            continue
        own = Findings()
        checked = check_arm(tree_of_arm, tree, path, arm, plugins, own)
        _add(own, findings, arm, named[arm].key_span if arm else None)
        if arm == variant:
            workflow = checked
    if findings.failed or workflow is None:
        raise Problems(findings.diagnostics)
    return Loaded(workflow, tuple(named), tuple(findings.diagnostics))


def _arm_tree(
    tree: Mapping, arm: str | None, variant: Tree | None, changes: Seq[Change], findings: Findings, *, last: bool
) -> Mapping | None:
    """The composed tree of one arm. The command line has the last word in the arm that runs, the variant in others."""
    try:
        if not last:
            tree = _with_changes(tree, changes)
        if variant is not None:
            tree = changed(tree, variant, f"variants.{arm}")
        if last:
            tree = _with_changes(tree, changes)
    except Problems as problems:
        if last or arm is not None or not changes:
            findings.diagnostics.extend(problems.diagnostics)
        return None
    return tree


def _with_changes(tree: Mapping, changes: Seq[Change]) -> Mapping:
    for change in changes:
        name = f"--set {change.path}"
        value = yaml_value(change.value, name)
        tree = with_path(tree, change.path, value, Span(name, 1, 1, max(1, len(change.value))))
    return tree


def _add(own: Findings, findings: Findings, arm: str | None, span: Span | None) -> None:
    """Add an arm's findings: what the base has wrong too is said once, the rest names the variant."""
    known = {(found.code, found.span, found.message) for found in findings.diagnostics}
    for found in own.diagnostics:
        if (found.code, found.span, found.message) in known:
            continue
        if arm is not None and span is not None:
            found = replace(
                found,
                message=f"in variant `{arm}`: {found.message}",
                related=(*found.related, (span, f"variant `{arm}`")),
            )
        findings.diagnostics.append(found)


def parse_change(text: str) -> Change:
    """`PATH=VALUE` of the command line."""
    path, equals, value = text.partition("=")
    if not equals or not path.strip():
        span = Span("--set", 1, 1, max(1, len(text)))
        raise Problems([Diagnostic("E306", "error", f"`--set {text}` is not PATH=VALUE", span, "such as `--set params.turns=2`")])
    return Change(path.strip(), value)


def changes_of(values: ReadOnly[str, object]) -> list[Change]:
    """The changes in a Python mapping of paths to plain values."""
    import json

    return [Change(path, json.dumps(value)) for path, value in values.items()]


__all__ = ["Change", "Loaded", "changes_of", "load", "parse_change"]
