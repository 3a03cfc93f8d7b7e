"""Reading a call's arguments back out of a request's words, by parameter name first and by type then."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from ste_graph.plausible_strings import ISO_DATE, is_date
from ste_graph.plausible_values import Schema, json_type, resolve, schema_examples
from ste_graph.simulated.reading import ShownTool
from ste_graph.simulated.wording import MONTHS, split_name

_MONTH = "|".join(name[:3] for name in MONTHS)
_QUOTED = r"\"(?:[^\"\\]|\\.)*\"|`[^`]*`|“[^”]*”|(?<!\w)'[^']*'(?!\w)"
_NTH = r"\d{1,2}(?:st|nd|rd|th)?"
_DATE = rf"\d{{4}}-\d\d-\d\d|{_NTH} (?:{_MONTH})[a-z]* \d{{4}}|(?:{_MONTH})[a-z]* {_NTH},? \d{{4}}"
_MOMENT = r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d)?(?:Z|[+-]\d\d:\d\d)?|\d\d:\d\d(?::\d\d)?Z?"
_NUMBER = r"(?<![\w.])-?\d+(?:,\d{3})*(?:\.\d+)?(?:e-?\d+)?(?!\w)"
_TOKEN = r"[^\s,;?!\"`“]*[^\s,;?!\"`“.:]"
_CODE = r"(?<![\w\"])(?=[^\s,;?!]*[\d_/$.@-])[^\s,;?!]*[^\s,;?!.:]|(?<=[a-z,] )[A-Z]\w*"
# The forms of a free text: at its parameter's name if it is marked as a value, then any word there; and anywhere.
MARKED = [rf"{_QUOTED}|{_MOMENT}|{_CODE}"]
STATED = [rf"{_QUOTED}|{_MOMENT}|{_TOKEN}"]
LOOSE = [_QUOTED, _MOMENT, _CODE]

_SWITCH = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}


class ValueMatch(NamedTuple):
    """A value, and its place in the request."""

    value: Any
    start: int
    end: int


def extract_arguments(request: str, tool: ShownTool) -> dict[str, Any]:
    """The arguments that a request states, by parameter; those not found are left out."""
    found: dict[str, Any] = {}
    left = request
    for name in sorted(tool.properties, key=lambda name: -len(name)):
        match = _value_by_name(left, name, resolve(tool.properties[name], tool.schema))
        if match is not None:
            found[name], left = match.value, _erase(left, match)
    unnamed = [name for name in tool.properties if name not in found]
    for name in sorted(unnamed, key=lambda name: _vagueness(resolve(tool.properties[name], tool.schema))):
        schema = resolve(tool.properties[name], tool.schema)
        if name not in tool.required_names and not schema.get("enum"):
            continue
        match = next(_values(left, schema, LOOSE), None)
        if match is not None:
            found[name], left = match.value, _erase(left, match)
    return found


def _value_by_name(text: str, name: str, schema: Schema) -> ValueMatch | None:
    """The value right after the parameter's name, or before `as the` and that name."""
    linked, after, bare = _anchors(name)
    for forms in (MARKED, STATED):
        patterns = (linked, bare) if forms is MARKED else (linked,)
        for anchor in (anchor for pattern in patterns for anchor in pattern.finditer(text)):
            for match in _values(text[anchor.end() :], schema, forms):
                if match.start == 0:
                    return ValueMatch(match.value, anchor.start(), anchor.end() + match.end)
        for anchor in after.finditer(text):
            for match in _values(text[: anchor.start()], schema, forms):
                if match.end == anchor.start():
                    return ValueMatch(match.value, match.start, anchor.end())
    return None


@lru_cache(maxsize=1024)
def _anchors(name: str) -> tuple[re.Pattern[str], re.Pattern[str], re.Pattern[str]]:
    words = r"[ _-]".join(map(re.escape, split_name(name).split()))
    return (
        re.compile(rf"(?<!\w){words}(?: (?:is|are|of|should be|set to|equal to)|:| =) ", re.I),
        re.compile(rf" (?:as|for) (?:the |a |its )?{words}(?!\w)", re.I),
        re.compile(rf"(?<!\w){words} ", re.I),
    )


