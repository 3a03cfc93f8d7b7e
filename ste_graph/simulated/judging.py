"""A verdict on a trial that stands in a message: is it informative, faithful, appropriate?"""

from __future__ import annotations

import json
import re
from typing import Any

from ste_graph.simulated.extraction import arguments_in
from ste_graph.simulated.reading import Shown, asked_in, good

QUESTIONS = frozenset({"informative", "faithful", "appropriate"})

_CALL = re.compile(
    r"^Action: *(.+?) *\nAction Input: *(\{.*\}) *\nObservation: *(.*(?:\n(?!Action:|Final Answer:).*)*)", re.M
)
_ANSWER = re.compile(r"^Final Answer: *(.*(?:\n.*)*?)(?:\n\n|\Z)", re.M)
_GAVE_UP = re.compile(r"\b(?:could not|cannot|can't|unable|sorry|failed)\b", re.I)
_TOLD = re.compile(r"\d+(?:\.\d+)?|\w{4,}")


def verdict(text: str, tools: tuple[Shown, ...]) -> dict[str, Any]:
    """The three answers and a reason, from the last call and the final answer in the text."""
    calls, answer = _CALL.findall(text), _ANSWER.search(text)
    said = answer[1].strip() if answer else ""
    if not calls or not tools:
        return {"informative": False, "faithful": False, "appropriate": False, "why": "There is no call to judge."}
    name, written, observed = calls[-1]
    informative = bool(said) and not _GAVE_UP.search(said)
    known = set(_TOLD.findall(f"{observed} the result is {asked_in(text)}".lower()))
    told = _TOLD.findall(said.lower())
    faithful = good(observed) and bool(told) and sum(word in known for word in told) >= 0.8 * len(told)
    appropriate = name == tools[-1].name and _asked_for(asked_in(text), tools[-1], written)
    faults = [
        reason
        for holds, reason in (
            (informative, "the answer gives up"),
            (faithful, "the answer is not what the tool gave"),
            (appropriate, "the request asks for something else"),
        )
        if not holds
    ]
    why = "; ".join(faults) or "the answer says what the tool gave for what was asked"
    return {"informative": informative, "faithful": faithful, "appropriate": appropriate, "why": why}


def _asked_for(request: str, tool: Shown, written: str) -> bool:
    """Whether the call's arguments are those that can be read out of the request, as far as it states them."""
    try:
        arguments = json.loads(written)
    except ValueError:
        return False
    stated = arguments_in(request, tool)
    return all(name not in stated or _alike(stated[name], value) for name, value in arguments.items())


def _alike(one: Any, other: Any) -> bool:
    return str(one).casefold() in str(other).casefold() or str(other).casefold() in str(one).casefold()
