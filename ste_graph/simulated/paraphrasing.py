"""The same request in other words, sometimes with a slip."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from random import Random
from typing import Any

from ste_graph.plausible_strings import WORDS
from ste_graph.plausible_values import plausible_value
from ste_graph.simulated.extraction import extract_arguments
from ste_graph.simulated.reading import ShownTool, Turn, last_request, read_called_tool
from ste_graph.simulated.wording import share_common, word_request, words_in

_INPUT = re.compile(r"^Action Input: *(\{.*\}) *$", re.MULTILINE)

_OMITTED = re.compile(r"^Leave out: *(.+?) *$", re.MULTILINE)
_ELSEWHERE = (
    "Please order a {first} {second} for our {place} and have it brought here.",
    "Can you sing me the song about the {first} and the {second}?",
    "My {place} has lost its {first} {second}; whom should I call to have it mended?",
    "Book me a table at the {first} {second}, by the {place}.",
)

_LEADS = (
    "I was wondering:", "Something I need today:", "Here is what I am after.", "A small favour, if I may.",
    "This came up at work.", "My sister asks:", "One more thing for my list.", "In short:", "Would you look at this?",
    "For the record, I ask this:", "A friend wants to know.", "While we are at it:",
)  # fmt: skip
_TAILS = ("Thanks.", "That would help a lot.", "No hurry.", "Many thanks in advance.", "That is all.", "")

CANDIDATES = 4


def paraphrase(turns: Sequence[Turn], tool: ShownTool, random: Random, slips: float) -> str:
    """Another request for the call in the messages: of a few, the one most unlike those before.

    With a chance of `slips` a value is left out or changed on the way.
    """
    texts = [turn.text for turn in turns]
    calls = next((inputs for text in texts if (inputs := _INPUT.findall(text))), None)
    request = next((asked for text in texts if (asked := last_request(text))), "")
    arguments: dict[str, Any] = json.loads(calls[-1]) if calls else extract_arguments(request, tool)
    stated = {name: value for name, value in arguments.items() if name in extract_arguments(request, tool)}
    if stated and random.random() < slips:
        name = random.choice(list(stated))
        if random.random() < 0.5:
            del stated[name]
        else:
            stated[name] = plausible_value(tool.properties.get(name), random, tool.schema)
    before = [words_in(text) for text in (request, *texts[1::2])]
    candidates = [_rephrase(tool, stated, random) for _ in range(CANDIDATES)]
    return min(candidates, key=lambda text: max(share_common(words_in(text), other) for other in before))


def request_for_call(text: str, random: Random) -> str:
    """A request for the call in a text, without the value that it says to leave out, if it says so."""
    call, omitted = _INPUT.findall(text), _OMITTED.search(text)
    arguments: dict[str, Any] = json.loads(call[-1]) if call else {}
    tool = read_called_tool(text, arguments)
    kept = {name: value for name, value in arguments.items() if not omitted or name != omitted[1]}
    return word_request(tool, kept, random)


def unrelated_request(random: Random) -> str:
    """A request that has to do with nothing else."""
    first, second, place = random.sample(WORDS, 3)
    return random.choice(_ELSEWHERE).format(first=first, second=second, place=place)


def _rephrase(tool: ShownTool, arguments: dict[str, Any], random: Random) -> str:
    return f"{random.choice(_LEADS)} {word_request(tool, arguments, random)} {random.choice(_TAILS)}".strip()
