"""The mean cost of the replies of an arm; and faults on the way that may make arms unequal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Final

from ste_graph.contracts import Json
from ste_graph.models.prices import Prices
from ste_graph.scoring.cost import ReplyCost
from ste_graph.scoring.reply import CaseReply
from ste_graph.stats import mcnemar_mid_p
from ste_graph.text import count_noun, percent

UNEQUAL: Final = 0.01
"""The p-value from which two arms have a fault unequally often, by McNemar's test with mid-p."""


@dataclass(frozen=True, slots=True)
class ArmCost:
    """The mean cost of a reply of one arm; None where nothing is known. `truncated` and `retried` are shares."""

    prompt_tokens: float | None
    completion_tokens: float | None
    calls: float | None
    seconds: float | None
    truncated: float | None
    retried: float | None

    def price(self, prices: Prices) -> float | None:
        """The price of a reply; None if its tokens are not known."""
        if self.prompt_tokens is None or self.completion_tokens is None:
            return None
        return prices.price(self.prompt_tokens, self.completion_tokens)

    def to_json(self, prices: Prices | None = None) -> dict[str, Json]:
        found: dict[str, Json] = {name: getattr(self, name) for name in self.__slots__}
        if prices is not None:
            found["price"] = {"per_case": self.price(prices), "currency": prices.currency}
        return found


def mean_cost(replies: Sequence[CaseReply]) -> ArmCost:
    """The mean cost of a reply. Tokens are not known if any reply has none, and seconds if all have none."""
    costs = [reply.cost for reply in replies if reply.cost is not None]
    if not costs or len(costs) < len(replies):
        return ArmCost(None, None, None, None, None, None)
    counted = all(cost.prompt_tokens for cost in costs)
    timed = any(cost.seconds for cost in costs)
    return ArmCost(
        fmean(cost.prompt_tokens for cost in costs) if counted else None,
        fmean(cost.completion_tokens for cost in costs) if counted else None,
        fmean(cost.calls for cost in costs),
        fmean(cost.seconds for cost in costs) if timed else None,
        fmean(cost.truncated for cost in costs),
        fmean(cost.retries > 0 for cost in costs),
    )


def unequal_faults(baseline: Sequence[CaseReply], other: Sequence[CaseReply]) -> list[str]:
    """The faults that one arm had more often than the other, so that their difference may not be what was shown.

    The replies are paired by case and number.
    """
    first = {(*reply.key, reply.n): reply.cost for reply in baseline}
    pairs = [(first.get((*reply.key, reply.n)), reply.cost) for reply in other]
    known = [(a, b) for a, b in pairs if a is not None and b is not None]
    faults: dict[str, Callable[[ReplyCost], bool]] = {
        "cut short (the reply, or the prompt)": lambda cost: cost.truncated,
        "asked for again": lambda cost: cost.retries > 0,
    }
    found = []
    for words, has in faults.items():
        own, others = sum(has(b) for _, b in known), sum(has(a) for a, _ in known)
        only_b, only_a = (sum(has(b) and not has(a) for a, b in known), sum(has(a) and not has(b) for a, b in known))
        if mcnemar_mid_p(only_b, only_a) <= UNEQUAL:
            shares = f"{percent(own / len(known))} % against {percent(others / len(known))} %"
            found.append(f"{shares} of {count_noun(len(known), 'reply')} were {words}")
    return found
