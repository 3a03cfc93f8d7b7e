"""`limits.per_minute`: how often one tool may be called, over all units of a run."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable

MINUTE_S = 60.0


class RateLimiter:
    """Lets at most `per_minute` calls of each tool begin within any sixty seconds; further ones wait, in order.

    With None there is no limit. `clock` and `sleep` are for tests.
    """

    def __init__(
        self,
        per_minute: int | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.per_minute = per_minute
        self._clock = clock
        self._sleep = sleep
        self._started: defaultdict[str, deque[float]] = defaultdict(deque)
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def wait_turn(self, tool: str) -> None:
        """Waits until a call of the tool may begin."""
        if self.per_minute is None:
            return
        async with self._turns[tool]:
            begun = self._started[tool]
            if len(begun) == self.per_minute:
                wait = begun.popleft() + MINUTE_S - self._clock()
                if wait > 0:
                    await self._sleep(wait)
            begun.append(self._clock())
