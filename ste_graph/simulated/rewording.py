"""The same request in other words, sometimes with a slip."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from random import Random
from typing import Any

from ste_graph.simulated.extraction import arguments_in
from ste_graph.simulated.reading import Shown, Turn, asked_in
from ste_graph.simulated.strings import WORDS
from ste_graph.simulated.values import plausible
from ste_graph.simulated.wording import request_for

_INPUT = re.compile(r"^Action Input: *(\{.*\}) *$", re.MULTILINE)

_OMITTED = re.compile(r"^Leave out: *(.+?) *$", re.MULTILINE)
_ELSEWHERE = (
    "Please order a {one} {other} for our {place} and have it brought here.",
    "Can you sing me the song about the {one} and the {other}?",
    "My {place} has lost its {one} {other}; whom should I call to have it mended?",
    "Book me a table at the {one} {other}, by the {place}.",
)

_LEADS = (
    "I was wondering:", "Something I need today:", "Here is what I am after.", "A small favour, if I may.",
    "This came up at work.", "My sister asks:", "One more thing for my list.", "In short:", "Would you look at this?",
    "For the record, I ask this:", "A friend wants to know.", "While we are at it:",
)  # fmt: skip
_TAILS = ("Thanks.", "That would help a lot.", "No hurry.", "Many thanks in advance.", "That is all.", "")

CANDIDATES = 4


def reworded(turns: Sequence[Turn], tool: Shown, random: Random, slips: float) -> str:
    """Another request for the call that stands in the messages, as unlike those before as one of a few can be.

    With a chance of `slips` a value is left out or changed on the way.
    """
    texts = [turn.text for turn in turns]
    calls = next((inputs for text in texts if (inputs := _INPUT.findall(text))), None)
    request = next((asked for text in texts if (asked := asked_in(text))), "")
    arguments: dict[str, Any] = json.loads(calls[-1]) if calls else arguments_in(request, tool)
    stated = {name: value for name, value in arguments.items() if name in arguments_in(request, tool)}
    if stated and random.random() < slips:
        name = random.choice(list(stated))
        if random.random() < 0.5:
            del stated[name]
        else:
            stated[name] = plausible(tool.properties.get(name), random, tool.schema)
    before = [frozenset(re.findall(r"\w+", text.lower())) for text in (request, *texts[1::2])]
    candidates = [_once(tool, stated, random) for _ in range(CANDIDATES)]
    return min(candidates, key=lambda text: max(_likeness(text, other) for other in before))


def worded_call(text: str, tool: Shown, random: Random) -> str:
    """A request for the call that stands in a text, without the value that it says to leave out, if it says so."""
    call, omitted = _INPUT.findall(text), _OMITTED.search(text)
    arguments: dict[str, Any] = json.loads(call[-1]) if call else {}
    kept = {name: value for name, value in arguments.items() if not omitted or name != omitted[1]}
    return request_for(tool, kept, random)


def beside_the_point(random: Random) -> str:
    """A request that has to do with nothing else."""
    one, other, place = random.sample(WORDS, 3)
    return random.choice(_ELSEWHERE).format(one=one, other=other, place=place)


def _once(tool: Shown, arguments: dict[str, Any], random: Random) -> str:
    return f"{random.choice(_LEADS)} {request_for(tool, arguments, random)} {random.choice(_TAILS)}".strip()


def _likeness(text: str, other: frozenset[str]) -> float:
    words = frozenset(re.findall(r"\w+", text.lower()))
    return len(words & other) / (len(words | other) or 1)
