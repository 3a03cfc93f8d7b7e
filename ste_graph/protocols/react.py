"""The paper's text protocol: `Thought: / Action: / Action Input: {json}` or `Thought: / Final Answer:`."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from ste_graph.protocols.json_object import NotAnObjectError, first_object
from ste_graph.protocols.next_step import Action, FinalAnswer, Malformed, NextStep
from ste_graph.protocols.repairs import Repair

STOP = ("Observation:",)
"""The strings at which a model's reply must end: what follows is the tool's."""


def render(thought: str, name: str, arguments: Mapping[str, Any]) -> str:
    """A call in the text that `parse` reads: `parse(render(t, n, a)) == Action(t, n, a)`."""
    return f"Thought: {thought}\nAction: {name}\nAction Input: {json.dumps(dict(arguments), ensure_ascii=False)}"


def parse(text: str) -> NextStep:
    """Read a reply. Never raises.

    Of several calls and answers the first counts: a model writes what follows a call without having seen its result.

    Differs: the released code refuses trailing commas, doubled braces, nested objects and replies that run on into
    an invented observation; reading them is worth 15 to 24 points for a weak model on the paper's own outputs.
    """
    repairs: list[Repair] = []
    marks = list(_MARK.finditer(text))
    for index, mark in enumerate(marks):
        if mark.lastgroup == "observation":
            if text[mark.end() :].strip():
                repairs.append("observation cut")
            text, marks = text[: mark.start()], marks[:index]
            break
    if not any(mark.lastgroup in ("action", "answer") for mark in marks):
        loose = list(_LOOSE.finditer(text))
        if loose:
            repairs.append("markers within a line")
            marks = loose
    for index, mark in enumerate(marks):
        if mark.lastgroup in ("action", "answer"):
            thought = strip_marker(text[: mark.start()])
            if mark.lastgroup == "answer":
                return _answer(text, marks[index:], thought)
            return _action(text, marks[index:], thought, repairs)
    if any(mark.lastgroup == "input" for mark in marks):
        return Malformed(
            strip_marker(text[: marks[0].start()]),
            "There is an `Action Input:` line but no `Action:` line with the tool's name above it.",
        )
    return Malformed(strip_marker(text), NEITHER)


def _answer(text: str, marks: list[re.Match[str]], thought: str) -> NextStep:
    end = marks[1].start() if len(marks) > 1 else len(text)
    answer = text[marks[0].end() : end].strip()
    if not answer:
        return Malformed(thought, "`Final Answer:` is empty; write the answer to the request there.")
    return FinalAnswer(thought, answer)


def _action(text: str, marks: list[re.Match[str]], thought: str, repairs: list[Repair]) -> NextStep:
    def until(index: int) -> int:
        return marks[index].start() if index < len(marks) else len(text)

    head, after = text[marks[0].end() : until(1)], 1
    if len(marks) > 1 and marks[1].lastgroup == "input":
        body: str | None = text[marks[1].end() : until(2)]
        after = 2
    elif inline := _LOOSE_INPUT.search(head):
        head, body = head[: inline.start()], head[inline.end() :]
        repairs.append("markers within a line")
    elif (brace := head.find("{")) >= 0:
        head, body = head[:brace], head[brace:]
        repairs.append("missing Action Input")
    else:
        body = None
    later = {mark.lastgroup for mark in marks[after:]}

    name = _name(head)
    if name.lower() in _NO_TOOL and "answer" in later:
        first = next(index for index, mark in enumerate(marks) if mark.lastgroup == "answer")
        return _answer(text, marks[first:], thought)
    if not name:
        return Malformed(thought, "`Action:` is not followed by a tool's name; write the name alone on that line.")
    if body is None:
        return Malformed(
            thought,
            f"The line `Action: {name[:80]}` is not followed by a line `Action Input:` with the "
            "arguments as one JSON object.",
        )
    if name != head.strip():
        repairs.append("decorated name")
    if body.strip(_EDGES).lower() in _NO_INPUT:
        repairs.append("empty input")
        return Action(thought, name, {}, tuple(dict.fromkeys(repairs)))
    try:
        parsed = first_object(body)
    except NotAnObjectError as reason:
        return Malformed(
            thought,
            f"The text after `Action Input:` could not be read as one JSON object, written as "
            f'{{"parameter": value}}: {reason}.',
        )
    repairs += parsed.repairs
    if "action" in later:
        repairs.append("several calls")
    elif later or parsed.rest.strip(_EDGES):
        repairs.append("text after the object")
    return Action(thought, name, parsed.value, tuple(dict.fromkeys(repairs)))


def answer_without_tool(text: str) -> FinalAnswer | None:
    """The final answer below an `Action:` line that says in words that no tool is needed, or None.

    Whether the line names a tool is for the caller to know.
    """
    action = _NO_ACTION.search(text)
    answer = _MARK.search(text, action.end()) if action else None
    while answer is not None and answer.lastgroup == "input":
        answer = _MARK.search(text, answer.end())
    if action is None or answer is None or answer.lastgroup != "answer":
        return None
    step = _answer(text, list(_MARK.finditer(text, answer.start())), strip_marker(text[: action.start()]))
    return step if isinstance(step, FinalAnswer) else None


def strip_marker(text: str) -> str:
    """A thought without the marker in front of it."""
    marker = _THOUGHT.search(text)
    return text[marker.end() :].strip() if marker else text.strip()


def _name(text: str) -> str:
    name = text.strip().partition("\n")[0].strip()
    if name[:9].lower() == "api_name:":
        name = name[9:]
    name = name.strip(_EDGES)
    call = _CALLED.match(name)  # `search()`, `search(query)`: a name with its brackets
    if call:
        name = call[1]
    for opening, closing in ("()", "[]", "<>"):
        if name.startswith(opening) and name.endswith(closing):
            name = name[1:-1]
    return name.strip(_EDGES)


# Markers are at the start of a line, where a rendered call's JSON, being one line, can never put one. Possessive
# quantifiers: no text may make the matching take more than linear time.
_COLON = r"[ \t*_`]*+[:\uff1a]\*{0,2}[ \t]*+"
_MARK = re.compile(
    r"^[ \t*_#>`-]*+(?:"
    rf"(?P<input>action[ _]?input{_COLON})|(?P<action>action{_COLON})|(?P<answer>final[ _]?answer{_COLON})|"
    rf"(?P<thought>thought{_COLON})|(?P<observation>observation(?:{_COLON}|\s*+\Z)))",
    re.IGNORECASE | re.MULTILINE,
)
_THOUGHT = re.compile(rf"^[ \t*_#>`-]*+thought{_COLON}", re.IGNORECASE | re.MULTILINE)
_NO_ACTION = re.compile(
    rf"^[ \t*_#>`-]*+action{_COLON}[\"'`(\[]?(?:none|no|null|n/a|not|nothing|finish|final answer)\b", re.I | re.M
)
_LOOSE_INPUT = re.compile(rf"\bAction Input{_COLON}")
_LOOSE = re.compile(
    rf"(?P<input>\bAction Input{_COLON})|(?P<action>\bAction{_COLON})|(?P<answer>\bFinal Answer{_COLON})"
)
_CALLED = re.compile(r"([^\s()]++)\([^()]*+\)?\Z")
_EDGES = " \t\r\n\"'`*.,;:"
_NO_TOOL = frozenset({"none", "n/a", "null", "no action", "final answer", "finish"})
_NO_INPUT = frozenset({"", "none", "null", "n/a", "()"})
NEITHER = (
    "The reply has neither an `Action:` line followed by an `Action Input:` line with a JSON object, nor a "
    "`Final Answer:` line; write one of the two."
)
