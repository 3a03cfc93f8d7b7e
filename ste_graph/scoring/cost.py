"""The cost of one reply: tokens, calls, seconds, and what happened on the way."""

from __future__ import annotations

from ste_graph.contracts import Frozen, Reply, Usage


class ReplyCost(Frozen):
    """The cost of one reply. Tokens are 0 where the server does not count them."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    calls: int = 1
    """Requests to the model."""
    seconds: float = 0.0
    """From when the request was under way, so without the time in a queue here."""
    truncated: bool = False
    """True if the reply ended because it was as long as it may be, or the server read only a part of the prompt."""
    retries: int = 0
    """Attempts before the one that gave the reply."""


def cost_of(reply: Reply) -> ReplyCost:
    """The cost of a single reply of a model."""
    usage = Usage() if reply.usage.estimated else reply.usage
    return ReplyCost(
        prompt_tokens=usage.prompt_tokens,
        completion_tokens=usage.completion_tokens,
        seconds=round(reply.seconds, 3),
        truncated=reply.is_truncated or reply.prompt_cut,
        retries=reply.retries,
    )
