"""Workflow files that a workflow names: by a path beside it, or as one of those that come with the package."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path

from ste_graph.language.diagnostics import Span
from ste_graph.language.values import neighbour, relative
from ste_graph.suggest import closest


def bundled_workflows() -> dict[str, Path]:
    """The workflows that come with the package, by name."""
    spec = find_spec("ste_graph.workflows")
    folders = spec.submodule_search_locations if spec else None
    return {file.stem: file for folder in folders or () for file in sorted(Path(folder).glob("*.yaml"))}


def workflow_file(value: str, span: Span) -> Path:
    """The file that `value` stands for: a path, or where there is none of that name, a bundled workflow's bare name.

    It need not be there.
    """
    path = relative(value, span)
    if path.is_file() or path.suffix or path.name != value:
        return path
    return bundled_workflows().get(value, path)


def run_name(value: str) -> str:
    """What a workflow that is run as a part of another is called there, if nothing else is said."""
    return re.sub(r"\W", "_", Path(value).stem, flags=re.ASCII)


def meant(value: str, path: Path) -> str | None:
    """What was most likely meant where there is no such file, written as `value` is."""
    near = neighbour(path, f"*{path.suffix}") if path.suffix else None
    return str(Path(value).with_name(near)) if near else closest(value, bundled_workflows())
