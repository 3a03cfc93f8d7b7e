"""What to change in a call that came back as an error."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from random import Random
from typing import Any

from ste_graph.models.simulated.reading import Shown
from ste_graph.models.simulated.values import examples_of, kind_of, plausible, resolved

_AT_MOST = re.compile(
    r"(?:at most|maximum(?: of| is)?|no more than|less than or equal to|up to) (-?\d+(?:\.\d+)?)", re.I
)
_AT_LEAST = re.compile(
    r"(?:at least|minimum(?: of| is)?|no less than|greater than or equal to) (-?\d+(?:\.\d+)?)", re.I
)
_QUOTED = re.compile(r"[\"'`“]([^\"'`“”\n]{1,80})[\"'`”]")


def mended(
    tool: Shown, stated: dict[str, Any], replies: Sequence[str], errors: Sequence[str], random: Random
) -> dict[str, Any]:
    """The arguments for another try.

    As a rule the call was not what the request states, and it is enough to read the request again. Where the last
    call was just that, the error's own words are tried, then another value that the schema names.
    """
    if attempted(replies[-1] if replies else "", tool) != stated:
        return stated
    error = errors[-1]
    names = [name for name in stated if re.search(rf"(?<!\w){re.escape(name)}(?!\w)", error)]
    for name in names or list(stated):
        value = _instead(stated[name], resolved(tool.properties.get(name, {}), tool.schema), error, random)
        if value != stated[name]:
            return {**stated, name: value}
    return stated


def attempted(reply: str, tool: Shown) -> dict[str, Any] | None:
    """The arguments of a call to `tool`; None if the reply was none."""
    match = re.search(r"^Action: *(.+?) *\nAction Input: *(\{.*\})", reply, re.MULTILINE)
    if match is None or match[1] != tool.name:
        return None
    try:
        arguments: dict[str, Any] = json.loads(match[2])
    except ValueError:
        return None
    return arguments


def _instead(value: Any, schema: dict[str, Any], error: str, random: Random) -> Any:
    if kind_of(schema) in ("integer", "number") and isinstance(value, (int, float)):
        for pattern, clamp in ((_AT_MOST, min), (_AT_LEAST, max)):
            bound = pattern.search(error)
            if bound:
                limit = float(bound[1])
                return clamp(value, int(limit) if limit.is_integer() else limit)
        return value
    choices = schema.get("enum") or examples_of(schema)
    offered = [word for word in _QUOTED.findall(error) if word != value and (not schema.get("enum") or word in choices)]
    hinted = re.search(r"did you mean|one of|expected|available|known|choose|such as|for example", error, re.I)
    if hinted and offered and kind_of(schema) == "string":
        named = [word for word in offered if error.find(word, hinted.start()) >= 0]
        if named:
            return named[0]
    others = [choice for choice in choices if choice != value]
    return random.choice(others) if others else plausible(schema, random)
