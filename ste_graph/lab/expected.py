"""The likely cost of exploring, by earlier measurements, and the prices that a workflow states."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ste_graph.contracts import Json, is_simulated

if TYPE_CHECKING:
    from ste_graph.language.workflow import Workflow
    from ste_graph.models.prices import Prices

CALLS_PER_TRIAL: Final = 7
"""Model calls for a trial, as measured with the small real model (1,966 for 288 trials)."""
EXPLORING_TOKENS: Final = (700, 80)
"""Tokens of a request and of a reply while exploring, about."""


@dataclass(frozen=True, slots=True)
class Expected:
    """About what something will use. Tokens are 0 where the models are simulated."""

    model_calls: int
    prompt_tokens: int
    completion_tokens: int

    def __add__(self, other: Expected) -> Expected:
        return Expected(
            self.model_calls + other.model_calls,
            self.prompt_tokens + other.prompt_tokens,
            self.completion_tokens + other.completion_tokens,
        )


NOTHING: Final = Expected(0, 0, 0)


def expect(workflow: Workflow, units: int, most_calls: int) -> Expected:
    """About what some units of a workflow that explores will use; `most_calls` is the most model calls of a unit."""
    calls = units * min(max_trials(workflow) * CALLS_PER_TRIAL, most_calls)
    asked = {model for spec in workflow.nodes.values() for model in spec.models.values()}
    if all(is_simulated(workflow.models[name].label) for name in asked):
        return Expected(calls, 0, 0)
    prompt, completion = EXPLORING_TOKENS
    return Expected(calls, calls * prompt, calls * completion)


def max_trials(workflow: Workflow) -> int:
    """The most trials of a unit."""
    from ste_graph.language.blocks import Map, RecordBlock, Repeat, walk

    bounds = {block.name: block.bound or 1 for block, _ in walk(workflow.blocks) if isinstance(block, Repeat | Map)}
    found = [
        math.prod(bounds[loop] for loop in around)
        for block, around in walk(workflow.blocks)
        if isinstance(block, RecordBlock) and block.record == "trial"
    ]
    return max(found, default=0)


def read_prices(params: Mapping[str, Json]) -> Prices | None:
    """The prices that a workflow states in `params.prices`; None without them."""
    from ste_graph.models.prices import Prices

    given = params.get("prices")
    return Prices.model_validate(given) if isinstance(given, Mapping) else None
