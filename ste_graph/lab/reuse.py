"""The reuse of an earlier run of an arm: its finished units, unless something that they depend on has changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from ste_graph.contracts import Json
from ste_graph.files.jsonl import encode_line, scan_lines
from ste_graph.ids import derive_id, now
from ste_graph.language.workflow import VALUES, Workflow
from ste_graph.run.folder import EVENTS_FILE, RunFolder
from ste_graph.run.lock_file import LockChange, accepted_lock, tool_changes, workflow_changes
from ste_graph.run.logs.step_log import LogOwner, StepLog, open_logs
from ste_graph.text import count_noun

State: TypeAlias = Literal["reused", "continues", "to run"]
SHOWN = 2
"""The most changes that a reason names; the rest is counted."""

_TOOLS = ("resolved", "workflow", "tools")


@dataclass(frozen=True, slots=True)
class UnitReuse:
    """The plan for one unit, and the reason that it is not reused; None if it is."""

    unit: str
    state: State
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Reuse:
    """The plan for the units of an arm. `how` says what is done with the existing run.

    `go on`: it is taken up, or summed up if it was finished. `start`: no run exists. `carry over`: some of its units
    are taken into a new run. `anew`: none of them are. In the last two the old run is kept aside.
    """

    units: tuple[UnitReuse, ...] | None
    """None where the units are known only once the tools have started."""
    how: Literal["go on", "start", "carry over", "anew"]

    def count(self, *states: State) -> int | None:
        """The number of units in one of these states; None if the units are not known."""
        return None if self.units is None else sum(unit.state in states for unit in self.units)


def plan_reuse(workflow: Workflow, folder: Path, wanted: Mapping[str, Json] | None) -> Reuse:
    """The reuse of the run in `folder`; `wanted` is the content that its lock file would have now, None if not known.

    Raises `WorkflowError` if the folder holds a run that is damaged or of another version.
    """
    run = RunFolder(folder)
    lock = run.read_lock()
    if lock is None:
        if wanted is None:
            return Reuse(None, "start")
        return Reuse(tuple(UnitReuse(name, "to run", "it was not run before") for name in wanted["units"]), "start")
    changes = workflow_changes(lock, workflow, dry_run=False)
    if wanted is not None:
        changes += [change for change in tool_changes(lock, wanted, workflow) if change.text]
        before, after = (content.get("packages", {}).get("ste-graph") for content in (lock, wanted))
        if before != after:
            changes.append(LockChange(("packages",), f"ste-graph was {before}, now {after}", after, acceptable=False))
    names = list(wanted["units"] if wanted is not None else lock["units"])
    logs = open_logs(run, lock)
    if not changes:
        return Reuse(tuple(_unit_state(name, logs[name]) for name in names), "go on")
    if wanted is not None and _chooses_otherwise(lock, wanted):  # which tools there are is a change of single units
        changes = [change for change in changes if change.at != _TOOLS]
    shared = _find_shared_state(workflow)
    of_units = all(change.at[0] in ("units", "tools") for change in changes)
    if not of_units or shared:
        why = _reason(changes) + (f", and the units share {shared}" if shared and of_units else "")
        return Reuse(tuple(UnitReuse(name, "to run", why) for name in names), "anew")
    own = {name: [change for change in changes if change.at[1] == name] for name in names}
    units = tuple(
        UnitReuse(name, "to run", _reason(own[name])) if own[name] else _unit_state(name, logs[name]) for name in names
    )
    return Reuse(units, "carry over" if any(unit.state != "to run" for unit in units) else "anew")


def carry_over(old: Path, new: Path, reuse: Reuse, wanted: Mapping[str, Json]) -> None:
    """Begin a run in the new folder `new` with the units of the run in `old` that do not have to run."""
    run, before = RunFolder(new), RunFolder(old)
    (new / "units").mkdir(parents=True)
    lock = {**wanted, "created": now(), "servers": (before.read_lock() or {}).get("servers", {})}
    owner = derive_id(lock["created"])
    for unit in reuse.units or ():
        if unit.state == "to run":
            continue
        _, *lines = (line for line, _ in scan_lines(before.step_log(unit.unit)))
        head = encode_line(LogOwner(unit.unit, owner)._asdict())
        run.step_log(unit.unit).write_bytes(head + b"".join(lines))
    if (old / EVENTS_FILE).exists():  # the retries of the units that are carried over
        (new / EVENTS_FILE).write_bytes((old / EVENTS_FILE).read_bytes())
    run.write_lock(lock)


def _unit_state(name: str, log: StepLog) -> UnitReuse:
    if log.done:
        return UnitReuse(name, "reused")
    if log.failure:
        return UnitReuse(name, "continues", f"it failed: {log.failure}")
    if log.finished:
        return UnitReuse(name, "continues", f"it was stopped after {count_noun(len(log.finished), 'step')}")
    return UnitReuse(name, "to run", "its turn has not come yet")


def _find_shared_state(workflow: Workflow) -> str | None:
    """The state that units of a run share, so that a change of one may affect others; None if they share nothing."""
    if workflow.reset is not None:
        return "the tools' state, see `reset`"
    if workflow.unit_map is None or workflow.unit_map.over.text != "tools":
        return "the tools"
    names = [name for name, spec in workflow.memories.items() if spec.of == VALUES or spec.lives == "forever"]
    return f"memory `{names[0]}`" if names else None


def _chooses_otherwise(lock: Mapping[str, Json], wanted: Mapping[str, Json]) -> bool:
    """True if the sources of tools are the same, but for the tools that are chosen from them."""
    before, after = (accepted_lock(content)["resolved"]["workflow"].get("tools", []) for content in (lock, wanted))
    own, new = (
        [{key: value for key, value in source.items() if key not in ("include", "exclude")} for source in sources]
        for sources in (before, after)
    )
    return before != after and own == new


def _reason(changes: Sequence[LockChange]) -> str:
    texts = list(dict.fromkeys(change.text for change in changes))
    more = f" and {count_noun(len(texts) - SHOWN, 'more change')}" if len(texts) > SHOWN else ""
    return "; ".join(texts[:SHOWN]) + more
