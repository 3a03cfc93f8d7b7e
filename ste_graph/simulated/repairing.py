"""Changes to a call that came back as an error."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from difflib import SequenceMatcher
from random import Random
from typing import Any

from ste_graph.plausible_values import json_type, plausible_value, resolve, schema_examples
from ste_graph.simulated.reading import ShownTool

_AT_MOST = re.compile(
    r"(?:at most|maximum(?: of| is)?|no more than|less than or equal to|up to) (-?\d+(?:\.\d+)?)", re.I
)
_AT_LEAST = re.compile(
    r"(?:at least|minimum(?: of| is)?|no less than|greater than or equal to) (-?\d+(?:\.\d+)?)", re.I
)
_OFFERED = re.compile(r"(?:did you mean|such as|expected|one of|choose|for example|e\.g\.):? ([^;?\n]*)", re.IGNORECASE)
_WORD = re.compile(r"\"([^\"]{1,80})\"|'([^']{1,80})'|`([^`]{1,80})`|([\w/.:+-]*\w)")
_ORDER = re.compile(r"\b(?:before|after|earlier|later|less|greater|smaller|larger)\b", re.IGNORECASE)


def repair_arguments(
    tool: ShownTool, stated: dict[str, Any], replies: Sequence[str], errors: Sequence[str], random: Random
) -> dict[str, Any]:
    """The arguments for another try.

    As a rule the call was not what the request states, and it is enough to read the request again. Where that has been
    tried, the error's own words are, then another value that the schema names.
    """
    tries = [read_call(reply, tool) for reply in replies]
    if stated not in tries:
        return stated
    last, error = tries[-1] or stated, errors[-1]
    quoted = [name for name in last if str(last[name]) in error]
    if len(quoted) == 2 and _ORDER.search(error):
        first, second = quoted
        swapped = {**last, first: last[second], second: last[first]}
        if swapped not in tries:
            return swapped
    named = [name for name in last if re.search(rf"(?<!\w){re.escape(name)}(?!\w)", error)]
    for name in dict.fromkeys((*named, *quoted, *random.sample(list(last), len(last)))):
        changed = {**last, name: _replacement(tool, name, last[name], error, random)}
        if changed not in tries:
            return changed
    return stated


def read_call(reply: str, tool: ShownTool) -> dict[str, Any] | None:
    """The arguments of a call to `tool`; None if the reply is not such a call."""
    match = re.search(r"^Action: *(.+?) *\nAction Input: *(\{.*\})", reply, re.MULTILINE)
    if match is None or match[1] != tool.name:
        return None
    try:
        arguments: dict[str, Any] = json.loads(match[2])
    except ValueError:
        return None
    return arguments


def _replacement(tool: ShownTool, name: str, value: Any, error: str, random: Random) -> Any:
    schema = resolve(tool.properties.get(name, {}), tool.schema)
    if json_type(schema) in ("integer", "number") and isinstance(value, (int, float)):
        for pattern, clamp in ((_AT_MOST, min), (_AT_LEAST, max)):
            bound = pattern.search(error)
            if bound:
                limit = float(bound[1])
                return clamp(value, int(limit) if limit.is_integer() else limit)
        return value
    choices = schema.get("enum") or schema_examples(schema)
    if json_type(schema) == "string":
        offered = ["".join(found) for words in _OFFERED.findall(error) for found in _WORD.findall(words)]
        fitting = [word for word in offered if word in choices] or [
            word for word in offered if not schema.get("enum") and _is_similar(word, str(value))
        ]
        if fitting:
            return fitting[0]
    others = [choice for choice in choices if choice != value]
    return random.choice(others) if others else plausible_value(schema, random)


def _is_similar(word: str, value: str) -> bool:
    return word != value and SequenceMatcher(None, word, value).ratio() > 0.7
