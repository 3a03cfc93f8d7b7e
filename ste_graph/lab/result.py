"""The result of an ablation: of each arm its measures, their paired differences to the base, and how its runs went."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ste_graph.contracts import Json, is_simulated
from ste_graph.finished import open_run
from ste_graph.lab.ablation import Ablation
from ste_graph.lab.arms import Arms
from ste_graph.lab.conduct import Conduct, Inequality, find_inequalities
from ste_graph.lab.effects import (
    Case,
    Effect,
    Values,
    estimate_effects,
    estimate_factor_effects,
    estimate_mean,
)
from ste_graph.lab.measures import MEASURES, Explored, read_unit
from ste_graph.lab.pairs import TrialPair, TrialsByUnit, UnitPair, definition_problem, read_trials
from ste_graph.models.prices import Prices
from ste_graph.run.summary import Summary
from ste_graph.scoring.score_sheet import estimate_json
from ste_graph.stats import Interval


@dataclass(frozen=True)
class ArmResult:
    """The results of one arm. Measures that have nothing to measure are None, and have no effect."""

    name: str
    conduct: Conduct
    means: Mapping[str, Interval | None]
    effects: Mapping[str, Effect]
    """The paired difference to the base, by measure; empty for the base."""
    cases: int
    """The explorations of a tool under a seed that are compared."""
    paired: int = 0
    """The places at which the arm or the base has a trial, in the units that both have finished; 0 for the base."""
    same: int = 0
    """Of these, those with the same request and the same calls in both: there the change has changed nothing."""
    inequalities: Sequence[Inequality] = ()

    def to_json(self, prices: Prices | None) -> dict[str, Json]:
        return {
            "cases": self.cases,
            "measures": {
                name: {
                    "mean": mean and estimate_json(mean),
                    "difference": self.effects[name].to_json() if name in self.effects else None,
                }
                for name, mean in self.means.items()
            },
            "paired_trials": {"all": self.paired, "same": self.same},
            "unequal": [found.to_json() for found in self.inequalities],
            **self.conduct.to_json(prices),
        }


@dataclass(frozen=True)
class AblationResult:
    """The results of all arms, the base first."""

    ablation: Ablation = field(repr=False)
    arms: Sequence[ArmResult]
    factors: Mapping[str, Mapping[str, Effect]]
    """In a factorial ablation: by measure, the main effect of each factor."""
    models: Sequence[str]
    left_out: Mapping[str, str]
    """The units of arms that are not compared, each with the reason."""

    @property
    def is_simulated(self) -> bool:
        """True if a simulated model had a part in it."""
        return any(map(is_simulated, self.models))

    @property
    def is_complete(self) -> bool:
        return all(arm.conduct.done == arm.conduct.units for arm in self.arms) and not self.left_out

    def to_json(self) -> dict[str, Json]:
        """The result for other programs; the keys are a promise."""
        prices = self.ablation.prices
        return {
            "workflow": self.ablation.name,
            "folder": str(self.ablation.folder),
            "seeds": list(self.ablation.arms.seeds),
            "models": list(self.models),
            "simulated": self.is_simulated,
            "complete": self.is_complete,
            "base": self.arms[0].name,
            "same": dict(self.ablation.arms.same),
            "measures": {measure.name: measure.title for measure in MEASURES},
            "arms": {arm.name: arm.to_json(prices) for arm in self.arms},
            "factors": {
                measure: {name: effect.to_json() for name, effect in own.items()}
                for measure, own in self.factors.items()
            },
            "left_out": dict(self.left_out),
            "runs": {run.title: str(run.folder) for run in self.ablation.runs},
        }


def read_result(ablation: Ablation, summaries: Sequence[Summary]) -> AblationResult:
    """Compare the runs of an ablation that have begun, on the units that an arm and the base have finished."""
    conduct = {arm.name: Conduct() for arm in ablation.arms.arms}
    explored: dict[str, dict[Case, Explored]] = {name: {} for name in conduct}
    left_out: dict[str, str] = {}
    alike: dict[str, Counter[bool]] = {name: Counter() for name in conduct}
    models: dict[str, None] = {}
    first: dict[int, TrialsByUnit] = {}
    for run, summary in zip(ablation.runs, summaries, strict=False):
        conduct[run.arm.name].add(summary, run.seed)
        models |= dict.fromkeys(summary.models.values())
        own = read_trials(open_run(run.folder))
        base = first.setdefault(run.seed, own)
        for name, unit in own.units.items():
            problem = unit.problem or _pairing_problem(base, own, name)
            if problem is None:
                explored[run.arm.name][name, run.seed] = read_unit(unit, own.lock)
                if own is not base and base.units[name].problem is None:
                    pairs = UnitPair(base.units[name], unit).trials
                    alike[run.arm.name].update(_does_the_same(pair) for pair in pairs)
            else:
                left_out[f"{run.title}, {name}"] = problem
    for run in ablation.runs[len(summaries) :]:
        left_out[run.title] = "has not begun"
    values = {name: _measure(own) for name, own in explored.items()}
    names = list(conduct)
    effects: dict[str, dict[str, Effect]] = {name: {} for name in names}
    for measure in MEASURES:
        others = {name: values[name][measure.name] for name in names[1:]}
        for name, effect in estimate_effects(values[names[0]][measure.name], others).items():
            effects[name][measure.name] = effect
    base_conduct = conduct[names[0]]
    results = [
        ArmResult(
            name,
            conduct[name],
            {measure.name: estimate_mean(values[name][measure.name]) for measure in MEASURES},
            effects[name],
            len(explored[name]),
            alike[name].total(),
            alike[name][True],
            find_inequalities(base_conduct, conduct[name]) if name != names[0] else (),
        )
        for name in names
    ]
    return AblationResult(ablation, results, _factor_effects(ablation.arms, values), list(models), left_out)


def _measure(explored: Mapping[Case, Explored]) -> dict[str, Values]:
    return {measure.name: {case: measure.value(own) for case, own in explored.items()} for measure in MEASURES}


def _does_the_same(pair: TrialPair) -> bool:
    """True if both trials have the same request, and made the same calls."""
    if pair.a is None or pair.b is None:
        return False
    first, second = ([(step.action, step.arguments) for step in kept.trial.steps] for kept in (pair.a, pair.b))
    return pair.a.trial.query == pair.b.trial.query and first == second


def _pairing_problem(base: TrialsByUnit, own: TrialsByUnit, name: str) -> str | None:
    """The reason that a unit cannot be compared with that of the base; None if it can be."""
    if name not in base.units:
        return "the base does not have it"
    return definition_problem(base.units[name], own.units[name])


def _factor_effects(arms: Arms, values: Mapping[str, Mapping[str, Values]]) -> dict[str, dict[str, Effect]]:
    if not arms.factors:
        return {}
    combined = {frozenset(arm.variants): arm.name for arm in arms.arms}
    combined |= {frozenset(name.split("+")): same_as for name, same_as in arms.same.items()}
    return {
        measure.name: estimate_factor_effects(
            {chosen: values[name][measure.name] for chosen, name in combined.items()}, arms.factors
        )
        for measure in MEASURES
    }
