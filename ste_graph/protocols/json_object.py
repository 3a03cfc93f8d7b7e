"""The first JSON object in a model's text, with the slips that models make repaired and named."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from typing import Any

from ste_graph.protocols.object_repairer import ObjectRepairer
from ste_graph.protocols.repairs import Repair


@dataclass(frozen=True, slots=True)
class ParsedObject:
    """A JSON object, the repairs that it needed, and the text after it."""

    value: dict[str, Any]
    repairs: tuple[Repair, ...]
    rest: str


class NotAnObjectError(ValueError):
    """No JSON object can be read; the text says what is wrong, as the end of a sentence."""


def first_object(text: str) -> ParsedObject:
    """The first JSON object in `text`. Raises `NotAnObjectError`.

    Differs: the released code takes the first `{` to the last `}` and then strips all braces, which rejects nested
    objects and everything that runs on after the call.
    """
    start = text.find("{")
    before = text[: max(start, 0)].strip()
    if start < 0 or before.startswith("["):
        raise NotAnObjectError(f"no JSON object in {_excerpt(text)}")
    if before == '"' and (inner := _decode_text(text, text.find('"'))) is not None:
        parsed = first_object(inner[0])
        return ParsedObject(parsed.value, ("object as text", *parsed.repairs), inner[1])
    repairs: list[Repair] = []
    if before:
        repairs.append("code fence" if before.startswith("`") else "text before the object")
    value, end = _read_object(text, start, repairs)
    return ParsedObject(value, tuple(dict.fromkeys(repairs)), text[end:].lstrip(" \t\n`"))


def object_at(text: str, start: int) -> tuple[ParsedObject, int]:
    """The object whose brace opens at `start`, and where it ends. Raises `NotAnObjectError`."""
    repairs: list[Repair] = []
    value, end = _read_object(text, start, repairs)
    return ParsedObject(value, tuple(dict.fromkeys(repairs)), ""), end


def _read_object(text: str, start: int, repairs: list[Repair]) -> tuple[dict[str, Any], int]:
    """The object whose brace opens at `start`, and where it ends; adds the repairs that it needs."""
    try:
        value, end = _STRICT.raw_decode(text, start)
    except RecursionError:
        raise NotAnObjectError("the JSON object is nested too deeply") from None
    except ValueError as error:
        value, end = _repair(text, start, repairs, error)
    if "\\u" in text:
        _refuse_lone_surrogates(value)
    return value, end


def _decode_text(text: str, start: int) -> tuple[str, str] | None:
    """The JSON text that opens at `start`, and what follows it, or None."""
    try:
        inner, end = _STRICT.raw_decode(text, start)
    except (ValueError, RecursionError):
        return None
    return (inner, text[end:].lstrip(" \t\n`")) if inner.lstrip().startswith("{") else None


def _repair(text: str, start: int, repairs: list[Repair], error: ValueError) -> tuple[dict[str, Any], int]:
    repairer = ObjectRepairer(text, start)
    try:
        value: dict[str, Any] = _STRICT.decode("".join(repairer.pieces()))
    except RecursionError:
        raise NotAnObjectError("the JSON object is nested too deeply") from None
    except ValueError:
        if (plain := _without_decoration(text, start, repairs)) is not None:
            return _repair_plain(text, start, plain, repairs, error)
        raise NotAnObjectError(_reason(error, text)) from None
    repairs += repairer.repairs
    return value, repairer.end


def _repair_plain(
    text: str, start: int, plain: str, repairs: list[Repair], error: ValueError
) -> tuple[dict[str, Any], int]:
    """The object in `plain`, which is `text` from `start` on without comments and typographic quotes, length kept."""
    value: dict[str, Any]
    try:
        value, end = _STRICT.raw_decode(plain)
        return value, start + end
    except (ValueError, RecursionError):
        repairer = ObjectRepairer(plain, 0)
    try:
        value = _STRICT.decode("".join(repairer.pieces()))
    except (ValueError, RecursionError):
        raise NotAnObjectError(_reason(error, text)) from None
    repairs += repairer.repairs
    return value, start + repairer.end


def _without_decoration(text: str, start: int, repairs: list[Repair]) -> str | None:
    """The text from `start` on with blanks for its comments and plain quotes for typographic ones; None: it has none.

    Every character keeps its place.
    """
    plain = given = text[start:]
    if not plain.isascii() and _TYPOGRAPHIC.search(plain):
        plain = plain.translate(_PLAIN_DOUBLE if _DOUBLE.search(plain) else _PLAIN_SINGLE)
        repairs.append("typographic quotes")
    if "//" in plain or "/*" in plain or "#" in plain:
        without = _COMMENT.sub(lambda found: found[0] if found[0][0] in "\"'" else " " * len(found[0]), plain)
        if without != plain:
            plain = without
            repairs.append("comment")
    return plain if plain != given else None


def _parse_float(number: str) -> float:
    if math.isinf(value := float(number)):
        raise ValueError(f"{number} is too large")
    return value


def _parse_int(number: str) -> int:
    if len(number) > _DIGITS:
        raise ValueError(f"a number has {len(number)} digits")
    return int(number)


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


_DIGITS = 4000  # Python itself refuses more than 4,300, with a message that is no help to a model
_STRICT = json.JSONDecoder(parse_float=_parse_float, parse_int=_parse_int, parse_constant=_refuse_constant)
# Possessive quantifiers: no text may make the matching take more than linear time.
_COMMENT = re.compile(
    r'"(?:[^"\\\n]|\\.)*+"|\'(?:[^\'\\\n]|\\.)*+\'|//[^\n]*+|\#[^\n]*+|/\*(?:[^*]|\*(?!/))*+(?:\*/)?', re.DOTALL
)
_TYPOGRAPHIC = re.compile("[\u201c\u201d\u201e\u2018\u2019]")
_DOUBLE = re.compile("[\u201c\u201d\u201e]")
_PLAIN_DOUBLE = str.maketrans(dict.fromkeys("\u201c\u201d\u201e", '"'))
_PLAIN_SINGLE = str.maketrans(dict.fromkeys("\u2018\u2019", "'"))


def _reason(error: ValueError, text: str) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg.lower().removesuffix(' at')} at {_excerpt(text[error.pos :])}"
    return str(error)


def _excerpt(text: str) -> str:
    line = " ".join(text[:80].split())
    return f"`{line[:40]}`" if line else "the end"


def _refuse_lone_surrogates(value: dict[str, Any]) -> None:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise NotAnObjectError("a \\ud… escape is alone, which is half a character") from None
