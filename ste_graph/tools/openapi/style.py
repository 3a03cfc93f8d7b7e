"""Values in the URL, the headers and the cookies, as a parameter's style writes them (OpenAPI 3.1, section 4.8.12)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Literal
from urllib.parse import quote, unquote

from ste_graph.contracts import Json

Style = Literal[
    "simple", "label", "matrix", "form", "spaceDelimited", "pipeDelimited", "tabDelimited", "deepObject", "json"
]
"""OpenAPI's styles; `tabDelimited` is Swagger's `tsv`, `json` a parameter whose content is JSON."""

BETWEEN: Mapping[str, str] = {"spaceDelimited": "%20", "pipeDelimited": "%7C", "tabDelimited": "%09"}
RESERVED = ":/?@!$'()*,;[]"
"""Characters that `allowReserved` leaves as they are; not `&`, `=`, `+` and `#`, which would end the value."""

Pairs = list[tuple[str, str]]


def parameter_text(value: Json) -> str:
    """One value as text: `true`, `3` (also for 3.0), a string as it is, anything nested as JSON."""
    if isinstance(value, str):
        return value
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def escape_for_url(value: Json, safe: str = "") -> str:
    """One value, ready for a URL."""
    return quote(parameter_text(value), safe=safe, errors="replace")


def path_text(name: str, value: Json, style: Style, explode: bool) -> str:
    """The text that replaces `{name}` in a path."""
    prefix, between = {"label": (".", "."), "matrix": (";", ";")}.get(style, ("", ","))
    if style == "json" or not isinstance(value, Mapping | list):
        text = escape_for_url(value)
        return f";{name}={text}" if style == "matrix" else prefix + text
    together = between if explode else ","
    if isinstance(value, Mapping):
        joined = together.join(
            f"{escape_for_url(k)}{'=' if explode else ','}{escape_for_url(v)}" for k, v in value.items()
        )
    elif style == "matrix" and explode:
        joined = ";".join(f"{name}={escape_for_url(item)}" for item in value)
    else:
        joined = together.join(escape_for_url(item) for item in value)
    return f";{name}={joined}" if style == "matrix" and not explode else prefix + joined


def query_pairs(name: str, value: Json, style: Style, explode: bool, reserved: bool = False) -> Pairs:
    """The pairs of a query parameter, ready for a URL; none for null and for an empty list or object."""
    safe = RESERVED if reserved else ""
    key = escape_for_url(name)
    if value is None or value in ([], {}):
        return []
    if style == "json" or not isinstance(value, Mapping | list):
        return [(key, escape_for_url(value, safe))]
    if style == "deepObject":
        return deep_pairs(name, value, safe)
    if explode:
        entries = value.items() if isinstance(value, Mapping) else [(name, item) for item in value]
        return [(escape_for_url(k), escape_for_url(v, safe)) for k, v in entries if v is not None]
    flat = [part for entry in value.items() for part in entry] if isinstance(value, Mapping) else value
    return [(key, BETWEEN.get(style, ",").join(escape_for_url(part, safe) for part in flat))]


def flat_text(value: Sequence[Json], style: Style) -> str:
    """The items as one text, as a part of a form has it: nothing is escaped there."""
    return unquote(BETWEEN.get(style, ",")).join(map(parameter_text, value))


def deep_pairs(name: str, value: Json, safe: str) -> Pairs:
    """`name[key]=value`, also for what is nested deeper, which the specification leaves open."""
    if isinstance(value, Mapping):
        return [pair for key, inner in value.items() for pair in deep_pairs(f"{name}[{key}]", inner, safe)]
    if isinstance(value, list):
        # Items with members of their own need a number each, or nobody could tell whose the members are.
        numbered = any(isinstance(inner, Mapping | list) for inner in value)
        names = [f"{name}[{at}]" if numbered else name for at in range(len(value))]
        return [pair for at, inner in enumerate(value) for pair in deep_pairs(names[at], inner, safe)]
    return [] if value is None else [(escape_for_url(name), escape_for_url(value, safe))]


def header_text(value: Json, explode: bool, *, as_json: bool = False) -> str:
    """The value of a header."""
    if as_json or not isinstance(value, Mapping | list):
        return parameter_text(value)
    if isinstance(value, Mapping):
        return ",".join(f"{parameter_text(k)}{'=' if explode else ','}{parameter_text(v)}" for k, v in value.items())
    return ",".join(parameter_text(item) for item in value)
