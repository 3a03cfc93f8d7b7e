"""The lock file: the workflow, tools and versions of a run, so that nothing else is mixed into it."""

from __future__ import annotations

import json
import platform
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from ste_graph.compile.mermaid import Flowchart
from ste_graph.contracts import Json, Tool
from ste_graph.errors import WorkflowError
from ste_graph.ids import derive_id, now
from ste_graph.json_values import digest
from ste_graph.language.workflow import Workflow
from ste_graph.redaction import Redactor
from ste_graph.run.costs import all_prices
from ste_graph.run.folder import FORMAT
from ste_graph.run.logs.step_log import StepLog
from ste_graph.run.units import Unit
from ste_graph.tools.fingerprint import fingerprint
from ste_graph.tools.forwarded import original_name
from ste_graph.tools.policy import SkippedTool

PACKAGES = ("ste-graph", "langgraph", "langchain-core", "chromadb", "sentence-transformers", "pydantic")
SHOWN = 8
"""The most changes that a message lists."""


def lock_content(
    workflow: Workflow,
    units: Sequence[Unit],
    skipped: Sequence[SkippedTool],
    labels: Mapping[str, str],
    *,
    dry_run: bool,
    kept: Sequence[Tool] = (),
) -> dict[str, Json]:
    """The content of the lock file of a new run; `kept` are the tools that `without` leaves out."""
    redact = Redactor(workflow.secrets).redact
    return {
        "format": FORMAT,
        "created": now(),
        "python": platform.python_version(),
        "packages": package_versions(),
        "git": _git_state(workflow.file.parent),
        "file": workflow.file.name,
        "dry_run": dry_run,
        "models": dict(labels),
        "units": {unit.name: _digest(unit.item) for unit in units},
        "tools": {tool.name: fingerprint(tool) for unit in units for tool in unit.tools},
        "schemas": {tool.name: dict(tool.parameters) for unit in units for tool in unit.tools},
        "descriptions": {tool.name: redact(tool.description) for unit in units for tool in unit.tools},
        "names": {tool.name: own for unit in units for tool in unit.tools if (own := original_name(tool)) != tool.name},
        "data": {name: _digest(items) for name, items in workflow.items.items()},
        "skipped": {tool.name: tool.to_json() for tool in skipped},
        **({"kept": {tool.name: fingerprint(tool) for tool in kept}} if kept else {}),
        "graph": Flowchart.draw(workflow),
        "resolved": dict(workflow.lock),
        **({"explored": explored} if (explored := _sampled_runs(workflow)) else {}),
        **({"prices": prices} if (prices := {n: p.model_dump() for n, p in all_prices(workflow).items()}) else {}),
    }


@dataclass(frozen=True, slots=True)
class LockChange:
    """A difference between the lock of a run and what it would be taken up with."""

    at: tuple[str, ...]
    """The keys that lead to the value in the lock."""
    text: str
    """The change as a message names it."""
    now: Json
    acceptable: bool
    """True if the finished steps keep their meaning: code, a prompt, or a tool's definition has changed."""


def workflow_changes(lock: Mapping[str, Json], workflow: Workflow, *, dry_run: bool) -> list[LockChange]:
    """The changes of the workflow since the run began, or since they were accepted."""
    changes = list(_resolved_changes(accepted_lock(lock)["resolved"], dict(workflow.lock), ("resolved",)))
    if lock.get("dry_run", False) != dry_run:
        changes.insert(0, LockChange(("dry_run",), "dry_run", dry_run, acceptable=False))
    return changes


def tool_changes(lock: Mapping[str, Json], wanted: Mapping[str, Json], workflow: Workflow) -> list[LockChange]:
    """The changes of data, units and tools since the run began, or since they were accepted."""
    locked = accepted_lock(lock)
    over_tools = workflow.unit_map is not None and workflow.unit_map.over.text == "tools"
    changes: list[LockChange] = []
    for section, kind in (("data", "data"), ("units", "unit"), ("tools", "tool")):
        then, there = locked.get(section, {}), wanted.get(section, {})
        for name in sorted(then.keys() | there.keys()):
            if name in then and name in there and then[name] == there[name]:
                continue
            how = "has changed" if name in then and name in there else "is new" if name in there else "is gone"
            acceptable = how == "has changed" and (section == "tools" or (section == "units" and over_tools))
            changes.append(LockChange((section, name), f"{kind} `{name}` {how}", there.get(name), acceptable))
    changed = {change.at[1] for change in changes if change.at[0] == "tools" and change.acceptable}
    return changes + [
        LockChange((section, name), "", wanted[section][name], acceptable=True)
        for section in ("schemas", "descriptions")
        for name in sorted(changed)
        if locked[section][name] != wanted[section][name]
    ]


