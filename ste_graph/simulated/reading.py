"""Tools, requests, exemplars and lessons in the messages, found by the markers of the text protocol."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any, Final, Literal, NamedTuple, TypeAlias

Task: TypeAlias = Literal[
    "imagine", "call", "observed", "paraphrase", "compose", "missing_argument", "unrelated_request", "notes", "reflect",
    "other",
]  # fmt: skip
"""The task that the last message sets."""

ENDINGS: Final[Mapping[str, Task]] = {
    "User Query:": "imagine",
    "Paraphrase:": "paraphrase",
    "Request for this call:": "compose",
    "Request without it:": "missing_argument",
    "Request for something else:": "unrelated_request",
    "Notes:": "notes",
}
"""By the end of the last message, the task that it sets."""


class Turn(NamedTuple):
    """One message."""

    role: str
    text: str


@dataclass(frozen=True, slots=True)
class ShownTool:
    """A tool as a prompt shows it."""

    name: str
    description: str
    schema: dict[str, Any]

    @property
    def properties(self) -> dict[str, dict[str, Any]]:
        found = self.schema.get("properties") or {}
        return {name: of if isinstance(of, dict) else {} for name, of in found.items()}

    @property
    def required_names(self) -> list[str]:
        return [name for name in self.schema.get("required") or () if name in self.properties]


class ShownExemplar(NamedTuple):
    """An exemplar in a prompt: a request and the call that served it."""

    query: str
    action: str
    arguments: dict[str, Any]


_TOOL = re.compile(r"^API_name: *(.+?) *\n(.*?)^Parameters \(JSON Schema\): *(\{.*\}) *$", re.MULTILINE | re.DOTALL)
_TITLE = re.compile(r"^API_name: *(.+?) *\nDescription: *(.*)", re.MULTILINE)
_SPLIT = re.compile(r"^(?=API_name:)", re.MULTILINE)
_EXAMPLE = re.compile(
    r"^User Query: *(\S.*)\n(?:(?!User Query:).*\n)*?Action: *(.+?) *\nAction Input: *(\{.*\}) *$", re.MULTILINE
)
_QUERY = re.compile(r"^User Query: *(\S.*)$", re.MULTILINE)
_STATED = re.compile(r"^The request: *(\S.*)$", re.MULTILINE)
_REQUEST = re.compile(r"\b(?:request|question|task)\b[^:\n]{0,60}: *(\S.*)$", re.MULTILINE | re.IGNORECASE)
_EXISTING = re.compile(r"^Values of (\w+) that exist: (\[.*\])$", re.MULTILINE)
_LESSON = re.compile(r"^\W*Lesson: *(.+)$", re.MULTILINE)
_GUIDELINE = re.compile(r"^Guideline for ([^\n:]+): *(.+)$", re.MULTILINE)
_BAD = re.compile(
    r"\W*(?:\w*(?:error|exception)\b|(?:invalid|unknown|malformed|missing|failed|failure|refused|interrupted|transport|"
    r"time[d ]*out|traceback|cannot|could not|unable|no such|no tool|not found|there (?:is|was) (?:no|nothing|an)|"
    r"the (?:reply|call|request|text|line) (?:has|failed|could not|after|is (?:not|neither)|"
    r"was (?:refused|interrupted)))\b|"
    r"the line `|`?[^`\n]+` (?:did not answer|was not called))",
    re.IGNORECASE,
)


@lru_cache(maxsize=4096)
def read_tools(text: str) -> tuple[ShownTool, ...]:
    """The tools that a text shows, in order."""
    if "API_name:" not in text:
        return ()
    found = []
    for block in _SPLIT.split(text):
        match = _TOOL.match(block)
        if match is None:
            continue
        try:
            schema, _ = json.JSONDecoder().raw_decode(match[3])
        except ValueError:
            continue
        found.append(ShownTool(match[1], match[2].removeprefix("Description:").strip(), schema))
    return tuple(found)


def read_called_tool(text: str, arguments: Mapping[str, Any]) -> ShownTool:
    """The tool of the call in a text. Where its schema is not shown, the arguments tell their types."""
    if tools := read_tools(text):
        return tools[-1]
    found = _TITLE.search(text)
    name, description = found.groups() if found else ("it", "")
    types = {bool: "boolean", int: "integer", float: "number", list: "array", dict: "object"}
    properties = {key: {"type": types.get(type(value), "string")} for key, value in arguments.items()}
    return ShownTool(name, description or "", {"type": "object", "properties": properties, "required": [*properties]})


@lru_cache(maxsize=4096)
def read_exemplars(text: str) -> tuple[ShownExemplar, ...]:
    """The exemplars that a text shows, in order."""
    if "Action Input:" not in text or "User Query:" not in text:
        return ()
    found = []
    for match in _EXAMPLE.finditer(text):
        try:
            arguments = json.loads(match[3])
        except ValueError:
            continue
        found.append(ShownExemplar(match[1].strip(), match[2], arguments))
    return tuple(found)


def read_exemplar_turns(turns: Sequence[Turn]) -> tuple[ShownExemplar, ...]:
    """The exemplars that are turns of the chat: a request, then the call that served it, as text or as JSON."""
    found: list[ShownExemplar] = []
    for asked, called in pairwise(turns):
        if (asked.role, called.role) != ("user", "assistant") or not asked.text.startswith("User Query:"):
            continue
        try:
            call = json.loads(called.text)
            found.append(ShownExemplar(last_request(asked.text), call["action"], call["arguments"]))
        except (ValueError, KeyError, TypeError):
            found += read_exemplars(f"{asked.text}\n{called.text}")
    return tuple(found)


def read_lessons(turns: Sequence[Turn]) -> list[str]:
    """The lessons in the messages, and the errors of earlier trials in them."""
    lessons = [lesson for turn in turns for lesson in _LESSON.findall(turn.text)]
    return lessons + [turn.text for turn in turns if turn.text.startswith("Observation:") and not is_success(turn.text)]


def find_guidelines(turns: Sequence[Turn], tool: str) -> list[str]:
    """The guidelines of a tool in the messages."""
    return [text for turn in turns for name, text in _GUIDELINE.findall(turn.text) if name == tool]


def find_stated_values(turns: Sequence[Turn]) -> dict[str, list[Any]]:
    """The values that the last message names as existing, by parameter."""
    return {name: json.loads(values) for name, values in _EXISTING.findall(turns[-1].text)}


def last_request(text: str) -> str:
    """The last request in a text, also within an exemplar; "" if the text has no request."""
    found = _QUERY.findall(text)
    return found[-1].strip() if found else ""


def request_outside_exemplars(text: str) -> str | None:
    """The last request in a text outside its exemplars."""
    found = _QUERY.findall(_EXAMPLE.sub("", text))
    return found[-1].strip() if found else None


def observed_text(text: str) -> str:
    """The observation in the message that shows it, without a line that says the form of the next reply."""
    return re.split(r"\n\n(?:Next:|The call failed\.)", text.removeprefix("Observation:"))[0].strip()


def is_success(observation: str) -> bool:
    """True if an observation reads like a result rather than like an error."""
    return _BAD.match(observation.strip().removeprefix("Observation:")) is None


def current_task(turns: Sequence[Turn]) -> Task:
    """The task that the conversation has come to."""
    last = turns[-1].text.strip() if turns else ""
    for ending, task in ENDINGS.items():
        if last.endswith(ending):
            return task
    if re.search(r'Respond with "Yes" or "No"\.?$', last):
        return "reflect"
    if last.startswith("Observation:"):
        return "observed"
    asked = last + "".join(turn.text for turn in turns if turn.role == "system")
    imagined = len(turns) > 2 and turns[-3].text.rstrip().endswith("User Query:")
    asks_for_call = any(form in asked for form in ("Action Input:", "Final Answer:", "`arguments`"))
    return "call" if imagined or asks_for_call else "other"


def trial_start(turns: Sequence[Turn]) -> int:
    """The position of the message that asked for the first call of the trial under way."""
    for position in range(len(turns) - 1, -1, -1):
        role, text = turns[position]
        asks = role == "user" and not text.startswith("Observation:")
        if asks and current_task(turns[position : position + 1]) != "reflect":
            return position
    return 0


def trial_request(turns: Sequence[Turn], start: int) -> str:
    """The request that the trial beginning at `start` serves."""
    if not turns:
        return ""
    stated = request_outside_exemplars(turns[start].text)
    if stated:
        return stated
    if found := _STATED.search(turns[start].text):
        return found[1].strip()
    before = turns[start - 1] if start else None
    if before is not None and before.role == "assistant":
        return before.text.strip().removeprefix("User Query:").strip()
    quoted = _REQUEST.search(turns[start].text)
    return quoted[1].strip() if quoted else turns[start].text.strip()
