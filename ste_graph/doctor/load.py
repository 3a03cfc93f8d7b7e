"""The number of requests at once that a server answers faster than one after another."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Final

from ste_graph.doctor.asking import Examiner
from ste_graph.doctor.diagnosis import Diagnosis
from ste_graph.doctor.sampling import STORY_TOKENS
from ste_graph.errors import ModelError

LEVELS: Final = (2, 4)
TOKENS: Final = STORY_TOKENS
GAIN: Final = 1.25
"""So many times more replies a second make a level worth while."""
TOPICS: Final = ("a river", "a clock", "a market", "a bridge", "a violin", "an orchard")


async def try_load(examiner: Examiner, diagnosis: Diagnosis, single_s: float) -> None:
    """Ask for 2 and 4 replies at once, of the length of one that took `single_s`."""
    topics = iter(TOPICS)
    seconds = {1: single_s}
    problem = ""
    for level in LEVELS:
        asked = [f"Write a long text about {next(topics)}. Begin at once." for _ in range(level)]
        started = time.monotonic()
        try:
            await asyncio.gather(*(examiner.ask(prompt, max_tokens=TOKENS, think=False, tries=1) for prompt in asked))
        except ModelError as error:
            problem = f"; {level} at once fail: {error}"
            break
        seconds[level] = time.monotonic() - started
    diagnosis.at_once = best_level(list(seconds.items()))
    times = ", ".join(f"{level} in {taken:.1f} s" for level, taken in seconds.items())
    more = " or more" if diagnosis.at_once == LEVELS[-1] else ""
    advice = f"worth while: {diagnosis.at_once}{more}"
    diagnosis.add("at once", "adapted" if problem else "yes", f"{times} ({advice}){problem}")


def best_level(seconds: Sequence[tuple[int, float]]) -> int:
    """The number of requests at once that brings clearly more replies a second than smaller ones.

    `seconds` has what each number of requests took in all.
    """
    best, rate = 1, 0.0
    for level, taken in seconds:
        if (now := level / max(taken, 1e-6)) > rate * GAIN:
            best, rate = level, now
    return best
