"""The budget of a run, and the counts of what it has used."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field

from pydantic import Field

from ste_graph.contracts import Frozen, Usage
from ste_graph.errors import BudgetSpentError


class Budget(Frozen):
    """What a run may spend in all, over every time it is taken up again; unset: no limit.

    The run stops cleanly when it is spent.
    """

    model_calls: int | None = Field(None, ge=0, description="Replies of models at most.")
    tool_calls: int | None = Field(None, ge=0, description="Tool calls at most.")
    tokens: int | None = Field(
        None, ge=0, description="Tokens of requests and replies at most; calls under way may exceed it."
    )


@dataclass
class Meter:
    """The counts of one run. A call counts from its start, so that calls side by side cannot exceed the budget."""

    budget: Budget = field(default_factory=Budget)
    model_calls: int = 0
    tool_calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    retries: int = 0
    parent: Meter | None = None
    """The meter of the run that this one is a part of: whatever counts here counts there too."""

    @property
    def tokens(self) -> int:
        return self.prompt_tokens + self.completion_tokens

    @contextmanager
    def model_call(self) -> Iterator[None]:
        """Around one model call. Raises `BudgetSpentError` if it may not start; a call that fails does not count."""
        self._check("tokens", self.tokens)
        self._check("model_calls", self.model_calls)
        with self.parent.model_call() if self.parent else nullcontext():
            self.model_calls += 1
            try:
                yield
            except BaseException:
                self.model_calls -= 1
                raise

    def count_tool_call(self) -> None:
        """Before one tool call. Raises `BudgetSpentError` if it may not start."""
        self._check("tool_calls", self.tool_calls)
        if self.parent:
            self.parent.count_tool_call()
        self.tool_calls += 1

    def uncount_tool_call(self) -> None:
        """After `count_tool_call`, where the tool was not reached after all."""
        if self.parent:
            self.parent.uncount_tool_call()
        self.tool_calls -= 1

    def count_retry(self) -> None:
        """After an attempt at a reply that is made again."""
        if self.parent:
            self.parent.count_retry()
        self.retries += 1

    def add_usage(self, usage: Usage) -> None:
        """Add the tokens of a reply."""
        if self.parent:
            self.parent.add_usage(usage)
        self.prompt_tokens += usage.prompt_tokens
        self.completion_tokens += usage.completion_tokens

    def add_replayed(self, *, model_calls: int = 0, tool_calls: int = 0, usage: Usage | None = None) -> None:
        """Add what steps in a log have used already; never refused."""
        if self.parent:
            self.parent.add_replayed(model_calls=model_calls, tool_calls=tool_calls)
        self.model_calls += model_calls
        self.tool_calls += tool_calls
        self.add_usage(usage or Usage())

    def _check(self, limit: str, used: int) -> None:
        allowed: int | None = getattr(self.budget, limit)
        if allowed is not None and used >= allowed:
            raise BudgetSpentError(
                f"the budget of {allowed:,} {limit.replace('_', ' ')} is spent: raise `budget.{limit}` and run again"
            )
