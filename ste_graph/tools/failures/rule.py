"""The rule: an object by its keys, a text by how it begins, and the user's own patterns before both."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Mapping, Sequence
from typing import Literal

from ste_graph.contracts import Json, Observation
from ste_graph.tools.failures.data import find_data_failure
from ste_graph.tools.failures.report import ReportedFailure
from ste_graph.tools.failures.text import find_text_failure

MOST_CHARACTERS = 200_000
"""Longer texts are not parsed: an answer that reports a failure is short."""
MOST_PYTHON = 10_000
"""Longer texts are not read as Python."""
FENCE = re.compile(r"```(?:json)?\s*\n(.*?)\n\s*```\s*\Z", re.DOTALL)


Errors = Sequence[re.Pattern[str]] | Literal["off"]
"""The failure patterns of a source: texts that start with one report a failure, too; `off`: no answer does."""


def judge_answer(observation: Observation, errors: Errors = ()) -> Observation:
    """The observation of an answer that came, as a failure if the answer reports one; with the doubt if it may."""
    if errors == "off" or observation.kind != "ok" or not observation.ok or observation.doubt:
        return observation
    report = find_failure(observation.text, observation.data, errors)
    if report is None:
        return observation
    if not report.certain:
        return observation.model_copy(update={"doubt": report.reason})
    notes = (*observation.notes, f"counts as failed: {report.reason}")
    return observation.model_copy(update={"ok": False, "kind": "tool_error", "data": None, "notes": notes})


def find_failure(text: str, data: Json = None, errors: Sequence[re.Pattern[str]] = ()) -> ReportedFailure | None:
    """The failure of its own that an answer reports, or None.

    `data` is the answer as plain data, if the source gave it. `errors` are the user's own patterns: a text that
    starts with one of them reports a failure.
    """
    start = text.lstrip()
    for pattern in errors:
        if pattern.match(start):
            return ReportedFailure(f"it starts with `{pattern.pattern:.60}`")
    value = parse_answer(start)
    report = find_text_failure(start) if value is None else find_data_failure(value)
    if isinstance(data, Mapping) and value is None and not (report and report.certain):
        return find_data_failure(dict(data)) or report
    return report


def parse_answer(text: str) -> dict[str, Json] | list[Json] | None:
    """The object or the list that a text is, in JSON, fenced or not, or as Python writes it; None if it is neither."""
    if len(text) > MOST_CHARACTERS or not text.startswith(("{", "[", "`")):
        return None
    fenced = FENCE.match(text)
    text = (fenced.group(1) if fenced else text).strip()
    if not text.startswith(("{", "[")):
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = read_python(text)
    return value if isinstance(value, dict | list) else None


def read_python(text: str) -> Json:
    """The value of a Python literal, as written by servers that answer with `str` of a dictionary, or None."""
    try:
        return ast.literal_eval(text) if len(text) <= MOST_PYTHON else None
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
        return None
