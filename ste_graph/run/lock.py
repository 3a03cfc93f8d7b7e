"""The lock file: what a folder is a run of, with which versions, so that nothing else is mixed into it."""

from __future__ import annotations

import platform
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from ste_graph.contracts import Json
from ste_graph.errors import WorkflowError
from ste_graph.ids import now
from ste_graph.json_values import digest
from ste_graph.language.workflow import Workflow
from ste_graph.redaction import Redactor
from ste_graph.run.units import Unit
from ste_graph.tools.fingerprint import fingerprint
from ste_graph.tools.policy import SkippedTool

PACKAGES = ("ste-graph", "langgraph", "langchain-core", "chromadb", "sentence-transformers", "pydantic")


def lock_content(
    workflow: Workflow,
    units: Sequence[Unit],
    left_out: Sequence[SkippedTool],
    labels: Mapping[str, str],
    *,
    dry_run: bool,
) -> dict[str, Json]:
    """What the lock file of a new run says."""
    clean = Redactor(workflow.secrets).redact
    return {
        "created": now(),
        "python": platform.python_version(),
        "packages": {name: found for name in PACKAGES if (found := _version(name))},
        "git": _git(workflow.file.parent),
        "file": workflow.file.name,
        "dry_run": dry_run,
        "labels": dict(labels),
        "units": {unit.name: _digest(unit.item) for unit in units},
        "tools": {tool.name: fingerprint(tool) for unit in units for tool in unit.tools},
        "schemas": {tool.name: dict(tool.parameters) for unit in units for tool in unit.tools},
        "descriptions": {tool.name: clean(tool.description) for unit in units for tool in unit.tools},
        "data": {name: _digest(items) for name, items in workflow.items.items()},
        "skipped": {tool.name: tool.to_json() for tool in left_out},
        "resolved": dict(workflow.lock),
    }


def refuse_if_changed(path: Path, locked: Mapping[str, Json], workflow: Workflow, *, dry_run: bool) -> None:
    """Raise `WorkflowError` if the folder is a run of something else; it names what differs."""
    different = list(_differences(locked.get("resolved"), dict(workflow.lock), ""))
    if locked.get("dry_run", False) != dry_run:
        different.insert(0, "dry_run")
    if different:
        listed = "".join(f"\n  {place}" for place in different[:8])
        more = f"\n  and {len(different) - 8} more" if len(different) > 8 else ""
        raise WorkflowError(
            f"{path}: this folder is a run of a workflow that differs from {workflow.file} at:{listed}{more}\n"
            "Undo the change to go on with it, or give a new folder with --out."
        )


def refuse_if_tools_changed(path: Path, locked: Mapping[str, Json], wanted: Mapping[str, Json]) -> None:
    """Raise `WorkflowError` if the data, units or tools are not those that the run began with; it says which."""
    said: list[str] = []
    for what, section in (("data", "data"), ("unit", "units"), ("tool", "tools")):
        then, there = locked.get(section, {}), wanted.get(section, {})
        for name in sorted(then.keys() | there.keys()):
            if then.get(name) != there.get(name) or (name in then) != (name in there):
                how = "has changed" if name in then and name in there else "is new" if name in there else "is gone"
                said.append(f"{what} `{name}` {how}")
    if said:
        raise WorkflowError(
            f"{path}: since this run began, {', '.join(said)}; "
            "undo the change to go on with it, or give a new folder with --out"
        )


def _digest(item: Json) -> str | None:
    return None if item is None else digest(item, length=16)


@cache
def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _git(folder: Path) -> Json:
    """The commit on which the workflow stands, and whether tracked files differ from it; None outside of git."""
    words = ["git", "status", "--porcelain=v2", "--branch", "--untracked-files=no"]
    try:
        done = subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    said = done.stdout.splitlines()
    commit = next((line.split()[-1] for line in said if line.startswith("# branch.oid ")), None)
    return {"commit": commit, "dirty": any(not line.startswith("#") for line in said)}


def _differences(then: Json, now_there: Json, place: str) -> Iterator[str]:
    if isinstance(then, Mapping) and isinstance(now_there, Mapping):
        for key in sorted({*then, *now_there}, key=str):
            yield from _differences(then.get(key), now_there.get(key), f"{place}.{key}" if place else str(key))
    elif then != now_there:
        yield f"{place}: {_short(then)}, now {_short(now_there)}"


def _short(value: Json) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…"
