"""Pairs of two runs: the units that both have finished, and the trials at the same place in both.

Random choices depend on the seed, the unit and the step alone, so that two runs of one seed make the same choices until
their workflows, models or tools make them differ: what is compared is the change, and not luck.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from ste_graph.contracts import Json
from ste_graph.errors import WorkflowError
from ste_graph.finished import FinishedRun, JournalTrial, open_run
from ste_graph.grouping import group
from ste_graph.run.lock_file import accepted_lock
from ste_graph.text import count_noun, join_first

SHOWN = 4
"""The most names that a message lists."""


class TrialPlace(NamedTuple):
    """The place of a trial in a run: its unit, and the counters of the loops around its record, from 0."""

    unit: str
    loops: tuple[tuple[str, Json], ...]


@dataclass(frozen=True, slots=True)
class UnitTrials:
    """The trials of one unit, in order. `problem` says why the unit is not finished; None if it is."""

    unit: str
    trials: Sequence[JournalTrial]
    problem: str | None
    definition: Mapping[str, Json]
    """The definition of the unit: a digest of its `item`; of a tool also its `parameters` and `description`."""

    @property
    def by_place(self) -> dict[TrialPlace, JournalTrial]:
        """The trials by their places."""
        return {TrialPlace(self.unit, tuple(kept.loops.items())): kept for kept in self.trials}


@dataclass(frozen=True, slots=True)
class TrialsByUnit:
    """The trials of a run, by unit."""

    run: FinishedRun = field(repr=False)
    lock: Mapping[str, Json] = field(repr=False)
    """The lock with the changes that were accepted."""
    units: Mapping[str, UnitTrials]

    @property
    def path(self) -> Path:
        """The run's folder; of a part, where it was opened through the run around it."""
        return self.run.path

    @property
    def unfinished(self) -> dict[str, str]:
        """The units that are not finished, each with the reason."""
        return {name: own.problem for name, own in self.units.items() if own.problem is not None}


@dataclass(frozen=True, slots=True)
class TrialPair:
    """The trials at one place of two runs; None where a run has none there."""

    place: TrialPlace
    a: JournalTrial | None
    b: JournalTrial | None


@dataclass(frozen=True, slots=True)
class UnitPair:
    """A unit that both runs have finished."""

    a: UnitTrials
    b: UnitTrials

    @property
    def unit(self) -> str:
        return self.a.unit

    @property
    def trials(self) -> list[TrialPair]:
        """The trials by place: those of `a` in order, then those that only `b` has."""
        a, b = self.a.by_place, self.b.by_place
        return [TrialPair(place, a.get(place), b.get(place)) for place in {**a, **b}]


@dataclass(frozen=True, slots=True)
class RunPair:
    """Two runs: the units that can be compared, in the order of `a`, and why the others cannot be."""

    a: TrialsByUnit
    b: TrialsByUnit
    units: Mapping[str, UnitPair]
    left_out: Mapping[str, str]

    @property
    def trials(self) -> Iterator[TrialPair]:
        """The pairs of trials of all units that are compared."""
        return (pair for unit in self.units.values() for pair in unit.trials)


def open_trials(path: Path) -> TrialsByUnit:
    """The trials of a finished or unfinished run, or of the one part of it that has trials.

    Raises `WorkflowError` if the folder is not a run, is one of another version, or has no trials, or several parts
    that have; it says what is there instead.
    """
    return read_trials(_with_trials(open_run(path)))


def read_trials(run: FinishedRun) -> TrialsByUnit:
    """The trials of a run, by unit."""
    lock = accepted_lock(run.lock)
    by_unit: dict[str, list[JournalTrial]] = {name: [] for name in lock["units"]}
    only = next(iter(by_unit)) if len(by_unit) == 1 else None
    for kept in run.trials():
        # A workflow without a map at the top has one unit, whose trials may be of any tool.
        name = kept.tool if kept.tool in by_unit else only
        if name is not None:
            by_unit[name].append(kept)
    logs = run.logs()
    problems = {
        name: f"failed: {log.failure}" if log.failure else None if log.done else "is not finished"
        for name, log in logs.items()
    }
    return TrialsByUnit(
        run,
        lock,
        {name: UnitTrials(name, trials, problems[name], _definition(lock, name)) for name, trials in by_unit.items()},
    )