def refuse_changes(headline: str, changes: Sequence[LockChange], *, accept: bool) -> None:
    """Raise `WorkflowError` for changes that are not accepted; it names them, and the ways out."""
    refused = [change for change in changes if not (accept and change.acceptable)]
    if not refused:
        return
    named = [change.text for change in refused if change.text]
    listed = "".join(f"\n  {text}" for text in named[:SHOWN])
    more = f"\n  and {len(named) - SHOWN} more" if len(named) > SHOWN else ""
    accepting = ", or add --accept-changes to go on under it" if all(change.acceptable for change in refused) else ""
    raise WorkflowError(
        f"{headline}:{listed}{more}\n"
        f"help: undo the change to go on with it{accepting}, or give a new folder with --out."
    )


def accept_changes(
    lock: Mapping[str, Json], changes: Sequence[LockChange], logs: Mapping[str, StepLog]
) -> dict[str, Json]:
    """Return the lock with these changes, and the number of the first step of each unfinished unit under them."""
    entry = {
        "at": now(),
        "from_step": {unit: len(log.finished) + 1 for unit, log in logs.items() if not log.done},
        "changes": [{"at": list(change.at), "now": change.now} for change in changes],
    }
    return {**lock, "accepted": [*lock.get("accepted", ()), entry]}


def run_id(lock: Mapping[str, Json]) -> str:
    """The identity of a run, wherever its folder is: two runs of one workflow give their records equal ids."""
    return derive_id(lock.get("created"), json.dumps(lock.get("resolved"), sort_keys=True, default=str))


def accepted_lock(lock: Mapping[str, Json]) -> dict[str, Json]:
    """The lock with the changes that were accepted."""
    current: dict[str, Json] = deepcopy(dict(lock)) if lock.get("accepted") else dict(lock)
    for entry in current.get("accepted", ()):
        for change in entry["changes"]:
            *parents, last = change["at"]
            value = current
            for key in parents:
                value = value[key]
            value[last] = change["now"]
    return current


def _resolved_changes(then: Json, there: Json, at: tuple[str, ...]) -> Iterator[LockChange]:
    """The changes of a resolved workflow and of its sub-workflows; code and prompts of the same name are acceptable."""
    of = f" of sub-workflow `{at[-1]}`" if len(at) > 1 else ""
    for section in sorted({*then, *there}):
        before, after = then.get(section), there.get(section)
        for name in sorted({*before, *after}) if isinstance(before, dict) and isinstance(after, dict) else ():
            old, new, place = before.get(name), after.get(name), (*at, section, name)
            if section == "runs" and isinstance(old, dict) and isinstance(new, dict):
                yield from _resolved_changes(old, new, place)
            elif old == new:
                continue
            elif section == "code" and old and new:
                yield LockChange(place, f"the code of `{name}`{of} has changed", new, acceptable=True)
            elif section == "code":
                how = "does not use" if old else "uses"
                yield LockChange(place, f"it now {how} the code of `{name}`{of}", new, acceptable=False)
            elif section == "prompts" and old and new:
                text = f"the prompt `{name}`{of} has changed: {_shorten(old)}, now {_shorten(new)}"
                yield LockChange(place, text, new, acceptable=True)
            else:
                yield from _differences(old, new, place)
        if not (isinstance(before, dict) and isinstance(after, dict)):
            yield from _differences(before, after, (*at, section))


def _differences(then: Json, there: Json, at: tuple[str, ...]) -> Iterator[LockChange]:
    if isinstance(then, Mapping) and isinstance(there, Mapping):
        for key in sorted({*then, *there}, key=str):
            yield from _differences(then.get(key), there.get(key), (*at, str(key)))
    elif isinstance(then, list) and isinstance(there, list) and len(then) == len(there):
        # One change, of the list as a whole: its text alone says where in it.
        pairs = enumerate(zip(then, there, strict=True))
        inner = [change for number, (own, other) in pairs for change in _differences(own, other, (*at, str(number)))]
        if inner:
            yield LockChange(at, "; ".join(change.text for change in inner), there, acceptable=False)
    elif then != there:
        yield LockChange(at, f"{'.'.join(at[1:])}: {_shorten(then)}, now {_shorten(there)}", there, acceptable=False)


def _sampled_runs(workflow: Workflow) -> list[str]:
    """The folders of the runs that an entry of `data:` reads a number of records of, for each tool."""
    found = (getattr(source, "run", None) for source in workflow.data.values() if hasattr(source, "per_tool"))
    return [run for run in found if isinstance(run, str)]


def _digest(item: Json) -> str | None:
    return None if item is None else digest(item, length=16)


@cache
def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def package_versions() -> dict[str, str]:
    """The versions of `PACKAGES` that are installed here."""
    return {name: found for name in PACKAGES if (found := _version(name))}


def _git_state(folder: Path) -> Json:
    """The commit of the workflow, and whether tracked files differ from it; None outside of git."""
    words = ["git", "status", "--porcelain=v2", "--branch", "--untracked-files=no"]
    try:
        done = subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    lines = done.stdout.splitlines()
    commit = next((line.split()[-1] for line in lines if line.startswith("# branch.oid ")), None)
    return {"commit": commit, "dirty": any(not line.startswith("#") for line in lines)}


def _shorten(value: Json) -> str:
    text = "unset" if value is None else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:57]}…"
