"""The treatment of `seed`, `temperature`, `stop` and `max_tokens` by a server."""

from __future__ import annotations

import re
from typing import Final

from ste_graph.doctor.asking import Examiner, SilentModelError, TimedReply, excerpt
from ste_graph.doctor.diagnosis import Diagnosis, Outcome

COUNT: Final = "Count from 1 to 20 in digits, separated by spaces. Write nothing else."
STOP: Final = "9"
"""The count ends before it; the numbers after it show that it did not."""
STORY: Final = "Write a long story about a lighthouse keeper who collects odd words. Begin at once."
STORY_TOKENS: Final = 16
SILENT: Final = (
    "the model is reached, but all its replies are empty, so that nothing else can be found out and a run would bring"
    " nothing: see the server's log, whether the model is loaded whole, and whether it is one for chat (a base model"
    " has no chat template)"
)


async def try_sampling(examiner: Examiner, diagnosis: Diagnosis) -> float:
    """Try all four in three requests: a count that is stopped, and the same story twice; the seconds of one story.

    Raises `SilentModelError` where all replies are empty: nothing can be found out then.
    """
    counted = await examiner.ask(COUNT, max_tokens=48, stop=[STOP])
    first, second = [
        await examiner.ask(STORY, max_tokens=STORY_TOKENS, temperature=1.0, seed=7, think=False) for _ in range(2)
    ]
    if all(reply.raw.is_empty and not reply.thoughts for reply in (counted, first, second)):
        raise SilentModelError(SILENT)
    unsent = examiner.adaptation.unsent
    diagnosis.add("thoughts", *_thoughts(counted, examiner))
    if "seed" in unsent:
        diagnosis.add("seed", "adapted", "refused, so not sent: replies cannot be repeated, except from a cassette")
    elif not (first.raw.text or first.thoughts):
        diagnosis.add("seed", "unknown", "the replies are empty")
    elif (first.raw.text, first.thoughts) == (second.raw.text, second.thoughts):
        diagnosis.add("seed", "yes", "the same seed gave the same reply twice")
    else:
        diagnosis.add(
            "seed", "ignored", "the same seed gave two replies: a run cannot be repeated, except from a cassette"
        )
    diagnosis.add("stop", *_stop(counted, unsent))
    if not examiner.sets_length:
        return (first.seconds + second.seconds) / 2
    if "temperature" in unsent:
        diagnosis.add("temperature", "adapted", "refused, so not sent: the server's own is used")
    else:
        diagnosis.add("temperature", "yes", "taken")
    diagnosis.add("max_tokens", *_limit(first, examiner))
    return (first.seconds + second.seconds) / 2


def _thoughts(reply: TimedReply, examiner: Examiner) -> tuple[Outcome, str]:
    if examiner.room:
        return (
            "adapted",
            f"they come first and need room: `max_tokens` of some {examiner.room} more than the reply itself",
        )
    if not reply.thoughts:
        return "yes", "none: the reply begins at once"
    return "yes", "apart from the text" if reply.raw.reasoning else "in the text, and read as thoughts"


def _stop(reply: TimedReply, unsent: tuple[str, ...]) -> tuple[Outcome, str]:
    numbers = re.findall(r"\d+", reply.text)
    if "stop" in unsent:
        return "adapted", "refused, so not sent: replies are cut here"
    if STOP in reply.text:
        return "ignored", "taken, but the reply went on: replies are cut here"
    if "8" in numbers:
        return "yes", "the reply ended there"
    return "unknown", f"taken; the model did not count: {excerpt(reply.text) or 'it said nothing'}"


def _limit(reply: TimedReply, examiner: Examiner) -> tuple[Outcome, str]:
    adaptation, tokens = examiner.adaptation, reply.raw.usage.completion_tokens
    if adaptation.token_limit in adaptation.unsent:
        return "adapted", "refused, so not sent: replies end when the server ends them"
    if tokens > STORY_TOKENS + 2:
        return "ignored", f"taken, but a reply had {tokens} tokens where {STORY_TOKENS} were allowed"
    kept = (
        "the reply ended there"
        if reply.raw.finish_reason == "length"
        else f"taken; the reply had {tokens or '?'} tokens"
    )
    if adaptation.token_limit != "max_tokens":
        return "adapted", f"sent as `{adaptation.token_limit}`; {kept}"
    return ("yes" if reply.raw.finish_reason == "length" or tokens else "unknown"), kept