def _vagueness(schema: Schema) -> int:
    """Rank of a schema by how little it says about the look of its values; low ranks are looked for first."""
    if is_date(schema) or schema.get("format"):
        return 0
    if schema.get("enum"):
        return 1
    return {"array": 1, "object": 1, "boolean": 2, "integer": 3, "number": 3}.get(json_type(schema), 4)


def _values(text: str, schema: Schema, forms: Sequence[str]) -> Iterator[ValueMatch]:
    """Every value in the text that has the schema's form; free texts in the order of `forms`."""
    if schema.get("enum"):
        yield from _enum_members(text, schema["enum"])
        if forms is not LOOSE:
            yield from _texts(text, {}, forms)  # a choice that the schema does not know
        return
    match json_type(schema):
        case "integer" | "number":
            for match in re.finditer(_NUMBER, re.sub(f"{_MOMENT}|{_DATE}", lambda m: "x" * len(m[0]), text)):
                number = float(match[0].replace(",", ""))
                yield ValueMatch(int(number) if number.is_integer() and "." not in match[0] else number, *match.span())
        case "boolean":
            for match in re.finditer(r"\b(?:true|false|yes|no|on|off)\b", text, re.I):
                yield ValueMatch(_SWITCH[match[0].lower()], *match.span())
        case "array" | "object" as kind:
            yield from _literals(text, "[" if kind == "array" else "{")
        case _:
            yield from _texts(text, schema, forms)


def _texts(text: str, schema: Schema, forms: Sequence[str]) -> Iterator[ValueMatch]:
    if is_date(schema):
        for match in re.finditer(_DATE, text, re.I):
            yield ValueMatch(to_iso(match[0]), *match.span())
        return
    if schema.get("format") in ("date-time", "time"):
        for match in re.finditer(_MOMENT, text):
            yield ValueMatch(match[0], *match.span())
    if forms is LOOSE:
        for example in schema_examples(schema):
            at = text.find(str(example))
            if at >= 0:
                yield ValueMatch(str(example), at, at + len(str(example)))
    for form in forms:
        for match in re.finditer(form, text):
            yield ValueMatch(_unquote(match[0]), *match.span())


def _enum_members(text: str, values: list[Any]) -> Iterator[ValueMatch]:
    """Members of an enum, by place; of two at one place the longer."""
    places: dict[int, ValueMatch] = {}
    for value in sorted(values, key=lambda value: len(str(value))):
        word = re.escape(str(value)) if not isinstance(value, bool) else ("yes|true" if value else "no|false")
        for match in re.finditer(rf"([\"'`“]?)(?<!\w)(?:{word})(?!\w)[\"'`”]?", text, re.I):
            places[match.start()] = ValueMatch(value, *match.span())
    yield from (places[place] for place in sorted(places))


def _literals(text: str, opening: str) -> Iterator[ValueMatch]:
    decoder = json.JSONDecoder()
    at = text.find(opening)
    while at >= 0:
        try:
            value, end = decoder.raw_decode(text, at)
        except ValueError:
            end = at + 1
        else:
            yield ValueMatch(value, at, end)
        at = text.find(opening, end)


def _unquote(text: str) -> str:
    if len(text) > 1 and text[0] == text[-1] == '"':
        try:
            return str(json.loads(text))
        except ValueError:
            return text[1:-1]
    return text[1:-1] if len(text) > 1 and text[0] in "`“'" and text[-1] in "`”'" else text


def to_iso(text: str) -> str:
    """A day in words, or already in ISO form, in ISO form."""
    if ISO_DATE.fullmatch(text):
        return text
    month = next(i for i, name in enumerate(MONTHS, start=1) if re.search(rf"\b{name[:3]}", text, re.I))
    numbers = [int(number) for number in re.findall(r"\d+", text)]
    return f"{max(numbers):04}-{month:02}-{min(numbers):02}"


def _erase(text: str, match: ValueMatch) -> str:
    return f"{text[: match.start]}{' ' * (match.end - match.start)}{text[match.end :]}"
