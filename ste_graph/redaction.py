"""Keeping secrets out of everything that a run shows or writes: prompts, logs, journal, cassettes, reports."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, get_args
from urllib.parse import parse_qsl, unquote, urlsplit

from pydantic import BaseModel

from ste_graph.contracts import Json
from ste_graph.errors import RunError, SteError, WorkflowError
from ste_graph.secret_forms import LONGEST_CHARACTER, find_plain, secret_forms
from ste_graph.settings import AddressMarker, SecretMarker

REPLACEMENT = "***"
TELLING = re.compile("auth|cookie|credential|key|pass|pwd|secret|session|token", re.IGNORECASE)
"""The names whose plain values in a mapping are secret."""


class Redactor:
    """Strikes secrets out of texts and plain data, in all forms that `secret_forms` knows.

    Without secrets it changes nothing. `longest` is about the most characters that a secret takes in a text; where a
    text was cut, as many at its end may be the beginning of one.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        known = sorted({secret for secret in secrets if secret.strip()}, key=lambda secret: (-len(secret), secret))
        self._forms = [form for secret in known for form in secret_forms(secret)]
        self._shortest = min(map(len, known), default=0)
        self.longest = max((LONGEST_CHARACTER * len(secret.encode("utf-8", "replace")) for secret in known), default=0)

    @property
    def is_empty(self) -> bool:
        """True if there are no secrets."""
        return not self._forms

    def redact(self, text: str) -> str:
        """Return the text without secrets."""
        if not self._forms or len(text) < self._shortest:
            return text
        plain = find_plain(text)
        for needle, pattern in self._forms:
            if needle in plain:
                text = re.sub(pattern, REPLACEMENT, text)
        return text

    def redact_data(self, value: Any) -> Any:
        """Return plain data without secrets: in every text inside it, keys included."""
        if not self._forms:
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
                found.update(secret for text in _texts(value) for secret in address_secrets(text))
            else:
                found |= {secret for inner in _models(value) for secret in find_secrets(inner)}
    return {secret for secret in found if isinstance(secret, str) and secret.strip()}


def secret_parts(secret: str) -> Iterator[str]:
    """The secret; the token of a secret `Bearer TOKEN`; what the token of `Basic TOKEN` stands for."""
    yield secret
    scheme, space, token = secret.rpartition(" ")
    if space and scheme.lower() in ("basic", "bearer", "token"):
        yield token
    if space and scheme.lower() == "basic":
        with suppress(ValueError):
            pair = base64.b64decode(token, validate=True).decode()
            yield pair
            yield pair.partition(":")[2]


def address_secrets(address: str) -> Iterator[str]:
    """The secrets in an address: its password, as it is written there and as it is sent, and the pair with its user.

    An HTTP client sends `base64(user:password)`. A web address's user without a password is a token. Of the query, the
    values of telling names.
    """
    try:
        parts = urlsplit(address)
    except ValueError:
        return
    for user, password in {(parts.username, parts.password), (_decode(parts.username), _decode(parts.password))}:
        if password:
            yield from (password, f"{user}:{password}")
        elif user and parts.scheme in ("http", "https"):
            yield from (user, f"{user}:")
    for name, value in parse_qsl(parts.query):
        if TELLING.search(name):
            yield value


def _decode(text: str | None) -> str | None:
    return unquote(text) if text else text


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
