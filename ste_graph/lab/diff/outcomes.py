"""The outcomes of two runs: what was spent, and the trials whose outcome differs, tool by tool."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from ste_graph.contracts import Json
from ste_graph.finished import FinishedRun, JournalTrial
from ste_graph.lab.effects import estimate_effects
from ste_graph.lab.measures import Value
from ste_graph.lab.pairs import RunPair, TrialPlace, UnitPair
from ste_graph.stats import Interval

Outcome = Callable[[JournalTrial], bool | None]
OUTCOMES: Final[dict[str, Outcome]] = {
    "solved": lambda trial: None if trial.solved is None else bool(trial.solved),
    "succeeded": lambda trial: bool(trial.call_succeeded),
}
"""The outcomes compared: the model's verdict, and the fact that a call gave a result."""
SPENT: Final = (
    "model_calls",
    "tool_calls",
    "failed_calls",
    "unreadable",
    "truncated",
    "prompt_tokens",
    "completion_tokens",
)


@dataclass(frozen=True, slots=True)
class Spent:
    """One count of both runs."""

    name: str
    a: int
    b: int


@dataclass(frozen=True, slots=True)
class ToolOutcomes:
    """One outcome of the trials of one tool: how many, those that have it in each run, and the places that differ."""

    tool: str
    outcome: str
    cases: int
    a: int
    b: int
    only_a: tuple[TrialPlace, ...]
    only_b: tuple[TrialPlace, ...]


@dataclass(frozen=True, slots=True)
class OutcomeDifference:
    """One outcome over all tools: `gain` is that of the second run over the first; None without a case.

    As in an ablation, a case is the exploration of one tool: its trials build on one another, and are not independent.
    """

    outcome: str
    cases: int
    unjudged: int
    """Pairs of which one trial has no verdict."""
    gain: Interval | None
    tools: list[ToolOutcomes] = field(default_factory=list)

    @property
    def differing(self) -> list[ToolOutcomes]:
        """The tools with trials whose outcome differs."""
        return [each for each in self.tools if each.only_a or each.only_b]


def spent(a: FinishedRun, b: FinishedRun) -> list[Spent]:
    """The use of the runs, as far as it differs."""
    first, second = a.summary().used, b.summary().used
    pairs = [Spent(name, getattr(first, name), getattr(second, name)) for name in SPENT]
    return [pair for pair in pairs if pair.a != pair.b]


def outcome_differences(pair: RunPair) -> list[OutcomeDifference]:
    """The outcomes of the trials that are at the same place in both runs."""
    return [_difference(name, outcome, list(pair.units.values())) for name, outcome in OUTCOMES.items()]


def only_in_one(pair: RunPair) -> tuple[int, int]:
    """The trials of compared units that are only in the first run, and only in the second."""
    trials = list(pair.trials)
    return sum(each.b is None for each in trials), sum(each.a is None for each in trials)


def _difference(name: str, outcome: Outcome, units: Sequence[UnitPair]) -> OutcomeDifference:
    tools, unjudged = [], 0
    for unit in units:
        judged = list(_verdict_pairs(unit, outcome))
        unjudged += sum(None in (a, b) for _, a, b in judged)
        kept = [(place, a, b) for place, a, b in judged if a is not None and b is not None]
        if kept:
            tools.append(
                ToolOutcomes(
                    unit.unit,
                    name,
                    len(kept),
                    sum(bool(a) for _, a, _ in kept),
                    sum(bool(b) for _, _, b in kept),
                    tuple(place for place, a, b in kept if a and not b),
                    tuple(place for place, a, b in kept if b and not a),
                )
            )
    first = {(each.tool, 0): Value(each.a / each.cases, each.cases) for each in tools}
    second = {(each.tool, 0): Value(each.b / each.cases, each.cases) for each in tools}
    effect = estimate_effects(first, {"b": second}).get("b")
    gain = effect.interval if effect is not None else None
    return OutcomeDifference(name, sum(each.cases for each in tools), unjudged, gain, tools)


def _verdict_pairs(unit: UnitPair, outcome: Outcome) -> Iterator[tuple[TrialPlace, bool | None, bool | None]]:
    for pair in unit.trials:
        if pair.a is not None and pair.b is not None:
            yield pair.place, outcome(pair.a), outcome(pair.b)


def outcome_json(each: OutcomeDifference) -> dict[str, Json]:
    """One outcome for other programs."""
    gain = each.gain
    return {
        "outcome": each.outcome,
        "cases": each.cases,
        "unjudged": each.unjudged,
        "gain": None if gain is None else {"mean": gain.mean, "low": gain.low, "high": gain.high, "level": gain.level},
        "tools": {
            own.tool: {
                "cases": own.cases,
                "a": own.a,
                "b": own.b,
                "only_a": [str(place_text(place)) for place in own.only_a],
                "only_b": [str(place_text(place)) for place in own.only_b],
            }
            for own in each.differing
        },
    }


def place_text(place: TrialPlace) -> str:
    """The place of a trial inside its unit, as `episode 0, trial 2`."""
    return ", ".join(f"{loop} {number}" for loop, number in place.loops)
