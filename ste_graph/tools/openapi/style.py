"""Values in the URL, the headers and the cookies, as a parameter's style writes them (OpenAPI 3.1, section 4.8.12)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Literal
from urllib.parse import quote

from ste_graph.contracts import Json

Style = Literal[
    "simple", "label", "matrix", "form", "spaceDelimited", "pipeDelimited", "tabDelimited", "deepObject", "json"
]
"""OpenAPI's styles; `tabDelimited` is Swagger's `tsv`, `json` a parameter whose content is JSON."""

BETWEEN: Mapping[str, str] = {"spaceDelimited": "%20", "pipeDelimited": "%7C", "tabDelimited": "%09"}
RESERVED = ":/?@!$'()*,;[]"
"""What `allowReserved` leaves as it is; not `&`, `=`, `+` and `#`, which would end the value."""

Pairs = list[tuple[str, str]]


def word(value: Json) -> str:
    """One value as text: `true`, `3` (also for 3.0), a string as it is, anything nested as JSON."""
    if isinstance(value, str):
        return value
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def escaped(value: Json, safe: str = "") -> str:
    """One value, ready for a URL."""
    return quote(word(value), safe=safe, errors="replace")


def in_path(name: str, value: Json, style: Style, explode: bool) -> str:
    """What stands in the place of `{name}` in a path."""
    prefix, between = {"label": (".", "."), "matrix": (";", ";")}.get(style, ("", ","))
    if style == "json" or not isinstance(value, Mapping | list):
        text = escaped(value)
        return f";{name}={text}" if style == "matrix" else prefix + text
    together = between if explode else ","
    if isinstance(value, Mapping):
        joined = together.join(f"{escaped(k)}{'=' if explode else ','}{escaped(v)}" for k, v in value.items())
    elif style == "matrix" and explode:
        joined = ";".join(f"{name}={escaped(item)}" for item in value)
    else:
        joined = together.join(escaped(item) for item in value)
    return f";{name}={joined}" if style == "matrix" and not explode else prefix + joined


def in_query(name: str, value: Json, style: Style, explode: bool, reserved: bool = False) -> Pairs:
    """The pairs, ready for a URL, that a query parameter makes; none for null and for an empty list or object."""
    safe = RESERVED if reserved else ""
    key = escaped(name)
    if value is None or value in ([], {}):
        return []
    if style == "json" or not isinstance(value, Mapping | list):
        return [(key, escaped(value, safe))]
    if style == "deepObject":
        return deep(name, value, safe)
    if explode:
        entries = value.items() if isinstance(value, Mapping) else [(name, item) for item in value]
        return [(escaped(k), escaped(v, safe)) for k, v in entries if v is not None]
    flat = [part for entry in value.items() for part in entry] if isinstance(value, Mapping) else value
    return [(key, BETWEEN.get(style, ",").join(escaped(part, safe) for part in flat))]


def deep(name: str, value: Json, safe: str) -> Pairs:
    """`name[key]=value`, also for what is nested deeper, which the specification leaves open."""
    if isinstance(value, Mapping):
        return [pair for key, inner in value.items() for pair in deep(f"{name}[{key}]", inner, safe)]
    if isinstance(value, list):
        return [pair for inner in value for pair in deep(name, inner, safe)]
    return [] if value is None else [(escaped(name), escaped(value, safe))]


def in_header(value: Json, explode: bool, *, as_json: bool = False) -> str:
    """The value of a header."""
    if as_json or not isinstance(value, Mapping | list):
        return word(value)
    if isinstance(value, Mapping):
        return ",".join(f"{word(k)}{'=' if explode else ','}{word(v)}" for k, v in value.items())
    return ",".join(word(item) for item in value)