def pair_runs(a: TrialsByUnit, b: TrialsByUnit) -> RunPair:
    """Pair the units of two runs.

    A unit is left out if one of the runs does not have it or has not finished it, or if its tool has other parameters
    or it was given another item. Another description of the same tool is a change that can be compared.
    """
    units: dict[str, UnitPair] = {}
    left_out: dict[str, str] = {}
    for name in {**a.units, **b.units}:
        first, second = a.units.get(name), b.units.get(name)
        if first is None or second is None:
            left_out[name] = f"only in {(b if first is None else a).path}"
        elif problem := _problem(first, a) or _problem(second, b) or definition_problem(first, second):
            left_out[name] = problem
        else:
            units[name] = UnitPair(first, second)
    return RunPair(a, b, units, left_out)


def require_pairs(pair: RunPair) -> RunPair:
    """The pair, if there is a unit to compare. Raises `WorkflowError` that says what the runs have instead."""
    if pair.units:
        return pair
    reasons = group((why, name) for name, why in pair.left_out.items())
    lines = "".join(f"\n  {join_first(names, SHOWN)}: {why}" for why, names in reasons.items())
    raise WorkflowError(f"{pair.a.path} and {pair.b.path}: no unit that both have finished can be compared:{lines}")


def definition_problem(a: UnitTrials, b: UnitTrials) -> str | None:
    """The reason that the trials of units of one name cannot be compared: it is another case; None if they can be."""
    first, second = a.definition, b.definition
    if "parameters" in first or "parameters" in second:
        return None if first.get("parameters") == second.get("parameters") else "the tool has other parameters"
    return None if first["item"] == second["item"] else "the unit was given another item"


def _definition(lock: Mapping[str, Json], unit: str) -> dict[str, Json]:
    own: dict[str, Json] = {"item": lock["units"][unit]}
    if _over_tools(lock) and unit in lock.get("schemas", {}):
        own["parameters"] = lock["schemas"][unit]
        own["description"] = lock.get("descriptions", {}).get(unit, "")
    return own


def _over_tools(lock: Mapping[str, Json]) -> bool:
    """True if the units of a run are its tools."""
    graph = lock["resolved"]["workflow"].get("graph") or [{}]
    return len(graph) == 1 and isinstance(graph[0], Mapping) and graph[0].get("over") == "tools"


def _problem(own: UnitTrials, run: TrialsByUnit) -> str | None:
    return f"in {run.path}: {own.problem}" if own.problem else None


def _with_trials(run: FinishedRun) -> FinishedRun:
    """The run, or its one part that has trials."""
    if run.trials():
        return run
    parts = [part for part in run.sub_runs if part.trials()]
    if len(parts) == 1:
        return parts[0]
    if parts:
        places = ", ".join(str(part.path) for part in parts)
        raise WorkflowError(f"{run.path}: several of its parts have trials; name one of them: {places}")
    kinds = sum((part.count_records() for part in (run, *run.sub_runs)), Counter[str]())
    held = ", ".join(count_noun(number, kind) for kind, number in sorted(kinds.items()))
    done = [log.done for log in run.logs().values()]
    state = "" if all(done) else f"; {sum(done)} of {count_noun(len(done), 'unit')} are finished"
    instead = f"it has {held}" if held else "it has no records yet"
    raise WorkflowError(
        f"{run.path}: this run has no trials; {instead}{state}. Trials come from an exploration, such as "
        f"`ste run explore`; `ste show {run.path}` prints what is there"
    )
