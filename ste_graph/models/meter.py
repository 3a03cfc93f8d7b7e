"""The budget of a run, of its units, of the passes of a loop and of a model; and the counts of what each has used."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from pydantic import Field

from ste_graph.contracts import Frozen, Json, Usage
from ste_graph.errors import BudgetSpentError
from ste_graph.models.prices import money_text


class ModelBudget(Frozen):
    """The most that one model may be asked for in a run, all parts of it together; unset: no limit."""

    model_calls: int | None = Field(None, ge=0, description="Replies of models at most.")
    tokens: int | None = Field(
        None, ge=0, description="Tokens of requests and replies at most; calls under way may exceed it."
    )
    money: float | None = Field(
        None,
        ge=0,
        description="Money at most, by the `prices` of the models; calls under way may exceed it.",
    )


class Limits(ModelBudget):
    """The most that a unit, or a pass of a loop, may spend; unset: no limit. The unit stops when it is spent."""

    tool_calls: int | None = Field(None, ge=0, description="Tool calls at most.")
    time_s: float | None = Field(None, ge=0, description="Seconds of work at most; calls under way may exceed it.")


class Budget(Limits):
    """The amounts that a run may spend in all, over every time it is taken up again; unset: no limit.

    The run stops cleanly when one is spent.
    """

    per: dict[str, Limits] = Field(
        default_factory=dict,
        description="The same for each unit, by its name (`tool`), and for each pass of a loop, by the loop's.",
    )


UNITS: Final = {"model_calls": "model calls", "tool_calls": "tool calls", "tokens": "tokens", "time_s": "seconds"}


def limits_by_path(budget: Mapping[str, Json]) -> dict[str, float]:
    """The limits that a `budget:` states, by their path in it, as in `per.tool.tokens`."""
    found: dict[str, float] = {}
    for name, value in budget.items():
        if isinstance(value, Mapping):
            found |= {f"{name}.{inner}": limit for inner, limit in limits_by_path(value).items()}
        elif value is not None:
            found[name] = value
    return found


def _number(value: float) -> str:
    return f"{int(value):,}" if float(value).is_integer() else f"{value:,g}"


@dataclass(eq=False)
class Meter:
    """The counts of one run, unit, pass or model, and its limits.

    A call counts from its start, so that calls side by side cannot exceed the budget. What a call has cost is known at
    its end, so that those under way may.
    """

    budget: ModelBudget = field(default_factory=Budget)
    model_calls: int = 0
    tool_calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    money: float = 0.0
    retries: int = 0
    parent: Meter | None = None
    """The meter of the whole that this one is a part of: whatever counts here counts there too."""
    path: str = "budget"
    """The place of the limits in the workflow, and of which part it is."""
    of: str = ""
    """The owner of the limits, as the end of a phrase: ` per tool`; empty for a run."""
    currency: str = "USD"
    used_s: float = 0.0
    """Seconds of work before this process."""
    _began: float | None = None
    _models: dict[str, Meter] = field(default_factory=dict)

    @property
    def tokens(self) -> int:
        return self.prompt_tokens + self.completion_tokens

    @property
    def time_s(self) -> float:
        """Seconds of work, from when `begin` was called."""
        return self.used_s + (0.0 if self._began is None else time.monotonic() - self._began)

    @property
    def chain(self) -> list[Meter]:
        """This meter, and those that count what it counts, the innermost first."""
        return [self, *(self.parent.chain if self.parent else ())]

    @property
    def counts_tokens(self) -> bool:
        """True if a limit of tokens or money holds."""
        budget = self.budget
        own = budget.tokens is not None or budget.money is not None
        return own or (self.parent is not None and self.parent.counts_tokens)

    def begin(self) -> None:
        """Let the time run, here and in what this is a part of."""
        if self._began is None:
            self._began = time.monotonic()
            if self.parent is not None:
                self.parent.begin()

    def part(self, limits: ModelBudget, path: str, of: str) -> Meter:
        """Return the meter of a part of this one, such as a unit."""
        return Meter(limits, parent=self, path=path, of=of, currency=self.currency)

    def model(self, name: str, budget: ModelBudget, currency: str) -> Meter:
        """The meter of a model with a budget of its own: the same one in all parts of the run."""
        if self.parent is not None:
            return self.parent.model(name, budget, currency)
        key = f"{name} {budget.model_dump_json()}"
        found = self._models.get(key)
        if found is None:
            path, of = f"models.{name}.budget", f" of model `{name}`"
            found = self._models[key] = Meter(budget, path=path, of=of, currency=currency)
        return found

    def check(self) -> None:
        """Raise `BudgetSpentError` if no request may be sent any more."""
        if self.parent is not None:
            self.parent.check()
        for limit in ("tokens", "money", "time_s"):
            self._check(limit)

    def check_time(self) -> None:
        """Raise `BudgetSpentError` if the time is over, before a step."""
        if self.parent is not None:
            self.parent.check_time()
        self._check("time_s")

    @contextmanager
    def model_call(self) -> Iterator[None]:
        """Around one model call. Raises `BudgetSpentError` if it may not start; a call that fails does not count."""
        self.check()
        chain = self.chain
        for meter in reversed(chain):
            meter._check("model_calls")
        for meter in chain:
            meter.model_calls += 1
        try:
            yield
        except BaseException:
            for meter in chain:
                meter.model_calls -= 1
            raise

    async def count_tool_call(self) -> None:
        """Before one tool call. Raises `BudgetSpentError` if it may not start."""
        chain = self.chain
        self.check_time()
        for meter in reversed(chain):
            meter._check("tool_calls")
        for meter in chain:
            meter.tool_calls += 1

    def uncount_tool_call(self) -> None:
        """After `count_tool_call`, where the tool was not reached after all."""
        for meter in self.chain:
            meter.tool_calls -= 1

    def count_retry(self) -> None:
        """After an attempt at a reply that is made again."""
        for meter in self.chain:
            meter.retries += 1

    def add_usage(self, usage: Usage, money: float = 0.0) -> None:
        """Add the tokens of a reply, and what it has cost."""
        for meter in self.chain:
            meter._add(usage, money)

    def add_replayed(
        self,
        *,
        model_calls: int = 0,
        tool_calls: int = 0,
        usage: Usage | None = None,
        money: float = 0.0,
        until: Meter | None = None,
    ) -> None:
        """Add what steps in a log have used already; never refused.

        The meter `until` counts it already, and so do those that it is a part of.
        """
        for meter in self.chain:
            if meter is until:
                break
            meter.model_calls += model_calls
            meter.tool_calls += tool_calls
            meter._add(usage or Usage(), money)

    def _add(self, usage: Usage, money: float) -> None:
        self.prompt_tokens += usage.prompt_tokens
        self.completion_tokens += usage.completion_tokens
        self.money += money

    def _check(self, limit: str) -> None:
        """Raise `BudgetSpentError` if as much is used of this meter's own budget as a limit allows."""
        allowed = getattr(self.budget, limit, None)
        if allowed is not None and getattr(self, limit) >= allowed:
            most = money_text(allowed, self.currency) if limit == "money" else f"{_number(allowed)} {UNITS[limit]}"
            path, _, part = self.path.partition(" ")
            raise BudgetSpentError(
                f"the budget of {most}{self.of} is spent: raise `{path}.{limit}`{part and f' {part}'} and run again",
                meter=self,
            )
