"""Calls in a text that was not asked for in their form: in marks, as a JSON object, or as Python."""

from __future__ import annotations

import re
from typing import Final

from ste_graph.protocols.call_objects import FoundCall, call_in_value, final_answer_in_value
from ste_graph.protocols.json_object import NotAnObjectError, ParsedObject, object_at
from ste_graph.protocols.markup import find_marked_calls
from ste_graph.protocols.offered import OfferedTools
from ste_graph.protocols.python_calls import find_python_calls
from ste_graph.protocols.repairs import Repair


def find_call(text: str, tools: OfferedTools) -> FoundCall | None:
    """The first call of an offered tool in the text, else the first of another name, or None.

    Marks come before JSON, and JSON before Python.
    """
    if not any(mark in text for mark in _MARKS):
        return None
    unknown: FoundCall | None = None
    for form, calls in (
        ("call as markup", list(find_marked_calls(text, tools))),
        ("call as JSON", _find_objects(text, tools)),
        ("call as Python", _find_python(text, tools)),
    ):
        offered = [call for call in calls if call.offered]
        if offered:
            several: tuple[Repair, ...] = ("several calls",) if len(offered) > 1 else ()
            return offered[0].add_repairs(_FORMS[form], *several)
        unknown = unknown or next(iter(calls), None)
    return unknown


def find_objects(text: str) -> list[tuple[ParsedObject, int, int]]:
    """The JSON objects in a text that are not within others, and where each begins and ends."""
    found: list[tuple[ParsedObject, int, int]] = []
    position, failures = 0, 0
    while failures < _TRIES and len(found) < _MOST and (opening := _OPENING.search(text, position)):
        position = opening.end()
        try:
            parsed, end = object_at(text, opening.start())
        except NotAnObjectError:
            failures += 1
        else:
            found.append((parsed, opening.start(), end))
            position = end
    return found


def find_final_answer(text: str) -> tuple[str, tuple[Repair, ...]] | None:
    """The final answer of a text that is one JSON object and nothing else, and the repairs, or None."""
    objects = find_objects(text) if _NOTHING_BEFORE.match(text) else []
    if len(objects) != 1 or not _NOTHING_AFTER.match(text, objects[0][2]):
        return None
    answer = final_answer_in_value(objects[0][0].value)
    return (answer, objects[0][0].repairs) if answer else None


def is_set_apart(text: str, call: FoundCall) -> bool:
    """True if the call is in marks, opens the text, ends it, or is in a code fence: so that it is not a quotation."""
    opens = _NOTHING_BEFORE.match(text)
    return (
        call.markup
        or (opens is not None and opens.end() >= call.start)
        or _NOTHING_AFTER.match(text, call.end) is not None
        or "```" in text[max(call.start - 16, 0) : call.start]
    )


def is_whole_text(text: str, call: FoundCall) -> bool:
    """True if the text is the call and nothing else, but for a code fence."""
    opens = _NOTHING_BEFORE.match(text)
    return opens is not None and opens.end() >= call.start and _NOTHING_AFTER.match(text, call.end) is not None


def _find_objects(text: str, tools: OfferedTools) -> list[FoundCall]:
    found = []
    for parsed, start, end in find_objects(text):
        call = call_in_value(parsed.value, tools)
        if call is not None:
            placed = FoundCall(call.name, call.arguments, call.repairs, call.offered, start, end)
            found.append(placed.add_repairs(*parsed.repairs))
    return found


def _find_python(text: str, tools: OfferedTools) -> list[FoundCall]:
    return find_python_calls(text, tools) if "(" in text and tools.names is not None else []


_FORMS: Final[dict[str, Repair]] = {
    "call as markup": "call as markup",
    "call as JSON": "call as JSON",
    "call as Python": "call as Python",
}
_MARKS: Final = ("{", "(", "<", "[")
_TRIES: Final = 8
_MOST: Final = 20
_OPENING = re.compile(r"\{(?=\s*+(?:\{\s*+)?[\"'}/#\w\u201c\u2018])")
_NOTHING_BEFORE = re.compile(r"\s*+(?:```[a-z_]*\s*+)?(?=[{\[(\w])")
_NOTHING_AFTER = re.compile(r"[\s`\]),;.]*+\Z")
