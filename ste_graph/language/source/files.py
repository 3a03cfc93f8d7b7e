"""Files that a workflow names: by a path relative to it, or by the name of a bundled workflow."""

from __future__ import annotations

import os
import re
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from ste_graph.diagnostics import Span
from ste_graph.files.regular import check_regular, is_regular
from ste_graph.suggest import closest

LONGEST_SHOWN: Final = 120
"""The characters of a path that a message repeats."""


def resolve_path(value: str, span: Span) -> Path:
    """A path in YAML, resolved against the file that holds it; in `--set` against the current folder.

    The home folder of an unknown user (`~nobody/x`) is taken for a folder of that name.
    """
    base = Path() if span.file.startswith("--") else Path(span.file).parent
    return Path(os.path.abspath(base / os.path.expanduser(value)))


def find_file_fault(path: Path, value: str, what: str = "file") -> str | None:
    """The reason that a path, in YAML `value`, is not a readable regular file; None if it is. `what` names its role."""
    shown = value if len(value) <= LONGEST_SHOWN else f"{value[:LONGEST_SHOWN]}…"
    match _find_error(path):
        case None:
            return None
        case FileNotFoundError() | NotADirectoryError():
            return f"{what} not found: `{shown}`"
        case error:
            return f"the {what} `{shown}` cannot be read: {(error.strerror or str(error)).lower()}"


def find_path_fault(path: Path, value: str) -> str | None:
    """The reason that a path can be neither a file nor a folder, existing or to come; None if it may be one."""
    may_be = isinstance(_find_error(path), FileNotFoundError | IsADirectoryError | PermissionError)
    return None if may_be else find_file_fault(path, value, "path")


def _find_error(path: Path) -> OSError | None:
    try:
        check_regular(path)
    except OSError as error:
        return error
    return None


def closest_file(path: Path, suffix: str = "") -> str | None:
    """The name of a file in the same folder, with this suffix, that a mistyped path most likely meant."""
    try:
        names = [name for name in os.listdir(path.parent) if name.endswith(suffix) and name != path.name]
    except (OSError, ValueError):
        return None
    return closest(path.name, names)


def with_closest_name(value: str, path: Path, suffix: str = "") -> str | None:
    """A path as a workflow writes it, with the name of the file that was most likely meant; `path` is missing."""
    near = closest_file(path, suffix)
    return str(Path(value).parent / near) if near else None


def bundled_workflows() -> dict[str, Path]:
    """The workflows that come with the package, by name."""
    spec = find_spec("ste_graph.workflows")
    folders = spec.submodule_search_locations if spec else None
    return {file.stem: file for folder in folders or () for file in sorted(Path(folder).glob("*.yaml"))}


def workflow_file(value: str, span: Span) -> Path:
    """The file that `value` names: a path, or a bundled workflow's bare name unless a file has that name.

    It may be missing.
    """
    path = resolve_path(value, span)
    if is_regular(path) or path.suffix or path.name != value:
        return path
    return bundled_workflows().get(value, path)


def suggest_file(value: str, path: Path) -> str | None:
    """The workflow file that `value` most likely meant, written as `value` is; `path` is the missing file."""
    near = with_closest_name(value, path, path.suffix) if path.suffix else None
    return near or closest(value, bundled_workflows())


def default_run_name(value: str) -> str:
    """The name in the graph of a workflow that is run as a part, if `run:` states none: its file's."""
    return re.sub(r"\W", "_", Path(value).stem, flags=re.ASCII)
