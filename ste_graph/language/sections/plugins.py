"""Plugins: the workflow's own Python files."""

from __future__ import annotations

import hashlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Final

from ste_graph.language.source.files import closest_file, find_file_fault, resolve_path
from ste_graph.language.source.findings import Findings
from ste_graph.language.source.tree import ScalarNode, SequenceNode, Tree
from ste_graph.tracebacks import describe_encoding, user_place

_PREFIX: Final = "ste_graph_plugin_"
"""The start of the names under which plugins are imported."""


def plugin_files(section: Tree | None) -> dict[str, tuple[Path, ScalarNode]]:
    """The files in `plugins:`, by the name that the workflow gives them."""
    items = section.items if isinstance(section, SequenceNode) else ()
    return {
        str(item.value): (resolve_path(str(item.value), item.span), item)
        for item in items
        if isinstance(item, ScalarNode)
    }


def import_plugins(section: Tree | None, findings: Findings, *, run: bool) -> dict[str, ModuleType]:
    """The modules of the files in `plugins:`, by stem; with `run` False nothing is imported."""
    modules: dict[str, ModuleType] = {}
    for name, (path, item) in plugin_files(section).items():
        if fault := find_file_fault(path, name, "plugin"):
            findings.error("E501", fault, item.span, suggestion=closest_file(path, ".py"))
        elif path.stem in modules:
            rule = "files of different names: `use:` tells them apart by name"
            findings.error("E501", f"two plugins are called `{path.stem}`", item.span, expected=rule)
        elif run:
            try:
                modules[path.stem] = import_file(path)
            except KeyboardInterrupt:
                raise
            except BaseException as error:
                message = f"plugin `{name}` fails to import: {describe_encoding(error) or describe_exception(error)}"
                findings.error("E502", message, item.span)
    return modules


def import_file(path: Path) -> ModuleType:
    """Import a file under a name that its path and content make unique. Raises whatever its code raises."""
    key = hashlib.sha256(str(path.resolve()).encode() + b"\0" + path.read_bytes()).hexdigest()[:12]
    name = f"{_PREFIX}{path.stem}_{key}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # before its code runs: pydantic looks annotations up there
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def describe_exception(error: BaseException) -> str:
    """An exception in one line, which ends with the last `file:line function` of the user's code it came through."""
    place = user_place(error)
    text = " ".join((error.msg if isinstance(error, SyntaxError) else str(error)).split())
    text = text.partition(" For further information visit")[0]
    return f"{type(error).__name__}{f': {text}' if text else ''}{f' ({place})' if place else ''}"
