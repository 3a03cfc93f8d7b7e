"""The first JSON object in a model's text, with the slips that models make repaired and named."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

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
    parsed, end = object_at(text, start)
    rest = text[end:].lstrip(" \t\n`")
    return ParsedObject(parsed.value, tuple(dict.fromkeys((*repairs, *parsed.repairs))), rest)


def object_at(text: str, start: int) -> tuple[ParsedObject, int]:
    """The object whose brace opens at `start`, and where it ends. Raises `NotAnObjectError`."""
    repairs: list[Repair] = []
    try:
        value, end = _STRICT.raw_decode(text, start)
    except RecursionError:
        raise NotAnObjectError("the JSON object is nested too deeply") from None
    except ValueError as error:
        value, end = _repair(text, start, repairs, error)
    _refuse_lone_surrogates(value, text)
    return ParsedObject(value, tuple(dict.fromkeys(repairs)), ""), end


def _decode_text(text: str, start: int) -> tuple[str, str] | None:
    """The JSON text that opens at `start`, and what follows it; None if it is none."""
    try:
        inner, end = _STRICT.raw_decode(text, start)
    except (ValueError, RecursionError):
        return None
    return (inner, text[end:].lstrip(" \t\n`")) if inner.lstrip().startswith("{") else None


def _repair(text: str, start: int, repairs: list[Repair], error: ValueError) -> tuple[dict[str, Any], int]:
    repairer = _Repairer(text, start)
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
        repairer = _Repairer(plain, 0)
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
    plain = text[start:]
    if _TYPOGRAPHIC.search(plain):
        plain = plain.translate(_PLAIN_DOUBLE if _DOUBLE.search(plain) else _PLAIN_SINGLE)
        repairs.append("typographic quotes")
    if "//" in plain or "/*" in plain or "#" in plain:
        without = _COMMENT.sub(lambda found: found[0] if found[0][0] in "\"'" else " " * len(found[0]), plain)
        if without != plain:
            plain = without
            repairs.append("comment")
    return plain if repairs else None


class _Repairer:
    """One walk from an opening brace to the one that closes it, repairing on the way.

    Text without slips is passed over in stretches: a walk token by token would be too slow for long replies.
    """

    def __init__(self, text: str, start: int) -> None:
        self.text = text
        self.end = start
        self.repairs: list[Repair] = []

    def pieces(self) -> Iterator[str]:
        """The object as JSON text, piece by piece. Raises `ValueError` where only a guess could repair it."""
        closers: list[str] = []
        last, spaced, comma = "", False, False  # `last`: the last token that is not space; `comma`: one is held back
        while True:
            stretch = self._stretch()
            if core := stretch.rstrip(_SPACE):
                if comma:
                    yield ","
                last, spaced, comma = _last_token(core), len(core) < len(stretch), core[-1] == ","
                yield core[:-1] if comma else core
            elif stretch:
                spaced = True
            token = self._next()
            if not token:
                self._end_without_brace(last, spaced, comma)
                yield from (closer[0] for closer in reversed(closers))
                return
            if token.isspace():
                spaced = True
                continue
            if token in ("}", "]"):
                if comma:
                    self.repairs.append("trailing comma")
                if not closers or closers[-1][0] != token:
                    raise ValueError("the brackets do not pair")
                if closers.pop() == "}}":
                    self._skip("}")
            else:
                if last not in _BEFORE_A_VALUE or (last == "{" and token in ("{", "[")):
                    raise ValueError("two values are side by side")
                if comma:
                    yield ","
                if token in ("{", "["):
                    self._open(token, closers)
            yield self._as_json(token, last)
            if not closers:
                return
            last, spaced, comma = token, False, False

    def _end_without_brace(self, last: str, spaced: bool, comma: bool) -> None:
        if comma or not (last[:1] in _CLOSED or last in _WORDS or spaced) or last == ":":
            raise ValueError("where the object ends can only be guessed")
        self.repairs.append("missing brace")

    def _open(self, token: str, closers: list[str]) -> None:
        if len(closers) == _DEPTH:
            raise ValueError("so deep a nesting is not repaired")
        closers.append({"{": "}", "[": "]"}[token])
        if token == "{" and self._skip("{"):
            closers[-1] = "}}"
            self.repairs.append("doubled braces")

    def _stretch(self) -> str:
        """The next text that is JSON, or becomes it by changing words and strings alone; brackets end it."""
        start = self.end
        found = _STRETCH.match(self.text, start)
        self.end = found.end() if found else start
        following = self.text[self.end : self.end + 1]
        if following == "'":
            single = _SINGLE_STRETCH.match(self.text, start)
            if single is not None and single.end() > self.end:
                self.end = single.end()
                self.repairs.append("single quotes")
                return _SINGLE_PART.sub(self._part, single[0]).replace("'", '"')
        elif following == '"' or following.isalpha():
            loose = _LOOSE_STRETCH.match(self.text, start)
            if loose is not None and loose.end() > self.end:
                self.end = loose.end()
                return _LOOSE_PART.sub(self._part, loose[0])
        return self.text[start : self.end]

    def _part(self, found: re.Match[str]) -> str:
        """A word or string of a stretch as JSON writes it."""
        part = found[0]
        if part[0] == "'":
            return part
        if part[0] == '"':
            return self._string(part)
        if part not in _WORDS:
            self.repairs.append("unquoted key")
            return f'"{part}"'
        if _WORDS[part] != part:
            self.repairs.append("python literal")
        return _WORDS[part]

    def _as_json(self, token: str, last: str) -> str:
        match token[0]:
            case '"':
                return self._string(token)
            case "'":
                self.repairs.append("single quotes")
                return self._string('"' + _INNER.sub(_requote, token[1:-1]) + '"')
        if token in _WORDS:
            if _WORDS[token] != token:
                self.repairs.append("python literal")
            return _WORDS[token]
        if last in ("{", ",") and token.isidentifier():
            self.repairs.append("unquoted key")
            return f'"{token}"'
        return token

    def _string(self, token: str) -> str:
        if "\n" not in token and "\t" not in token and "\r" not in token:
            return token
        self.repairs.append("line break in a string")
        return token.replace("\n", "\\n").replace("\t", "\\t").replace("\r", "\\r")

    def _next(self) -> str:
        if self.end == len(self.text):
            return ""
        found = _TOKEN.match(self.text, self.end)
        if found is None:
            raise ValueError("a string is not closed")
        self.end = found.end()
        return found[0]

    def _skip(self, token: str) -> bool:
        if not self.text.startswith(token, self.end):
            return False
        self.end += 1
        return True


def _last_token(core: str) -> str:
    """The last token of a stretch, as far as it matters: its kind."""
    if core[-1] in ',:"]}':
        return core[-1]
    return "true" if core.endswith(("true", "false", "null")) else "0"


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
_DEPTH = 30
_STRICT = json.JSONDecoder(parse_float=_parse_float, parse_int=_parse_int, parse_constant=_refuse_constant)
# Possessive quantifiers: no text may make the matching take more than linear time.
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*+"|\'(?:[^\'\\]|\\.)*+\'|[{}\[\],:]|\s++|[^\s{}\[\],:"\']++', re.DOTALL)
_COMMENT = re.compile(
    r'"(?:[^"\\\n]|\\.)*+"|\'(?:[^\'\\\n]|\\.)*+\'|//[^\n]*+|\#[^\n]*+|/\*(?:[^*]|\*(?!/))*+(?:\*/)?', re.DOTALL
)
_TYPOGRAPHIC = re.compile("[\u201c\u201d\u201e\u2018\u2019]")
_DOUBLE = re.compile("[\u201c\u201d\u201e]")
_PLAIN_DOUBLE = str.maketrans(dict.fromkeys("\u201c\u201d\u201e", '"'))
_PLAIN_SINGLE = str.maketrans(dict.fromkeys("\u2018\u2019", "'"))
_SPACE = " \t\n\r"
_GAP = r"[ \t\n\r,:]++"
_VALUE = r"(?:true|false|null|-?[0-9][0-9.eE+-]*+)(?=[ \t\n\r,:}\]]|\Z)"
_TEXT = r'"(?:[^"\\\x00-\x1f]|\\[^\x00-\x1f])*+"'
_FLAT = rf"(?:{_GAP}|{_TEXT}|{_VALUE})*+(?<=[^\s,:])"
_STRETCH = re.compile(rf"(?:{_GAP}|{_TEXT}|{_VALUE}|\[{_FLAT}\]|\{{{_FLAT}\}})++")
_SINGLE_STRETCH = re.compile(rf"(?:{_GAP}|'[^'\"\\\x00-\x1f]*+'|{_VALUE}|(?:True|False|None)(?=[ \t\n\r,:}}\]]|\Z))++")
_SINGLE_PART = re.compile(r"'[^']*+'|True|False|None")
_LOOSE_STRETCH = re.compile(
    rf"(?:{_GAP}|\"(?:[^\"\\]|\\[^\n\t\r])*+\"|{_VALUE}"
    r"|(?:True|False|None)(?=[ \t\n\r,:}\]]|\Z)|[A-Za-z_]\w*+(?=[ \t]*+:))++"
)
_LOOSE_PART = re.compile(r'"(?:[^"\\]|\\.)*+"|(?<!\w)[A-Za-z_]\w*+', re.DOTALL)
_BEFORE_A_VALUE = frozenset({"", "{", "[", ",", ":"})
_INNER = re.compile(r'\\.|"', re.DOTALL)
_WORDS = {"true": "true", "false": "false", "null": "null", "True": "true", "False": "false", "None": "null"}
_CLOSED = frozenset("\"'}]{")


def _requote(part: re.Match[str]) -> str:
    return {'"': '\\"', "\\'": "'"}.get(part[0], part[0])


def _reason(error: ValueError, text: str) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg.lower().removesuffix(' at')} at {_excerpt(text[error.pos :])}"
    return str(error)


def _excerpt(text: str) -> str:
    line = " ".join(text[:80].split())
    return f"`{line[:40]}`" if line else "the end"


def _refuse_lone_surrogates(value: dict[str, Any], text: str) -> None:
    if "\\ud" not in text.lower():
        return
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise NotAnObjectError("a \\ud… escape is alone, which is half a character") from None
