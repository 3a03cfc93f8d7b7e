"""Composition: `extends` and `set` turn files into one tree, before anything is checked."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from ste_graph.diagnostics import Diagnostic, DiagnosticsError, Span
from ste_graph.language.paths import set_paths
from ste_graph.language.source.document import DocumentLoader
from ste_graph.language.source.files import find_file_fault, suggest_file, workflow_file
from ste_graph.language.source.findings import Findings
from ste_graph.language.source.tree import MappingEntry, MappingNode, ScalarNode, Tree

_LEGAL: Final = "one path, relative to this file, or the name of a bundled workflow"

MERGED: Final = ("params", "data", "models", "memory", "nodes", "variants", "budget", "limits", "cassette")
"""Sections whose entries are merged one by one with the base's; all others are replaced whole."""


def compose(path: Path, findings: Findings) -> MappingNode:
    """The file at `path` with its bases merged in and its `set` applied.

    Raises:
        DiagnosticsError: a file cannot be read, so that nothing else about the workflow is known.
    """
    return _compose(DocumentLoader.read(path), (path,), findings)


def _compose(tree: MappingNode, chain: tuple[Path, ...], findings: Findings) -> MappingNode:
    if "extends" in tree.entries:
        base = _read_base(tree.entries["extends"].value, chain, findings)
        tree = _merge(base, tree.without(["extends"]))
    if "set" in tree.entries:
        changes = tree.entries["set"].value
        tree = set_paths(tree.without(["set"]), changes, "set", findings)
    return tree


def _read_base(value: Tree, chain: tuple[Path, ...], findings: Findings) -> MappingNode:
    if not isinstance(value, ScalarNode) or not isinstance(value.value, str):
        raise _error("E301", "`extends` must be a file name", value.span, expected=_LEGAL)
    path = workflow_file(value.value, value.span)
    if fault := find_file_fault(path, value.value):
        near = suggest_file(value.value, path)
        raise _error("E302", fault, value.span, expected=_LEGAL, suggestion=near)
    if path.resolve() in [above.resolve() for above in chain]:
        message = "this file extends itself" if len(chain) == 1 else f"`{value.value}` extends this file in turn"
        raise _error("E303", message, value.span, expected="a chain of files without a circle")
    return _compose(DocumentLoader.read(path, asked_at=value.span), (*chain, path), findings)


def _merge(base: MappingNode, over: MappingNode) -> MappingNode:
    entries = dict(base.entries)
    for key, entry in over.entries.items():
        old = entries.get(key)
        if (
            key in MERGED
            and old is not None
            and isinstance(old.value, MappingNode)
            and isinstance(entry.value, MappingNode)
        ):
            merged = MappingNode({**old.value.entries, **entry.value.entries}, entry.value.span)
            entries[key] = MappingEntry(entry.key_span, merged)
        else:
            entries[key] = entry
    return MappingNode(entries, over.span)


def _error(
    code: str, message: str, span: Span, *, expected: str | None = None, suggestion: str | None = None
) -> DiagnosticsError:
    return DiagnosticsError([Diagnostic(code, "error", message, span, expected, suggestion)])
