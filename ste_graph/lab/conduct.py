"""The conduct of the runs of an arm: their use, the ends of loops, and faults that may make arms unequal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from ste_graph.contracts import Json
from ste_graph.grouping import group
from ste_graph.models.prices import Prices
from ste_graph.run.logs.usage_counts import UsageCounts
from ste_graph.run.summary import Summary
from ste_graph.scoring.arm_cost import UNEQUAL
from ste_graph.stats import rates_p_value

FAULTS = ("truncated", "unreadable", "empty")
"""Replies that are counted as faults, by the names of their counts."""


@dataclass(slots=True)
class Conduct:
    """The counts of all runs of an arm."""

    units: int = 0
    done: int = 0
    trials: int = 0
    used: UsageCounts = field(default_factory=UsageCounts)
    calls: Counter[str] = field(default_factory=Counter)
    """The number of tool calls that ended in each way."""
    loops: Counter[tuple[str, str]] = field(default_factory=Counter)
    """The number of times that each loop ended, by its name and the reason."""
    retries: Counter[str] = field(default_factory=Counter)
    """The number of requests to models that were made again, by the kind of reason."""
    failed: dict[str, str] = field(default_factory=dict)
    """The reason, per seed and failed unit."""

    def add(self, summary: Summary, seed: int) -> None:
        """Count one more run of the arm."""
        self.units += summary.units
        self.done += summary.done
        self.trials += summary.records["trial"]
        self.used.add(summary.used)
        self.calls.update(summary.calls)
        self.loops.update(summary.loops)
        self.retries.update(summary.servers.retries)
        self.failed |= {f"seed {seed}, {unit}": why for unit, why in summary.failed.items()}

    def price(self, prices: Prices | None) -> float | None:
        """The price of the arm; None without prices, or where the tokens are not known."""
        if prices is None or not self.used.prompt_tokens:
            return None
        return prices.price(self.used.prompt_tokens, self.used.completion_tokens)

    def rates(self) -> Iterator[tuple[str, int, int]]:
        """The rates that may differ between arms: name, number of times that it happened, and number possible."""
        asked = self.used.model_calls
        yield "requests made again", self.retries.total(), asked
        for name in FAULTS:
            yield f"{name} replies", int(getattr(self.used, name)), asked
        for loop, reasons in loop_endings(self.loops).items():
            if not reasons.keys() <= {"times", "items"}:
                yield f"loop `{loop}` ended by at_most", reasons.get("at_most", 0), sum(reasons.values())

    def to_json(self, prices: Prices | None) -> dict[str, Json]:
        return {
            "units": {"all": self.units, "done": self.done},
            "trials": self.trials,
            "model_calls": self.used.model_calls,
            "tool_calls": self.used.tool_calls,
            "failed_calls": self.used.failed_calls,
            "tokens": {"prompt": self.used.prompt_tokens, "completion": self.used.completion_tokens},
            "price": {"total": self.price(prices), "currency": prices.currency} if prices else None,
            "calls": dict(sorted(self.calls.items())),
            "replies": {name: int(getattr(self.used, name)) for name in FAULTS},
            "retries": dict(sorted(self.retries.items())),
            "loops": loop_endings(self.loops),
            "failed": self.failed,
        }


def loop_endings(loops: Mapping[tuple[str, str], int]) -> dict[str, dict[str, int]]:
    """The number of times that each loop ended for each reason, by the loop's name."""
    by_loop = group((loop, (reason, count)) for (loop, reason), count in sorted(loops.items()))
    return {loop: dict(reasons) for loop, reasons in by_loop.items()}


@dataclass(frozen=True, slots=True)
class Inequality:
    """Something that happened to one arm more often than to the base, see `rates_p_value`."""

    what: str
    base: float
    other: float
    p_value: float

    def to_json(self) -> dict[str, Json]:
        return {"what": self.what, "base": self.base, "arm": self.other, "p_value": self.p_value}


def find_inequalities(base: Conduct, other: Conduct) -> list[Inequality]:
    """The faults that befell one arm more often than the base, and so may explain a difference between them."""
    first: Mapping[str, tuple[int, int]] = {what: (count, of) for what, count, of in base.rates()}
    found = []
    for what, count, of in other.rates():
        known, known_of = first.get(what, (0, 0))
        p_value = rates_p_value(known, known_of, count, of)
        if p_value <= UNEQUAL:
            found.append(Inequality(what, known / known_of, count / of, p_value))
    return found
