"""The measures of an exploration: of one unit's trials, each between 0 and 1."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from ste_graph.contracts import Json
from ste_graph.distil.filtering import filter_trial
from ste_graph.lab.pairs import UnitTrials
from ste_graph.trials.coverage import ToolCoverage, measure_coverage, valid_calls


class Value(NamedTuple):
    """The value of a measure for one unit: a mean of so many items, between 0 and 1."""

    mean: float
    items: int


@dataclass(frozen=True, slots=True)
class Explored:
    """The trials of one unit, with the tools of its run and what they have covered."""

    trials: Sequence[Mapping[str, Json]]
    """Lines of the journal, in order."""
    tools: Mapping[str, Mapping[str, Json]]
    """Each tool's `name`, `parameters` and `description`, by name."""
    unit: str

    @property
    def tool(self) -> Mapping[str, Json]:
        """The tool that the unit explores; of a unit that is not a tool, one without parameters."""
        return self.tools.get(self.unit) or {"name": self.unit, "parameters": {}, "description": ""}

    @property
    def coverage(self) -> ToolCoverage:
        return measure_coverage(self.trials, self.tool["parameters"])


@dataclass(frozen=True, slots=True)
class Measure:
    """One measure. `value` is None where a unit has nothing to measure."""

    name: str
    title: str
    """The name of the measure for a person."""
    value: Callable[[Explored], Value | None]


def read_unit(unit: UnitTrials, lock: Mapping[str, Json]) -> Explored:
    """The trials of a unit of a run with this lock."""
    descriptions = lock.get("descriptions", {})
    tools = {
        name: {"name": name, "parameters": schema, "description": descriptions.get(name, "")}
        for name, schema in lock.get("schemas", {}).items()
    }
    return Explored([kept.line for kept in unit.trials], tools, unit.unit)


def _share(flags: Iterable[bool]) -> Value | None:
    found = list(flags)
    return Value(sum(found) / len(found), len(found)) if found else None


def _solved_share(unit: Explored) -> Value | None:
    """The share of trials that the model takes for solved; None where it is never asked."""
    verdicts = [trial.get("solved") for trial in unit.trials]
    return None if all(verdict is None for verdict in verdicts) else _share(verdict is True for verdict in verdicts)


def _is_kept(trial: Mapping[str, Json], unit: Explored) -> bool:
    if unit.unit in unit.tools:
        return filter_trial(trial, unit.tool).passed
    last = next((str(step["action"]) for step in reversed(trial["steps"]) if step["action"]), "")
    return last in unit.tools and filter_trial(trial, unit.tools[last]).passed


def _distinct_calls(unit: Explored) -> Value | None:
    known: set[str] = set()
    flags = []
    for trial in unit.trials:
        calls = set(valid_calls(trial))
        flags.append(not calls <= known)
        known |= calls
    return _share(flags)


def _coverage_share(unit: Explored) -> Value | None:
    coverage = unit.coverage
    known = coverage.parameter_count + coverage.value_count
    used = len(coverage.parameters) + len(coverage.values)
    return Value(min(used / known, 1.0), len(unit.trials)) if known and unit.trials else None


def _spread(unit: Explored) -> Value | None:
    spread = unit.coverage.spread
    return None if spread is None else Value(spread, len(unit.trials))


MEASURES: Final = (
    Measure("solved", "trials that the model takes for solved", _solved_share),
    Measure(
        "call_succeeded",
        "trials in which a call succeeded",
        lambda unit: _share(bool(trial.get("call_succeeded")) for trial in unit.trials),
    ),
    Measure(
        "kept",
        "trials that the rule gates keep (format, execution, grounding)",
        lambda unit: _share(_is_kept(trial, unit) for trial in unit.trials),
    ),
    Measure("distinct_calls", "trials with a valid call that no earlier trial of the tool had made", _distinct_calls),
    Measure("coverage", "parameters, and values among which they choose, that valid calls used", _coverage_share),
    Measure("spread", "words that two requests of a tool do not have in common, on average", _spread),
)
"""The measures, in the order in which they are shown."""
