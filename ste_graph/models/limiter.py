"""The bound of requests in flight at one server: it finds how many the server serves at once."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import Final

from ste_graph.contracts import Usage

CONCURRENCY: Final = 64
"""The default ceiling of requests in flight, and of units side by side."""

START: Final = 4
"""Requests in flight at first, where nobody says how many a server takes."""

HOLD: Final = 1.5
"""A doubled limit is of use where replies take at most so many times as long; in a queue they take twice as long."""

PROMPT_TOKENS: Final = 20
"""The cost of reading the prompt, as tokens written, so that replies of any length can be compared."""

LONGEST_CAUTION: Final = 64
"""The most rounds without a fault that the limit waits for before it rises again by one."""


@dataclass(frozen=True, slots=True)
class LimitChange:
    """A change of the bound, and its reason."""

    before: int
    after: int
    reason: str
    overload: bool


@dataclass(frozen=True, slots=True)
class Place:
    """A request in flight."""

    epoch: int
    """The number of changes of the limit before it began."""
    began: float
    """When it began, in seconds of the event loop's clock."""
    number: int
    """The number of requests that have begun, including this one."""
    begun_alone: bool


class Limiter:
    """Places for requests in flight, given first come, first served.

    The limit doubles while replies keep their pace and requests wait. Slower replies only end that: a server that
    batches is slower for each and faster for all. An overload (no answer in time, 429, 5xx) halves the limit; from
    then on it rises one by one, and more carefully after each further overload.
    """

    def __init__(self, start: int, ceiling: int | None = None) -> None:
        self.ceiling = start if ceiling is None else ceiling
        self.limit = min(start, self.ceiling)
        self._active = self._peak = self._begun = 0
        self._queue: deque[asyncio.Future[Place]] = deque()
        self._epoch = self._halved = self._overloads = 0
        self._replies = 0
        self._reference: float | None = None
        self._pace: float | None = None

    async def acquire(self) -> Place:
        """Wait for a place; it must be given back with `release`."""
        if self._active < self.limit and not self._queue:
            return self._take()
        waiting: asyncio.Future[Place] = asyncio.get_running_loop().create_future()
        self._queue.append(waiting)
        try:
            return await waiting
        except asyncio.CancelledError:
            if not waiting.cancelled():  # the place was given in the same moment
                self.release()
            elif waiting in self._queue:  # else it was dropped there in the same moment
                self._queue.remove(waiting)
            raise

    def release(self) -> None:
        """Give a place back."""
        self._active -= 1
        self._fill()

    def bound(self, ceiling: int, *, at_once: bool) -> None:
        """Set the ceiling. The limit sinks to it, and rises to it `at_once` or else as replies allow."""
        self.ceiling = ceiling
        self.limit = ceiling if at_once else min(self.limit, ceiling)
        self._fill()

    def was_alone(self, place: Place) -> bool:
        """True if a request that is in flight never had company of this run, so that it cannot have waited for it."""
        return place.begun_alone and place.number == self._begun

    def succeed(self, place: Place, usage: Usage) -> LimitChange | None:
        """Learn from a reply; returns the change that it leads to."""
        pace = (asyncio.get_running_loop().time() - place.began) / (usage.completion_tokens + PROMPT_TOKENS)
        self._replies += 1
        if self._epoch == 0:  # nobody is slowed down by those who came before
            self._reference = _lower(self._reference, pace)
        replies = self.limit * min(2**self._overloads, LONGEST_CAUTION)
        if place.epoch == self._epoch and self._replies > replies - (self.limit + 3) // 4:
            # Only these are compared: the first replies under a new limit met a queue that was still filling.
            self._pace = _lower(self._pace, pace)
        if self._replies < replies or self._pace is None:
            return None
        found, self._pace, self._replies = self._pace, None, 0
        if self._reference is None:
            self._reference = found
        if found > HOLD * self._reference or not self._queue or self.limit >= self.ceiling:
            return None
        if self._overloads:
            return self._change(self.limit + 1, "no overload for a while", overload=False)
        self._reference = max(self._reference, found)
        return self._change(min(self.limit * 2, self.ceiling), "replies keep their pace", overload=False)

    def reduce(self, place: Place, reason: str) -> LimitChange | None:
        """Halve the limit after an overload, once for all requests that met the same one."""
        lower = min(self.limit, self._peak) // 2
        if place.epoch < self._halved or lower < 1:
            return None
        self._overloads += 1
        self._halved = self._epoch + 1
        return self._change(lower, reason, overload=True)

    def _change(self, limit: int, reason: str, *, overload: bool) -> LimitChange:
        change = LimitChange(self.limit, limit, reason, overload)
        self.limit = limit
        self._epoch += 1
        self._replies, self._pace, self._peak = 0, None, min(self._active, limit)
        self._fill()
        return change

    def _fill(self) -> None:
        while self._queue and self._active < self.limit:
            waiting = self._queue.popleft()
            if not waiting.done():
                waiting.set_result(self._take())

    def _take(self) -> Place:
        self._active += 1
        self._begun += 1
        self._peak = max(self._peak, self._active)
        return Place(self._epoch, asyncio.get_running_loop().time(), self._begun, begun_alone=self._active == 1)


def _lower(known: float | None, new: float) -> float:
    return new if known is None else min(known, new)
