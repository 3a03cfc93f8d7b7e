"""Composition: `extends` and `set` turn files into one tree, before anything is checked."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from ste_graph.language.diagnostics import Diagnostic, DiagnosticsError, Span
from ste_graph.language.document import read
from ste_graph.language.files import meant, workflow_file
from ste_graph.language.findings import Findings
from ste_graph.language.paths import with_paths
from ste_graph.language.tree import Entry, Mapping, Scalar, Tree

_LEGAL: Final = "one path, relative to this file, or the name of a bundled workflow"

MERGED: Final = ("params", "data", "models", "memory", "nodes", "variants", "budget", "limits", "cassette")
"""Sections whose entries are merged one by one with the base's; all others are replaced whole."""


def compose(path: Path, findings: Findings) -> Mapping:
    """The file at `path` with its bases merged in and its `set` applied.

    Raises:
        Problems: a file cannot be read, so that nothing else about the workflow can be said.
    """
    return _composed(read(path), (path,), findings)


def _composed(tree: Mapping, chain: tuple[Path, ...], findings: Findings) -> Mapping:
    if "extends" in tree.entries:
        base = _base(tree.entries["extends"].value, chain, findings)
        tree = _merged(base, tree.without(["extends"]))
    if "set" in tree.entries:
        changes = tree.entries["set"].value
        tree = with_paths(tree.without(["set"]), changes, "set", findings)
    return tree


def _base(value: Tree, chain: tuple[Path, ...], findings: Findings) -> Mapping:
    if not isinstance(value, Scalar) or not isinstance(value.value, str):
        raise _problem("E301", "`extends` is no file name", value.span, expected=_LEGAL)
    path = workflow_file(value.value, value.span)
    if not path.is_file():
        near = meant(value.value, path)
        raise _problem("E302", f"there is no file `{value.value}` to extend", value.span, suggestion=near)
    if path.resolve() in [above.resolve() for above in chain]:
        said = "this file extends itself" if len(chain) == 1 else f"`{value.value}` extends this file in turn"
        raise _problem("E303", said, value.span, expected="a chain without a circle")
    return _composed(read(path, asked_at=value.span), (*chain, path), findings)


def _merged(base: Mapping, over: Mapping) -> Mapping:
    entries = dict(base.entries)
    for key, entry in over.entries.items():
        old = entries.get(key)
        if key in MERGED and old is not None and isinstance(old.value, Mapping) and isinstance(entry.value, Mapping):
            merged = Mapping({**old.value.entries, **entry.value.entries}, entry.value.span)
            entries[key] = Entry(entry.key_span, merged)
        else:
            entries[key] = entry
    return Mapping(entries, over.span)


def _problem(
    code: str, message: str, span: Span, *, expected: str | None = None, suggestion: str | None = None
) -> DiagnosticsError:
    return DiagnosticsError([Diagnostic(code, "error", message, span, expected, suggestion)])
