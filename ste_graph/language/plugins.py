"""Plugins: the workflow's own Python files."""

from __future__ import annotations

import hashlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

from ste_graph.language.findings import Findings
from ste_graph.language.tree import Scalar, Sequence, Tree
from ste_graph.language.values import neighbour, relative


def plugin_files(listed: Tree | None) -> dict[str, tuple[Path, Scalar]]:
    """The files in `plugins:`, by the name that the workflow gives them."""
    items = listed.items if isinstance(listed, Sequence) else ()
    return {str(item.value): (relative(str(item.value), item.span), item) for item in items if isinstance(item, Scalar)}


def imported(listed: Tree | None, findings: Findings, *, run: bool) -> dict[str, ModuleType]:
    """The modules of the files in `plugins:`, by stem; nothing is imported unless `run` says so."""
    modules: dict[str, ModuleType] = {}
    for name, (path, item) in plugin_files(listed).items():
        if not path.is_file():
            near = neighbour(path, "*.py")
            findings.error("E501", f"there is no plugin file `{name}`", item.span, suggestion=near)
        elif path.stem in modules:
            twice = f"two plugins are called `{path.stem}`"
            findings.error(
                "E501", twice, item.span, expected="files of different names: `use:` tells them apart by name"
            )
        elif run:
            try:
                modules[path.stem] = import_file(path)
            except (Exception, SystemExit) as error:
                findings.error("E502", f"plugin `{name}` fails to import: {fault(error, path)}", item.span)
    return modules


def import_file(path: Path) -> ModuleType:
    """Import a file under a name that its path and content make unique. Raises whatever its code raises."""
    key = hashlib.sha256(str(path.resolve()).encode() + b"\0" + path.read_bytes()).hexdigest()[:12]
    name = f"ste_graph_plugin_{path.stem}_{key}"
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


def fault(error: BaseException, path: Path | None = None) -> str:
    """An exception in one line, with the last line of the file at `path` that it came through."""
    place, line = error.__traceback__, error.lineno if isinstance(error, SyntaxError) else None
    while place is not None and path is not None:
        if place.tb_frame.f_code.co_filename == str(path):
            line = place.tb_lineno
        place = place.tb_next
    text = " ".join((error.msg if isinstance(error, SyntaxError) else str(error)).split())
    text = text.partition(" For further information visit")[0]
    return f"{type(error).__name__}{f': {text}' if text else ''}{f' (line {line})' if line and path else ''}"
