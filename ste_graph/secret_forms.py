"""The forms in which a text may write a secret: escaped for JSON, URLs and HTML, in base64, in hexadecimal digits."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import pairwise
from typing import NamedTuple

SHORT = 4
"""A shorter secret is struck out only as a word of its own."""

LONGEST_CHARACTER = 8
"""About the most characters that one byte of a secret takes, as in `&#x0073;`."""


class Form(NamedTuple):
    """One form of a secret.

    `pattern` finds it. Every text that it finds has `needle` in it, once `find_plain` has brought the text to small
    letters; an empty needle says nothing. Looking for the needle first is many times as fast.
    """

    needle: str
    pattern: str


def secret_forms(secret: str) -> Iterator[Form]:
    """The forms of one secret, the plain one first. Case is ignored, except in base64.

    A secret may occur anywhere within a longer text that is written in base64 or in hexadecimal digits.
    """
    plain = "".join(_character_patterns(secret))
    if len(secret) < SHORT:
        yield Form("", rf"(?<!\w)(?:{plain})(?!\w)")
        return
    yield Form(_longest(_UNRESERVED, secret), f"(?i:{plain})")
    for data in _encodings(secret):
        yield from (_base64_form(data, offset) for offset in range(3))
        yield Form(data.hex(), f"(?i:{data.hex()})")


def find_plain(text: str) -> str:
    """The text in lower case, followed by a copy without needless escapes of characters, if it has any."""
    plain = text
    for sign, escape in _ESCAPES:
        if sign in text:
            plain = escape.sub(_unescape, plain)
    return text.lower() if plain is text else f"{text}\n{plain}".lower()


_UNRESERVED = re.compile(r"[\w.~-]+", re.ASCII)
"""The characters that neither JSON nor URLs nor HTML have to escape (RFC 3986, section 2.3)."""

_ESCAPES = (
    ("%", re.compile(r"%(?:25)*+(2[deDE]|3\d|[46][1-9a-fA-F]|[57][\daAfFeE])")),
    ("\\", re.compile(r"\\(?<!\\\\)\\*+(?:u00|x)(2[deDE]|[3-7][\da-fA-F])")),
    ("&", re.compile(r"&(?:amp;)*+#(?:[xX]0*+(2[deDE]|[3-7][\da-fA-F]);?|0*+(\d{2,3});?)")),
)
"""The escapes of the characters of `_UNRESERVED`, and of a few others. `re` looks fast for a sign at the beginning."""


def _unescape(match: re.Match[str]) -> str:
    return chr(int(match[2]) if match.lastindex == 2 else int(match[1], 16))


def _encodings(secret: str) -> Sequence[bytes]:
    """The bytes of a secret as HTTP clients write them: UTF-8, and Latin-1 where that differs."""
    found = [secret.encode("utf-8", "replace")]
    with suppress(UnicodeEncodeError):
        found += {secret.encode("latin-1")} - set(found)
    return found


def _longest(pattern: re.Pattern[str], text: str) -> str:
    return max(pattern.findall(text), key=len, default="").lower()


# -- escaped --


def _character_patterns(secret: str) -> Iterator[str]:
    """A pattern for each character.

    A text within JSON within JSON has its quotes escaped twice, and so on: up to 64 backslashes will do. Everything is
    bounded, so that no text takes long.
    """
    for before, character in pairwise(["", *secret]):
        # Where the secret itself has a backslash, the pattern before has taken all that stand here.
        yield _written_character(character, r"\\{0,64}" if before == "\\" else r"\\{1,64}")


def _written_character(character: str, escape: str) -> str:
    if character == "\\":
        return rf"(?:{escape}+(?:u005c|x5c)?|{_percent(character)}|{_entity(character)})"
    ways = [rf"\\{{0,64}}{character}" if character in "\"'/" else re.escape(character), *_NAMED.get(character, ())]
    if character in _JSON_NAMES:
        ways.append(escape + _JSON_NAMES[character])
    for variant in sorted({character, character.lower(), character.upper()}):
        coded = variant.encode("utf-8", "replace")
        ways += [
            escape + r"\\{1,64}".join(f"u{unit}" for unit in _utf_16_units(variant)),
            escape + r"\\{1,64}".join(f"x{byte:02x}" for byte in coded),
            _percent(variant),
            "".join(map(_entity, variant)),
        ]
        if not variant.isascii():  # HTTP libraries read the bytes of a header as Latin-1
            ways.append("".join(rf"(?:{re.escape(chr(byte))}|{escape}u00{byte:02x})" for byte in coded))
    return f"(?:{'|'.join(ways)})"


def _utf_16_units(character: str) -> list[str]:
    units = character.encode("utf-16-be", "surrogatepass").hex()
    return [units[at : at + 4] for at in range(0, len(units), 4)]


def _percent(text: str) -> str:
    """A character as URLs write it, also a URL within a URL."""
    return "".join(rf"%(?:25){{0,4}}{byte:02x}" for byte in text.encode("utf-8", "replace"))


def _entity(character: str) -> str:
    """A character as HTML writes it by its number."""
    return rf"&(?:amp;){{0,4}}#(?:x0{{0,4}}{ord(character):x}|0{{0,4}}{ord(character)});?"


_JSON_NAMES = {"\n": "n", "\r": "r", "\t": "t", "\b": "b", "\f": "f"}
_NAMED = {
    " ": [r"\+"],
    '"': ["&(?:amp;){0,4}quot;"],
    "&": ["&(?:amp;){1,5}"],
    "'": ["&(?:amp;){0,4}apos;"],
    "<": ["&(?:amp;){0,4}lt;"],
    ">": ["&(?:amp;){0,4}gt;"],
}


# -- base64 --


def _base64_form(data: bytes, offset: int) -> Form:
    """Data within a longer text in base64, after a number of bytes that leaves `offset` when divided by three.

    The characters at both ends may hold bits of the adjacent bytes: any character that fits will do. Padding is
    optional, and `-_` stand for `+/` (RFC 4648, section 5), which a URL or JSON may escape.
    """
    first, last = -(-8 * offset // 6), 8 * (offset + len(data)) // 6
    core = _base64(bytes(offset) + data)[first:last]
    before = {_base64(bytes([0] * (offset - 1) + [byte]) + data)[first - 1] for byte in range(256)} if offset else ()
    loose = last * 6 < 8 * (offset + len(data))
    after = {_base64(bytes(offset) + data + bytes([byte]))[last] for byte in range(256)} if loose else ()
    pattern = _any_of(before) + "".join(map(_sextet, core)) + _any_of(after) + r"(?:=|%(?:25){0,4}3[dD]){0,2}"
    return Form(_longest(_ALPHANUMERIC, core), pattern)


_ALPHANUMERIC = re.compile("[A-Za-z0-9]+")


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode().rstrip("=")


def _any_of(characters: Iterable[str]) -> str:
    ways = [_sextet(character) for character in sorted(characters)]
    return f"(?:{'|'.join(ways)})" if ways else ""


def _sextet(character: str) -> str:
    """One character of base64, in either alphabet."""
    if character == "+":
        return r"(?:[+-]|%(?:25){0,4}2[bB]|\\{1,64}u002[bB])"
    return r"(?:\\{0,64}/|_|%(?:25){0,4}2[fF])" if character == "/" else character
