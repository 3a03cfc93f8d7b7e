"""The part of a long prompt that a server reads: it may refuse one, or cut its beginning and say nothing."""

from __future__ import annotations

import math
import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from ste_graph.doctor.asking import Examiner, TimedReply, TooLongError
from ste_graph.doctor.diagnosis import Diagnosis, Outcome
from ste_graph.errors import ModelError

MEASURE_CHARACTERS: Final = 1_600
"""The prompt with which the speed is measured, and how many characters a token has there."""
WHOLE: Final = 0.9
"""A server that counts a smaller share of the tokens has not read all."""
FILLED: Final = 0.93
"""The share of a stated context that is tried: the length of a prompt is not known to the token."""
LATEST: Final = 0.5
"""The share of the time limit that reading the longest prompt may take: the reply comes after it, and load with it."""
LEAST: Final = 256
"""Tokens that every context has: smaller numbers in a refusal are something else."""
BIRDS: Final = ("heron", "curlew", "puffin", "dunlin", "plover", "wagtail", "siskin", "osprey")


@dataclass(frozen=True, slots=True)
class ReadingSpeed:
    """The findings from the medium prompt."""

    tokens_per_character: float
    tokens_per_s: float
    counts: bool
    """True if the server says how many tokens a prompt has."""


async def measure_reading(examiner: Examiner) -> ReadingSpeed:
    """Send a prompt of medium length."""
    _, prompt = long_prompt(MEASURE_CHARACTERS)
    reply = await examiner.ask(prompt, max_tokens=1, think=False)
    counted = reply.raw.usage.prompt_tokens
    tokens = counted or MEASURE_CHARACTERS / 4
    return ReadingSpeed(tokens / len(prompt), tokens / max(reply.seconds, 1e-3), bool(counted))


async def try_context(
    examiner: Examiner, diagnosis: Diagnosis, longest: int, known: int | None, progress: Callable[[str], None]
) -> None:
    """Send a prompt of `longest` tokens with a word at its beginning; `known` is the context that the server states."""
    speed = await measure_reading(examiner)
    room = longest if known is None else int(known * FILLED)
    tokens = min(longest, room)
    characters = int(tokens / speed.tokens_per_character)
    progress(f"a prompt of {tokens:,} tokens, last: some {tokens / speed.tokens_per_s:.0f} s (`--quick` leaves it out)")
    if (limit := examiner.adapter.attempt_s) is not None and tokens / speed.tokens_per_s > LATEST * limit:
        needed = max(limit, math.ceil(3 * tokens / speed.tokens_per_s / 60) * 60)
        diagnosis.timeout_s = needed
        diagnosis.add(
            "time limit", "no", f"`timeout_s: {limit:g}` is short for the longest prompt: let it be {needed:g}"
        )
        examiner.attempt_s = needed
    word, prompt = long_prompt(characters)
    expected = round(len(prompt) * speed.tokens_per_character)
    try:
        reply = await examiner.ask(prompt, max_tokens=12, think=not speed.counts)
    except TooLongError as error:
        words = str(error).partition(". ")[0]
        numbers = [int(number) for number in re.findall(r"\d+", words.replace(",", "").lstrip("0123456789"))]
        diagnosis.context = known or min((number for number in numbers if LEAST <= number < expected), default=None)
        diagnosis.add("long prompt", "no", f"some {expected:,} tokens are refused: {words}")
        return
    except ModelError as error:
        diagnosis.add("long prompt", "unknown", f"{expected:,} tokens: {error}")
        return
    diagnosis.add("long prompt", *_judge(diagnosis, reply, word, expected, speed))
    if known is not None and longest > room:
        diagnosis.context = known
        note = f"the server says that it reads {known:,} tokens, and the longest prompt may have some {longest:,}"
        diagnosis.add("context", "no", note)


def _judge(
    diagnosis: Diagnosis, reply: TimedReply, word: str, expected: int, speed: ReadingSpeed
) -> tuple[Outcome, str]:
    counted = reply.raw.usage.prompt_tokens
    is_found = word in reply.text.lower().replace(" ", "-")
    if speed.counts and counted < WHOLE * expected:
        diagnosis.context = counted
        return "no", f"only {counted:,} of {expected:,} tokens were read; the server cut the beginning and said nothing"
    if is_found:
        return "yes", f"{counted or expected:,} tokens were read, and the word at their beginning was found"
    if speed.counts:
        return "yes", f"{counted:,} tokens were read; the model did not find the word at their beginning"
    note = "the word at their beginning was not found: the model is weak at this, or the server cut them"
    return "unknown", f"{expected:,} tokens; {note}"


def long_prompt(characters: int) -> tuple[str, str]:
    """A word, and a prompt of so many characters that has it at its beginning only, and asks for it at its end.

    No two are alike, so that nothing a server keeps of the one makes it faster with the next.
    """
    rng = random.Random()
    word = f"{rng.choice(BIRDS)}-{rng.randint(10, 99)}"
    lines = [f"The code word is {word}. Keep it in mind while you read this list of deliveries."]
    length = len(lines[0])
    while length < characters:
        line = (
            f"Crate {rng.randint(1000, 9999)} went to hall {rng.randint(1, 40)} with {rng.randint(2, 90)} parts in it."
        )
        lines.append(line)
        length += len(line) + 1
    lines.append("Which code word stood at the very beginning? Write the code word and nothing else.")
    return word, "\n".join(lines)
