"""Regular expressions that strangers wrote, matched within a limit of time."""

from __future__ import annotations

import time
from functools import lru_cache
from typing import Any

import regex  # type: ignore[import-untyped]

LONGEST_PATTERN = 2000
"""Characters of a pattern; a longer one is not compiled, which alone would take long."""


LONG_S = 0.1
"""Seconds after which a pattern is not tried again on texts of the length at which it took longer."""
MOST_SLOW = 1000
_slow: dict[str, int] = {}
"""The patterns that took too long, and on how many characters."""


class PatternError(Exception):
    """A pattern that cannot be matched at all, or not in time; the text says why."""


def is_match(pattern: str, text: str, seconds: float, *, release: bool = False) -> bool:
    """True if the pattern is found in the text. Raises `PatternError`, or `TimeoutError` after so many seconds.

    With `release` other threads run meanwhile, which costs a little.
    """
    compiled = _compile(pattern)
    if isinstance(compiled, PatternError):
        raise compiled
    if len(text) >= _slow.get(pattern, len(text) + 1):
        raise PatternError(f"it takes too long on {_slow[pattern]:,} characters")
    try:
        return compiled.search(text, timeout=max(seconds, 1e-6), concurrent=release) is not None
    except MemoryError as fault:
        raise PatternError("matching it takes too much memory") from fault
    except TimeoutError:
        if seconds >= LONG_S:
            if len(_slow) >= MOST_SLOW:
                _slow.clear()
            _slow[pattern] = len(text)
        raise


class Stopwatch:
    """The seconds that are left for all matches of one check together."""

    def __init__(self, seconds: float, *, release: bool = False) -> None:
        self.seconds = seconds
        self._release = release

    def is_match(self, pattern: str, text: str) -> bool:
        """As the function of this name. Raises `TimeoutError` if too little time is left."""
        started = time.perf_counter()
        try:
            return is_match(pattern, text, self.seconds, release=self._release)
        finally:
            self.seconds -= time.perf_counter() - started


@lru_cache(maxsize=2048)
def _compile(pattern: str) -> Any:
    """The compiled pattern, or the `PatternError` that says why it cannot be compiled."""
    if len(pattern) > LONGEST_PATTERN:
        return PatternError(f"it has more than {LONGEST_PATTERN:,} characters")
    try:
        return regex.compile(pattern)
    except (regex.error, RecursionError, OverflowError, MemoryError) as fault:
        # JSON Schema's patterns are ECMAScript's, which are not all Python's.
        return PatternError(f"it cannot be read ({type(fault).__name__}: {fault})"[:200])
