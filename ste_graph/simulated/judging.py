"""A verdict on the trial in a message: is it informative, faithful, appropriate?"""

from __future__ import annotations

import json
import re
from typing import Any

from ste_graph.simulated.extraction import extract_arguments
from ste_graph.simulated.reading import ShownTool, is_success, last_request

QUESTIONS = frozenset({"informative", "faithful", "appropriate"})

_CALL = re.compile(
    r"^Action: *(.+?) *\nAction Input: *(\{.*\}) *\nObservation: *(.*(?:\n(?!Action:|Final Answer:).*)*)", re.M
)
_ANSWER = re.compile(r"^Final Answer: *(.*(?:\n.*)*?)(?:\n\n|\Z)", re.M)
_GAVE_UP = re.compile(r"\b(?:could not|cannot|can't|unable|sorry|failed)\b", re.I)
_FACT = re.compile(r"\d+(?:\.\d+)?|\w{4,}")


def judge_trial(text: str, tools: tuple[ShownTool, ...]) -> dict[str, Any]:
    """The three answers and a reason, from the last call and the final answer in the text."""
    calls, answer = _CALL.findall(text), _ANSWER.search(text)
    reply = answer[1].strip() if answer else ""
    if not calls or not tools:
        return {"informative": False, "faithful": False, "appropriate": False, "why": "There is no call to judge."}
    name, written, observed = calls[-1]
    informative = bool(reply) and not _GAVE_UP.search(reply)
    known = set(_FACT.findall(f"{observed} the result is {last_request(text)}".lower()))
    facts = _FACT.findall(reply.lower())
    faithful = is_success(observed) and bool(facts) and sum(fact in known for fact in facts) >= 0.8 * len(facts)
    appropriate = name == tools[-1].name and _is_requested(last_request(text), tools[-1], written)
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


def _is_requested(request: str, tool: ShownTool, written: str) -> bool:
    """True if the call's arguments are those that can be read out of the request, as far as it states them."""
    try:
        arguments = json.loads(written)
    except ValueError:
        return False
    stated = extract_arguments(request, tool)
    return all(name not in stated or _is_similar(stated[name], value) for name, value in arguments.items())


def _is_similar(value: Any, other: Any) -> bool:
    first, second = str(value).casefold(), str(other).casefold()
    return first in second or second in first
