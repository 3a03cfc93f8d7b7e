"""Prices of a model's tokens."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from pydantic import Field

from ste_graph.contracts import Frozen, Usage

Price = Annotated[float, Field(ge=0)]


class Prices(Frozen):
    """Money for a million tokens."""

    input: Price = Field(description="Money for a million tokens of prompts.")
    cached: Price | None = Field(
        None, description="The same for tokens of prompts that the server had read before; unset: as `input`."
    )
    output: Price = Field(description="Money for a million tokens of replies.")
    currency: str = Field("USD", description="The currency, which all models of a run share.")

    def price(self, prompt_tokens: float, completion_tokens: float, cached_tokens: float = 0) -> float:
        """The price of so many tokens; `cached_tokens` are part of those of the prompt."""
        cached = self.input if self.cached is None else self.cached
        new = prompt_tokens - cached_tokens
        return (self.input * new + cached * cached_tokens + self.output * completion_tokens) / 1e6

    def price_of(self, usage: Usage) -> float:
        """The price of a reply."""
        return self.price(usage.prompt_tokens, usage.completion_tokens, usage.cached_tokens)

    def describe(self) -> str:
        """The prices in a few words."""
        cached = "" if self.cached is None else f"{self.cached:g} cached, "
        return f"{self.input:g} input, {cached}{self.output:g} output ({self.currency} per million tokens)"


def money_text(money: float, currency: str) -> str:
    """An amount: two digits after the point, and more if it is small."""
    digits = 2 if money >= 1 or money == 0 else 4 if money >= 0.01 else 6
    return f"{money:,.{digits}f} {currency}"


def find_currency(prices: Iterable[Prices]) -> str | None:
    """The currency of the prices; None if there are no prices."""
    return next((own.currency for own in prices), None)
