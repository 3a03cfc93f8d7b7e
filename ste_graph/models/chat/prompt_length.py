"""Noticing that a server reads less than it is sent: it cuts the beginning of a prompt and says nothing."""

from __future__ import annotations

from collections.abc import Sequence

from ste_graph.contracts import Message

SHORTEST = 4_000
"""Characters below which no prompt is cut."""
MOST_PER_TOKEN = 8.0
"""More characters a token than any language, code or JSON has."""
MANY_PER_TOKEN = 5.5
"""So many are a sign where the server has counted as many tokens for a shorter prompt."""


class PromptLengths:
    """The prompts of one model, with what its server counted."""

    def __init__(self) -> None:
        self._characters, self._tokens = 0, 0

    def is_cut(self, messages: Sequence[Message], tokens: int) -> bool:
        """True if a prompt for which the server counted so many tokens cannot have been read whole."""
        if not tokens:
            return False
        characters = sum(len(text) for message in messages if isinstance(text := message["content"], str))
        if characters < SHORTEST:
            return False
        stuck = characters > 1.25 * self._characters > 0 and tokens <= self._tokens
        if tokens > self._tokens:
            self._characters, self._tokens = characters, tokens
        return characters > MOST_PER_TOKEN * tokens or (stuck and characters > MANY_PER_TOKEN * tokens)
