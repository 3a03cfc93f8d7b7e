"""What a run has used, and what it may use."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field

from pydantic import Field

from ste_graph.contracts import Frozen, Usage
from ste_graph.errors import BudgetSpentError


class Budget(Frozen):
    """The limits of one run, replayed steps included; None = no limit."""

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
    above: Meter | None = None
    """The meter of the run that this one is a part of: whatever counts here counts there too."""

    @property
    def tokens(self) -> int:
        return self.prompt_tokens + self.completion_tokens

    @contextmanager
    def model_call(self) -> Iterator[None]:
        """Around one model call. Raises `BudgetSpentError` if it may not start; a call that fails does not count."""
        self._afford("tokens", self.tokens)
        self._afford("model_calls", self.model_calls)
        with self.above.model_call() if self.above else nullcontext():
            self.model_calls += 1
            try:
                yield
            except BaseException:
                self.model_calls -= 1
                raise

    def tool_call(self) -> None:
        """Before one tool call. Raises `BudgetSpentError` if it may not start."""
        self._afford("tool_calls", self.tool_calls)
        if self.above:
            self.above.tool_call()
        self.tool_calls += 1

    def no_tool_call(self) -> None:
        """After `tool_call`, where the tool was not reached after all."""
        if self.above:
            self.above.no_tool_call()
        self.tool_calls -= 1

    def used(self, usage: Usage) -> None:
        """Add the tokens of a reply."""
        if self.above:
            self.above.used(usage)
        self.prompt_tokens += usage.prompt_tokens
        self.completion_tokens += usage.completion_tokens

    def replayed(self, *, model_calls: int = 0, tool_calls: int = 0, usage: Usage | None = None) -> None:
        """Add what steps in a log have used already; never refused."""
        if self.above:
            self.above.replayed(model_calls=model_calls, tool_calls=tool_calls)
        self.model_calls += model_calls
        self.tool_calls += tool_calls
        self.used(usage or Usage())

    def _afford(self, limit: str, used: int) -> None:
        allowed: int | None = getattr(self.budget, limit)
        if allowed is not None and used >= allowed:
            raise BudgetSpentError(
                f"the budget of {allowed:,} {limit.replace('_', ' ')} is spent: raise `budget.{limit}` and run again"
            )
