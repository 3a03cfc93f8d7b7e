"""The effect of an arm: its difference to the base, paired by tool and seed, with an interval.

The sample is that of *these tools*: a case is one exploration of a tool under one seed, and its trials are the replies
to it. Trials of one exploration build on one another, by both memories, and so are never taken for independent: how
much they add is estimated from how explorations differ, see `ste_graph.stats.gain_interval`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from ste_graph.contracts import Json
from ste_graph.grouping import group
from ste_graph.lab.measures import Value
from ste_graph.scoring.difference import PairedCases, add_gains, gain_over_tools, p_value_over_tools
from ste_graph.scoring.score_sheet import estimate_json
from ste_graph.stats import LEVEL, Interval, holm, proportion_interval

Case: TypeAlias = tuple[str, int]
"""A unit and a seed."""
Values: TypeAlias = Mapping[Case, Value | None]
"""A measure of one arm, by unit and seed; None where a unit has nothing to measure."""


@dataclass(frozen=True, slots=True)
class Effect:
    """The difference of an arm, or of a factor, to what it is compared with, in one measure."""

    interval: Interval
    p_value: float
    """That of no difference, after Holm's correction for the number of arms."""

    @property
    def is_shown(self) -> bool:
        """True if there is a difference for sure, also after Holm's correction."""
        return self.p_value <= 1 - LEVEL and not self.interval.low <= 0 <= self.interval.high

    def to_json(self) -> dict[str, Json]:
        return {**estimate_json(self.interval), "p_value": self.p_value, "shown": self.is_shown}


def estimate_mean(values: Values) -> Interval | None:
    """The mean over tools of a measure, and its interval; None where nothing is measured."""
    own = group((unit, value) for (unit, _), value in values.items() if value is not None).values()
    if not own:
        return None
    return proportion_interval(
        [math.fsum(value.mean for value in each) for each in own],
        [len(each) for each in own],
        squares=[math.fsum(value.mean**2 for value in each) for each in own],
        replies=min(value.items for each in own for value in each),
    )


def estimate_effects(base: Values, arms: Mapping[str, Values]) -> dict[str, Effect]:
    """The paired difference of each arm to the base; none for an arm that shares no case with it."""
    pairs = {name: _pair([base], [values]) for name, values in arms.items()}
    return _estimate({name: own for name, own in pairs.items() if own})


def estimate_factor_effects(arms: Mapping[frozenset[str], Values], factors: Sequence[str]) -> dict[str, Effect]:
    """The main effect of each factor: the mean, over all combinations of the others, of the change that it makes there.

    `arms` has the values of every combination, by the factors that are in it.
    """
    pairs = {}
    for factor in factors:
        without = [chosen for chosen in arms if factor not in chosen]
        pairs[factor] = _pair([arms[chosen] for chosen in without], [arms[chosen | {factor}] for chosen in without])
    return _estimate({name: own for name, own in pairs.items() if own})


def _estimate(pairs: Mapping[str, Mapping[str, PairedCases]]) -> dict[str, Effect]:
    p_values = holm({name: p_value_over_tools(own) for name, own in pairs.items()})
    return {name: Effect(gain_over_tools(own), p_values[name]) for name, own in pairs.items()}


def _pair(first: Sequence[Values], second: Sequence[Values]) -> dict[str, PairedCases]:
    """The cases that all have, by unit; a case's gain is the mean surplus of the second of each pair over the first."""
    gains: dict[str, list[float]] = {}
    items: list[int] = []
    for case in first[0]:
        own = [(a.get(case), b.get(case)) for a, b in zip(first, second, strict=True)]
        known = [(a, b) for a, b in own if a is not None and b is not None]
        if len(known) == len(own):
            gains.setdefault(case[0], []).append(math.fsum(b.mean - a.mean for a, b in known) / len(known))
            items.append(sum(min(a.items, b.items) for a, b in known))
    # As few replies as any case has: the more there are, the more certain a case may count.
    return {unit: add_gains(own, min(items)) for unit, own in gains.items()}
