"""What stands in the messages, found by the markers of the text protocol."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, NamedTuple

Moment = Literal[
    "imagine", "call", "observed", "paraphrase", "compose", "missing_argument", "unrelated_request", "reflect", "other"
]
"""What the last message asks for."""


class Turn(NamedTuple):
    """One message."""

    role: str
    text: str


@dataclass(frozen=True, slots=True)
class Shown:
    """A tool as a prompt shows it."""

    name: str
    description: str
    schema: dict[str, Any]

    @property
    def properties(self) -> dict[str, dict[str, Any]]:
        found = self.schema.get("properties") or {}
        return {name: of if isinstance(of, dict) else {} for name, of in found.items()}

    @property
    def required(self) -> list[str]:
        return [name for name in self.schema.get("required") or () if name in self.properties]


class Example(NamedTuple):
    """An exemplar in a prompt: a request and the call that served it."""

    query: str
    action: str
    arguments: dict[str, Any]


_TOOL = re.compile(r"^API_name: *(.+?) *\n(.*?)^Parameters \(JSON Schema\): *(\{.*\}) *$", re.MULTILINE | re.DOTALL)
_SPLIT = re.compile(r"^(?=API_name:)", re.MULTILINE)
_EXAMPLE = re.compile(
    r"^User Query: *(\S.*)\n(?:(?!User Query:).*\n)*?Action: *(.+?) *\nAction Input: *(\{.*\}) *$", re.MULTILINE
)
_QUERY = re.compile(r"^User Query: *(\S.*)$", re.MULTILINE)
_REQUEST = re.compile(r"\b(?:request|question|task)\b[^:\n]{0,60}: *(\S.*)$", re.MULTILINE | re.IGNORECASE)
_LESSON = re.compile(r"^\W*Lesson: *(.+)$", re.MULTILINE)
_BAD = re.compile(
    r"\W*(?:\w*(?:error|exception)\b|(?:invalid|unknown|malformed|missing|failed|failure|refused|interrupted|transport|"
    r"time[d ]*out|traceback|cannot|could not|unable|no such|no tool|not found|there (?:is|was) (?:no|nothing|an)|"
    r"the (?:reply|call|request|text|line) (?:has|failed|could not|behind|is not|was (?:refused|interrupted)))\b|"
    r"the line `|`?[^`\n]+` (?:did not answer|was not called))",
    re.IGNORECASE,
)


@lru_cache(maxsize=4096)
def tools_in(text: str) -> tuple[Shown, ...]:
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
        found.append(Shown(match[1], match[2].removeprefix("Description:").strip(), schema))
    return tuple(found)


@lru_cache(maxsize=4096)
def examples_in(text: str) -> tuple[Example, ...]:
    """The exemplars that a text shows, in order."""
    if "Action Input:" not in text or "User Query:" not in text:
        return ()
    found = []
    for match in _EXAMPLE.finditer(text):
        try:
            arguments = json.loads(match[3])
        except ValueError:
            continue
        found.append(Example(match[1].strip(), match[2], arguments))
    return tuple(found)


def lessons_in(turns: Sequence[Turn]) -> list[str]:
    """The lessons in the messages, and the errors that were seen in earlier trials of the talk."""
    said = [lesson for turn in turns if "Lesson:" in turn.text for lesson in _LESSON.findall(turn.text)]
    return said + [turn.text for turn in turns if turn.text.startswith("Observation:") and not good(turn.text)]


def asked_in(text: str) -> str:
    """The last request that stands in a text, be it in an exemplar; "" where there is none."""
    found = _QUERY.findall(text)
    return found[-1].strip() if found else ""


def query_in(text: str) -> str | None:
    """The last request that stands in a text outside its exemplars."""
    found = _QUERY.findall(_EXAMPLE.sub("", text))
    return found[-1].strip() if found else None


def good(observation: str) -> bool:
    """Whether an observation reads like a result rather than like an error."""
    return _BAD.match(observation.strip().removeprefix("Observation:")) is None


def moment(turns: Sequence[Turn]) -> Moment:
    """What is to be done now."""
    last = turns[-1].text.strip() if turns else ""
    if last.endswith("User Query:"):
        return "imagine"
    if last.endswith("Paraphrase:"):
        return "paraphrase"
    if last.endswith("Request for this call:"):
        return "compose"
    if last.endswith("Request without it:"):
        return "missing_argument"
    if last.endswith("Request for something else:"):
        return "unrelated_request"
    if re.search(r'Respond with "Yes" or "No"\.?$', last):
        return "reflect"
    if last.startswith("Observation:"):
        return "observed"
    asked = last + "".join(turn.text for turn in turns if turn.role == "system")
    imagined = len(turns) > 2 and turns[-3].text.rstrip().endswith("User Query:")
    return "call" if imagined or "Action Input:" in asked or "Final Answer:" in asked else "other"


def trial_of(turns: Sequence[Turn]) -> int:
    """Where the trial under way begins: the place of the message that asked for its first call."""
    for place in range(len(turns) - 1, -1, -1):
        role, text = turns[place]
        if role == "user" and not text.startswith("Observation:") and moment(turns[place : place + 1]) != "reflect":
            return place
    return 0


def request_of(turns: Sequence[Turn], start: int) -> str:
    """The request that the trial beginning at `start` serves."""
    if not turns:
        return ""
    stated = query_in(turns[start].text)
    if stated:
        return stated
    before = turns[start - 1] if start else None
    if before is not None and before.role == "assistant":
        return before.text.strip().removeprefix("User Query:").strip()
    quoted = _REQUEST.search(turns[start].text)
    return quoted[1].strip() if quoted else turns[start].text.strip()
