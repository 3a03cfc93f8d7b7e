"""A fork: a new run that goes on from a point of another run, under another arm.

The steps before the point are taken over from the logs of that run, so that no model is asked and no tool is called for
them. What follows runs as in any run that is continued.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from ste_graph.compile.flow import FlowBuilder
from ste_graph.contracts import Json
from ste_graph.errors import WorkflowError
from ste_graph.ids import derive_id
from ste_graph.language.workflow import Workflow
from ste_graph.run.folder import RunFolder
from ste_graph.run.forks.fork_files import OwnedFiles, carry_memories, check_parts, describe_parts, part_remarks
from ste_graph.run.forks.fork_point import ForkPoint, parse_point
from ste_graph.run.forks.prefix import ForkError, Prefix, PrefixReader
from ste_graph.run.lock_file import accepted_lock, run_id, tool_changes, workflow_changes
from ste_graph.run.logs.step_log import LogOwner, StepLog, open_logs
from ste_graph.run.units import Unit
from ste_graph.suggest import did_you_mean, list_choices


@dataclass(frozen=True, slots=True)
class Fork:
    """The wish to go on from a point of another run."""

    run: Path
    """Its folder."""
    at: str
    """The point, as in `item=two,turn=7`."""


@dataclass(frozen=True, slots=True)
class TakenSteps:
    """The steps that a new run takes over."""

    origin: RunFolder
    prefixes: Mapping[str, Prefix]
    """The steps of each unit."""
    entry: dict[str, Json]
    """The entry about it in the lock file."""
    then: Mapping[str, Json]
    """The lock file of the forked run."""
    remarks: list[str] = field(default_factory=list)

    def begin(self, folder: RunFolder, lock: Mapping[str, Json], workflow: Workflow) -> dict[str, Json]:
        """Write lock file, logs and all that they refer to; return the lock. A fork that is killed is begun anew.

        Raises `RunError` if something cannot be written.
        """
        folder.write_lock({**lock, "forked_from": {**self.entry, "begun": False}})
        files = OwnedFiles(self.origin, folder, self.prefixes.values())
        for unit, prefix in self.prefixes.items():
            folder.step_log(unit).unlink(missing_ok=True)
            log = StepLog(folder.step_log(unit), LogOwner(unit, derive_id(lock["created"])))
            replace(prefix, steps=[files.take(step) for step in prefix.steps]).write(log)
            log.close()
        carry_memories(self.origin, folder, workflow, self.then, lock)
        whole = {**lock, "forked_from": self.entry}
        folder.write_lock(whole)
        return whole


def fork_folder(default: Path, at: str) -> Path:
    """The folder of a fork if none is given: that of a run of the arm, with the point in its name."""
    return default.with_name(f"{default.name}.at.{re.sub(r'[^A-Za-z0-9_.-]+', '-', at)[:80]}")


def begun_lock(lock: dict[str, Json] | None, fork: Fork | None, shown: Path) -> dict[str, Json] | None:
    """The lock of the run in a folder, None if it is still to begin.

    Raises `WorkflowError` if the run is not a fork, or is one of another run or at another point.
    """
    if lock is None:
        return None
    entry = lock.get("forked_from")
    if fork is None:
        if entry is not None and entry.get("begun") is False:
            raise WorkflowError(
                f"{shown}: a fork was stopped here before it began; run it again with --from and --at, or "
                "give another folder with --out"
            )
        return lock
    if entry is None:
        raise WorkflowError(f"{shown}: is a run that was not forked; give another folder with --out")
    if (entry["run"], entry["at"]) != (run_id(_read_origin(fork.run)), fork.at):
        raise WorkflowError(
            f"{shown}: is a fork of the run {entry['run']} ({entry['folder']}) at {entry['at']}; "
            "give another folder with --out"
        )
    return None if entry.get("begun") is False else lock


def forked_units(
    lock: Mapping[str, Json] | None, fork: Fork | None, workflow: Workflow, units: Sequence[Unit]
) -> list[Unit]:
    """Those of the units that are the run's: all of them, but in a fork of some.

    `lock` is None where the run is still to begin. Raises `WorkflowError` where a fork has no such unit.
    """
    if lock is None and fork is not None:
        point = parse_point(fork.at, FlowBuilder.build(workflow))
        return _choose_units(fork, point, workflow, units, _read_origin(fork.run))
    if lock is None or "forked_from" not in lock:
        return list(units)
    return [unit for unit in units if unit.name in lock["units"]]


def take_over(
    fork: Fork, workflow: Workflow, units: Sequence[Unit], wanted: Mapping[str, Json], *, accept_changes: bool
) -> TakenSteps:
    """Read what a fork of these units under the arm `workflow` takes over; `wanted` is the lock of the new run.

    Raises:
        WorkflowError: there is no such point, tools or data are not what they were, or (`ForkError`) the arm would not
            come to the point by the same steps.
    """
    lock = accepted_lock(_read_origin(fork.run))
    flow = FlowBuilder.build(workflow)
    point = parse_point(fork.at, flow)
    origin = RunFolder(fork.run)
    logs = open_logs(origin, lock)
    changes = _check_surroundings(fork, workflow, lock, wanted, accept_changes=accept_changes)
    nodes = lock["resolved"]["workflow"].get("nodes", {})
    transcripts = {name: node.get("transcript") for name, node in nodes.items() if isinstance(node, dict)}
    changing = {tool.name for unit in units for tool in unit.tools if tool.effect != "read"}
    reader = PrefixReader(flow, point, transcripts, changing)
    prefixes: dict[str, Prefix] = {}
    for unit in units:
        try:
            prefixes[unit.name] = reader.read(unit.name, unit.item, logs[unit.name])
        except ForkError as error:
            where = "" if workflow.unit_map is None else f" `{unit.name}`:"
            why = f"{fork.run} cannot be forked at {fork.at} under this arm:{where} {error}"
            raise ForkError(f"{why}{describe_parts(fork.run, lock, workflow)}") from None
    if not any(prefix.steps for prefix in prefixes.values()):
        raise ForkError(f"--at {fork.at}: nothing comes before it, so that a fork would be a new run; run it without")
    changed = [change.text for change in workflow_changes(lock, workflow, dry_run=wanted["dry_run"]) if change.text]
    entry: dict[str, Json] = {
        "run": run_id(lock),
        "folder": fork.run.resolve().name,
        "variant": lock["resolved"].get("variant"),
        "at": fork.at,
        "units": {name: _unit_entry(prefix) for name, prefix in prefixes.items()},
        "changes": [*changed, *changes],
    }
    check_parts(origin, prefixes.values())
    remarks = [*_state_remarks(changing, prefixes), *part_remarks(fork.run, changed)]
    return TakenSteps(origin, prefixes, entry, lock, remarks)


def describe_origin(entry: Mapping[str, Json]) -> str:
    """A line that names the run that a fork comes from, and what it took over."""
    units = entry["units"].values()
    steps = sum(unit["steps"] for unit in units)
    left: dict[str, int] = {}
    for unit in units:
        for node, count in unit.get("left_out", {}).items():
            left[node] = left.get(node, 0) + count
    without = f", without {', '.join(f'{count:,} of `{node}`' for node, count in left.items())}" if left else ""
    arm = f" of variant {entry['variant']}" if entry["variant"] else ""
    return f"run {entry['run']} ({entry['folder']}){arm}, at {entry['at']}; {steps:,} steps taken over{without}"


def _unit_entry(prefix: Prefix) -> dict[str, Json]:
    left_out = {"left_out": dict(sorted(prefix.left_out.items()))} if prefix.left_out else {}
    return {"step": prefix.next_step, "steps": len(prefix.steps), **left_out}


def _read_origin(path: Path) -> dict[str, Json]:
    lock = RunFolder(path).read_lock()
    if lock is None:
        raise WorkflowError(f"--from {path}: is not the folder of a run")
    return lock


def _choose_units(
    fork: Fork, point: ForkPoint, workflow: Workflow, units: Sequence[Unit], lock: Mapping[str, Json]
) -> list[Unit]:
    """The units to fork: the one that the point names, or all of that run."""
    there = lock["units"]
    if point.unit is not None and point.unit not in there:
        if point.unit in lock.get("skipped", {}):
            raise WorkflowError(f"--at {fork.at}: `{point.unit}` was left out of the run {fork.run}")
        hint = did_you_mean(point.unit, there)
        more = describe_parts(fork.run, lock, workflow)
        raise WorkflowError(
            f"--at {fork.at}: {fork.run} has no `{point.unit}`; {hint}it has: {list_choices(there)}{more}"
        )
    names = there if point.unit is None else [point.unit]
    chosen = {unit.name: unit for unit in units if unit.name in names}
    for name in names:
        if name not in chosen:
            raise WorkflowError(
                f"--at {fork.at}: `{name}` of {fork.run} is not in this workflow, or may not be called"
                f"{describe_parts(fork.run, lock, workflow)}"
            )
    return [chosen[name] for name in names]


def _check_surroundings(
    fork: Fork,
    workflow: Workflow,
    lock: Mapping[str, Json],
    wanted: Mapping[str, Json],
    *,
    accept_changes: bool,
) -> list[str]:
    """Return the changes of tools that are accepted. Raises `WorkflowError` for those of tools, items and data."""
    # A source of data that is new or gone is what the arm changes; one that both have must hold the same.
    both = {of: lock[of].keys() & wanted[of].keys() for of in ("units", "tools", "data")}
    then = {**lock, **{of: {name: lock[of][name] for name in names} for of, names in both.items()}}
    there = {**wanted, "data": {name: wanted["data"][name] for name in both["data"]}}
    changes = [change for change in tool_changes(then, there, workflow) if change.text]
    if lock.get("dry_run", False) != wanted["dry_run"]:
        which = ("a dry run", "is not one") if lock.get("dry_run") else ("not a dry run", "is one")
        raise WorkflowError(f"{fork.run}: is {which[0]}, and the fork {which[1]}; what follows would not go with it")
    refused = [change.text for change in changes if not (accept_changes and change.acceptable)]
    if refused:
        accepting = "; add --accept-changes to go on under it" if all(change.acceptable for change in changes) else ""
        listed = "".join(f"\n  {text}" for text in refused)
        raise WorkflowError(f"{fork.run} cannot be forked; since it began, something has changed{accepting}:{listed}")
    return [change.text for change in changes]


def _state_remarks(changing: Collection[str], prefixes: Mapping[str, Prefix]) -> list[str]:
    """A remark on tools whose state is not what it was at the point."""
    unsure = [prefix for prefix in prefixes.values() if not prefix.is_reset]
    called = {tool for prefix in unsure for step in prefix.steps for tool, _ in step.calls}
    names = sorted(called.intersection(changing))
    if not names:
        return []
    which = ", ".join(f"`{name}`" for name in names)
    return [f"{which} may have changed something before the point: its state is as it is now, not as it was then"]
