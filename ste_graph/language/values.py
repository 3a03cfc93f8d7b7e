"""Values of settings: relative paths made whole, `{env: NAME}` looked up, what is secret hidden from the lock."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final, TypeAlias

from ste_graph.contracts import Json
from ste_graph.language.diagnostics import Span
from ste_graph.language.entries import Marker, marker, use_class
from ste_graph.language.findings import Findings
from ste_graph.language.tree import Mapping, Scalar, Sequence, Tree
from ste_graph.settings import (
    AddressMarker,
    HubMarker,
    ModuleMarker,
    PathMarker,
    PathOrURLMarker,
    SecretMarker,
    SourcesMarker,
)
from ste_graph.suggest import closest

KeyMarkers: TypeAlias = dict[str, Marker]

HIDDEN: Final = "(not kept)"
"""What the lock file says where the workflow file held a secret or an address as plain text."""


def relative(value: str, span: Span) -> Path:
    """A path in YAML, resolved against the file it stands in; in `--set` against the current folder."""
    base = Path() if span.file.startswith("--") else Path(span.file).parent
    return Path(os.path.abspath(base / Path(value).expanduser()))


def neighbour(path: Path, pattern: str = "*") -> str | None:
    """The name of a file in the same folder that a mistyped path most likely meant."""
    return closest(path.name, [beside.name for beside in path.parent.glob(pattern)] if path.parent.is_dir() else [])


def resolved_value(tree: Tree, mark: Marker | None, findings: Findings, inside: KeyMarkers | None = None) -> Json:
    """A settings value as its class wants it; what is wrong with it is reported. `inside` marks keys of a mapping."""
    if isinstance(tree, Mapping):
        if is_environment(tree):
            return _from_environment(tree, mark, findings)
        marks = inside or {}
        if isinstance(mark, SourcesMarker):
            cls, mark = use_class(tree), None
            found = {name: marker(info) for name, info in cls.model_fields.items()} if cls else {}
            marks = {name: one for name, one in found.items() if one is not None}
        return {key: resolved_value(one.value, marks.get(key, mark), findings) for key, one in tree.entries.items()}
    if isinstance(tree, Sequence):
        return [resolved_value(item, mark, findings) for item in tree.items]
    if not isinstance(tree.value, str):
        return tree.value
    if isinstance(mark, ModuleMarker) and (file := module_file(tree)) is not None:
        if not file.is_file():
            findings.error("E506", f"there is no file `{tree.value}`", tree.span, suggestion=neighbour(file, "*.py"))
        return str(relative(tree.value, tree.span))
    if isinstance(mark, PathOrURLMarker) and tree.value.lower().startswith(("http://", "https://")):
        return tree.value
    if isinstance(mark, HubMarker) and not tree.value.startswith((".", "/", "~")):
        return tree.value
    return str(relative(tree.value, tree.span)) if isinstance(mark, PathMarker) else tree.value


def module_file(tree: Tree) -> Path | None:
    """The file that a module setting names (`file.py`, `file.py:name`); None for a dotted name."""
    if not isinstance(tree, Scalar) or not isinstance(tree.value, str):
        return None
    file = tree.value.split(":")[0]
    return relative(file, tree.span) if file.endswith(".py") else None


def is_environment(tree: Tree) -> bool:
    """Whether a value says `{env: NAME}`, perhaps with a default."""
    return isinstance(tree, Mapping) and "env" in tree.entries and set(tree.entries) <= {"env", "default"}


def _from_environment(tree: Mapping, mark: Marker | None, findings: Findings) -> Json:
    default = tree.entries.get("default")
    name = tree.entries["env"].value.plain()
    if not isinstance(mark, SecretMarker | AddressMarker):
        findings.error("E503", "an environment variable may not stand here", tree.span, expected="a plain value")
    elif not isinstance(name, str) or not name:
        findings.error("E503", "`env` names no variable", tree.span_of(["env"]), expected="`{env: NAME}`")
    elif default is not None and isinstance(mark, SecretMarker):
        findings.error("E503", "a secret has no default", default.key_span, expected="`{env: NAME}`")
    elif name in os.environ:
        return os.environ[name]
    elif default is not None:
        return default.value.plain()
    else:
        unset = f"the environment variable `{name}` is not set"
        findings.error("E504", unset, tree.span_of(["env"]), expected=f"`export {name}=…` first")
    return None


def hidden(value: Json) -> Json:
    """A secret or an address as the lock file keeps it: the name of its variable, or nothing."""
    if isinstance(value, dict):
        return {"env": value["env"]} if "env" in value else {key: hidden(inner) for key, inner in value.items()}
    return [hidden(inner) for inner in value] if isinstance(value, list) else HIDDEN
