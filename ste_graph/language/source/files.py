"""Files that a workflow names: by a path relative to it, or by the name of a bundled workflow."""

from __future__ import annotations

import os
import re
from importlib.util import find_spec
from pathlib import Path

from ste_graph.diagnostics import Span
from ste_graph.suggest import closest


def resolve_path(value: str, span: Span) -> Path:
    """A path in YAML, resolved against the file that holds it; in `--set` against the current folder."""
    base = Path() if span.file.startswith("--") else Path(span.file).parent
    return Path(os.path.abspath(base / Path(value).expanduser()))


def closest_file(path: Path, pattern: str = "*") -> str | None:
    """The name of a file in the same folder that a mistyped path most likely meant."""
    return closest(path.name, [file.name for file in path.parent.glob(pattern)] if path.parent.is_dir() else [])


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
    if path.is_file() or path.suffix or path.name != value:
        return path
    return bundled_workflows().get(value, path)


def suggest_file(value: str, path: Path) -> str | None:
    """The workflow file that `value` most likely meant, written as `value` is; `path` is the missing file."""
    near = closest_file(path, f"*{path.suffix}") if path.suffix else None
    return str(Path(value).with_name(near)) if near else closest(value, bundled_workflows())


def default_run_name(value: str) -> str:
    """The name in the graph of a workflow that is run as a part, if `run:` states none: its file's."""
    return re.sub(r"\W", "_", Path(value).stem, flags=re.ASCII)
