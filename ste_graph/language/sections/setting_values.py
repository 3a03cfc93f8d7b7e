"""Values of settings: paths resolved, `{env: NAME}` looked up, secrets hidden from the lock."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final, TypeAlias

from ste_graph.addresses import find_address_fault, is_web_address
from ste_graph.contracts import Json
from ste_graph.diagnostics import Span
from ste_graph.language.sections.entries import Marker, find_marker, use_class
from ste_graph.language.source.files import closest_file, find_file_fault, find_path_fault, resolve_path
from ste_graph.language.source.findings import Findings
from ste_graph.language.source.tree import MappingNode, ScalarNode, SequenceNode, Tree
from ste_graph.settings import (
    AddressMarker,
    HubMarker,
    ModuleMarker,
    PathMarker,
    PathOrURLMarker,
    SecretMarker,
    SourcesMarker,
    VariableMarker,
)

KeyMarkers: TypeAlias = dict[str, Marker]

ENVIRONMENT: Final = "--env"
"""The file of places in environment variables: a path in one is relative to the current folder."""

HIDDEN: Final = "(not kept)"
"""The lock file's value for a secret or an address that the workflow file holds as plain text."""


def resolve_value(tree: Tree, mark: Marker | None, findings: Findings, inside: KeyMarkers | None = None) -> Json:
    """A settings value as its class needs it; its faults are reported. `inside` are the markers of a mapping's keys."""
    if isinstance(tree, MappingNode):
        if is_environment(tree):
            return _read_environment(tree, mark, findings)
        marks = inside or {}
        if isinstance(mark, SourcesMarker):
            cls, mark = use_class(tree), None
            found = {name: find_marker(info) for name, info in cls.model_fields.items()} if cls else {}
            marks = {name: own for name, own in found.items() if own is not None}
        return {key: resolve_value(entry.value, marks.get(key, mark), findings) for key, entry in tree.entries.items()}
    if isinstance(tree, SequenceNode):
        return [resolve_value(item, mark, findings) for item in tree.items]
    if not isinstance(tree.value, str):
        return tree.value
    if isinstance(mark, ModuleMarker) and (file := module_file(tree)) is not None:
        if fault := find_file_fault(file, tree.value.split(":")[0]):
            findings.error("E506", fault, tree.span, suggestion=closest_file(file, ".py"))
        return str(resolve_path(tree.value, tree.span))
    return _resolve_text(tree.value, mark, tree.span, findings)


def _resolve_text(value: str, mark: Marker | None, span: Span, findings: Findings) -> str:
    """A text of a setting as its class needs it."""
    if isinstance(mark, PathOrURLMarker) and is_web_address(value):
        if fault := find_address_fault(value):
            findings.error("E506", f"not a web address: {fault}", span, expected="such as http://localhost:8000")
        return value
    if not isinstance(mark, PathMarker) or (isinstance(mark, HubMarker) and not value.startswith((".", "/", "~"))):
        return value
    path = resolve_path(value, span)
    if fault := find_path_fault(path, value):
        findings.error("E506", fault, span, expected="a file or a folder")
    return str(path)


def module_file(tree: Tree) -> Path | None:
    """The file that a module setting names (`file.py`, `file.py:name`); None for a dotted name."""
    if not isinstance(tree, ScalarNode) or not isinstance(tree.value, str):
        return None
    file = tree.value.split(":")[0]
    return resolve_path(file, tree.span) if file.endswith(".py") else None


def is_environment(tree: Tree) -> bool:
    """True for `{env: NAME}`, with or without a default."""
    return isinstance(tree, MappingNode) and "env" in tree.entries and set(tree.entries) <= {"env", "default"}


def environment_variable(tree: Tree | None) -> str | None:
    """The variable that gives a value, if one does."""
    if not isinstance(tree, MappingNode) or not is_environment(tree):
        return None
    name = tree.entries["env"].value.to_plain()
    return name if isinstance(name, str) and os.environ.get(name) else None


def _read_environment(tree: MappingNode, mark: Marker | None, findings: Findings) -> Json:
    default = tree.entries.get("default")
    name = tree.entries["env"].value.to_plain()
    if not isinstance(mark, SecretMarker | AddressMarker | VariableMarker):
        findings.error("E503", "an environment variable is not allowed here", tree.span, expected="a plain value")
    elif not isinstance(name, str) or not name:
        findings.error("E503", "`env` must name a variable", tree.span_of(["env"]), expected="`{env: NAME}`")
    elif default is not None and isinstance(mark, SecretMarker):
        findings.error("E503", "a secret cannot have a default", default.key_span, expected="`{env: NAME}`")
    elif text := os.environ.get(name):  # an empty one counts as not set
        return _resolve_text(text, mark, Span(f"{ENVIRONMENT} {name}", 1, 1, 1), findings)
    elif default is not None:
        return resolve_value(default.value, mark, findings)
    else:
        message = f"the environment variable `{name}` is not set"
        findings.error("E504", message, tree.span_of(["env"]), help=f"run `export {name}=…` first")
    return None


def read_variable(value: Json) -> Json:
    """A setting as the lock keeps it: for `{env: NAME, default: x}` the text that it stands for now."""
    if isinstance(value, dict) and "env" in value:
        return os.environ.get(str(value["env"])) or value.get("default")
    return value


def hide(value: Json) -> Json:
    """A secret or an address as the lock file keeps it: the name of its variable, or `HIDDEN`."""
    if isinstance(value, dict):
        return {"env": value["env"]} if "env" in value else {key: hide(inner) for key, inner in value.items()}
    return [hide(inner) for inner in value] if isinstance(value, list) else HIDDEN
