"""Keeping secrets out of everything that a run shows or writes: prompts, logs, journal, cassettes, reports."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, get_args
from urllib.parse import quote, quote_plus, urlsplit

from pydantic import BaseModel

from ste_graph.contracts import Json
from ste_graph.errors import RunError, SteError, WorkflowError
from ste_graph.settings import AddressMarker, SecretMarker

REPLACEMENT = "***"
SHORT = 4
"""A shorter secret is struck out only as a word of its own."""


COOKIE_SAFE = "!#$%&'()*+-./:<=>?@[]^_`{|}~"
"""The characters that a cookie's value has as they are (RFC 6265, section 4.1.1)."""

TELLING = re.compile("auth|cookie|credential|key|pass|pwd|secret|session|token", re.IGNORECASE)
"""The names whose plain values in a mapping are secret."""


class Redactor:
    """Strikes secrets out of texts and plain data, also as JSON, URLs, cookies and base64 write them.

    Without secrets it changes nothing. `longest` is the most characters that a secret may take in a text; where a text
    was cut, as many at its end may be the beginning of one.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        known = sorted({secret for secret in secrets if secret.strip()}, key=lambda secret: (-len(secret), secret))
        patterns = [pattern for secret in known for pattern in spellings(secret)]
        self._pattern = re.compile("|".join(patterns)) if patterns else None
        self.longest = max((len(r"\u0000") * len(secret.encode("utf-8", "replace")) for secret in known), default=0)

    @property
    def is_empty(self) -> bool:
        """True if there are no secrets."""
        return self._pattern is None

    def redact(self, text: str) -> str:
        """Return the text without secrets."""
        return text if self._pattern is None else self._pattern.sub(REPLACEMENT, text)

    def redact_data(self, value: Any) -> Any:
        """Return plain data without secrets: in every text inside it, keys included."""
        if self._pattern is None:
            return value
        match value:
            case str():
                return self.redact(value)
            case Mapping():
                return {
                    self.redact(key) if isinstance(key, str) else key: self.redact_data(inner)
                    for key, inner in value.items()
                }
            case list() | tuple():
                return [self.redact_data(item) for item in value]
            case int() | float() if (text := json.dumps(value)) != (clean := self.redact(text)):
                return clean
        return value


@contextmanager
def redact_errors(secrets: Iterable[str]) -> Iterator[None]:
    """Strike secrets out of the errors of ours that leave this context; one that shows a secret is raised anew."""
    try:
        yield
    except SteError as fault:
        clean = Redactor(secrets).redact(str(fault))
        if clean == str(fault):
            raise
        raise (WorkflowError if isinstance(fault, WorkflowError) else RunError)(clean) from None


def spellings(secret: str) -> Iterator[str]:
    """Patterns for the ways in which a text may write a secret, the plain one first.

    HTTP libraries read the bytes of a header as Latin-1, and the digits of `%2F` may be small. A text within JSON
    within JSON has its quotes escaped twice, and so on: any number of backslashes will do.
    """
    plain = "".join(map(_in_json, secret))
    if len(secret) < SHORT:
        yield rf"(?<!\w){plain}(?!\w)"
        return
    yield plain
    misread = secret.encode("utf-8", "replace").decode("latin-1")
    if misread != secret:
        yield "".join(map(_in_json, misread))
    urls = {quote(secret, safe=safe, errors="replace") for safe in ("/", "", COOKIE_SAFE)}
    urls.add(quote_plus(secret, errors="replace"))
    yield from (f"(?i:{re.escape(url)})" for url in sorted(urls - {secret}))
    yield re.escape(base64.b64encode(secret.encode("utf-8", "replace")).decode())


def _in_json(character: str) -> str:
    """A pattern for one character as text or JSON write it."""
    if character == "\\":
        return r"\\+"
    if character in '"/':
        return rf"\\*{character}"
    if character.isascii() and character.isprintable():
        return re.escape(character)
    units = character.encode("utf-16-be", "surrogatepass").hex()
    escaped = "".join(rf"\\+u(?i:{units[at : at + 4]})" for at in range(0, len(units), 4))
    named = f"|\\\\+{_NAMED[character]}" if character in _NAMED else ""
    return f"(?:{re.escape(character)}|{escaped}{named})"


_NAMED = {"\n": "n", "\r": "r", "\t": "t", "\b": "b", "\f": "f"}


def find_secrets(settings: object) -> set[str]:
    """The secrets in the settings of a `use:` entry: fields of type `Secret`, passwords in addresses.

    Of a mapping (headers, most of all), only the values of telling names: a header may well be `application/json`.
    An object may name what it takes from the environment by itself in an attribute `secrets`.
    """
    found = set(getattr(settings, "secrets", None) or ())
    if isinstance(settings, BaseModel):
        for name, info in type(settings).model_fields.items():
            value = getattr(settings, name)
            marks = [*info.metadata, *_nested_marks(info.annotation)]
            if any(isinstance(mark, SecretMarker) for mark in marks):
                found |= set(_texts(value))
            elif any(isinstance(mark, AddressMarker) for mark in marks):
                found |= {password for text in _texts(value) if (password := _password(text))}
            else:
                found |= {secret for inner in _models(value) for secret in find_secrets(inner)}
    return {secret for secret in found if isinstance(secret, str) and secret.strip()}


def secret_parts(secret: str) -> Iterator[str]:
    """The secret, and the token of a secret `Bearer TOKEN`."""
    yield secret
    scheme, space, token = secret.rpartition(" ")
    if space and scheme.lower() in ("basic", "bearer", "token"):
        yield token


def _nested_marks(annotation: Any) -> Iterator[Any]:
    for inner in get_args(annotation):
        yield from getattr(inner, "__metadata__", ())
        yield from _nested_marks(inner)


def _texts(value: Json) -> Iterator[str]:
    match value:
        case str():
            yield from secret_parts(value)
        case BaseModel():
            yield from find_secrets(value)
        case Mapping():
            for name, inner in value.items():
                if not isinstance(inner, str) or TELLING.search(str(name)):
                    yield from _texts(inner)
        case list() | tuple():
            for inner in value:
                yield from _texts(inner)


def _models(value: object) -> Iterator[BaseModel]:
    match value:
        case BaseModel():
            yield value
        case Mapping():
            for inner in value.values():
                yield from _models(inner)
        case list() | tuple():
            for inner in value:
                yield from _models(inner)


def _password(address: str) -> str | None:
    try:
        return urlsplit(address).password
    except ValueError:
        return None
