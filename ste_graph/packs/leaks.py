"""Leaks: paths of a machine, addresses of a network, and secrets, which no pack may hold."""

from __future__ import annotations

import ipaddress
import os
import re
import tempfile
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, TypeAlias
from urllib.parse import urlsplit

from ste_graph.redaction import TELLING, Redactor

LeakKind: TypeAlias = Literal["path", "address", "secret"]

SHORTEST_SECRET: Final = 8
"""A variable of the environment with a shorter value may well say something else than a secret."""

_ROOTS = "etc|home|mnt|nix|opt|private|proc|root|scratch|srv|tmp|Users|usr|var|Volumes|workspace"
_END = r"[^\s\"'`<>|,;)\]}]"
_PATH = re.compile(
    rf"(?<![\w.:/~-])(?:/(?:{_ROOTS})/{_END}+|~/{_END}+)"
    rf"|(?<![A-Za-z0-9])[A-Za-z]:\\{{1,2}}[\w.-]{{2}}{_END}*|(?<!\\)\\\\[A-Za-z][\w.-]+\\\w{_END}*"
)
_URL = re.compile(
    r"(?<![A-Za-z])(?:https?|wss?|ftp|redis|postgres(?:ql)?|mysql|mongodb|amqp|ssh|file)://[^\s\"'`<>)\]}]+"
)
_HOST = re.compile(r"(?<![\w.-])(?:localhost|(?:\d{1,3}\.){3}\d{1,3}):\d{2,5}(?!\d)")
_SECRETS = {
    "a private key": re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----"),
    "a token of a provider": re.compile(
        r"(?<![A-Za-z0-9])(?:sk-(?:[A-Za-z]+-)*[A-Za-z0-9_]{20,}|gh[pousr]_[A-Za-z0-9]{30,}|github_pat_\w{30,}|glpat-[\w-]{20,}|"
        r"xox[abpsr]-[\w-]{10,}|A[KS]IA[A-Z0-9]{16}|AIza[\w-]{35}|hf_[A-Za-z0-9]{30,}|npm_[A-Za-z0-9]{30,})"
    ),
    "a web token": re.compile(r"(?<![\w-])eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{8,}"),
    "an authorization header": re.compile(r"(?i)\b(?:bearer|basic)\s+(?=[\w+/=.~-]*\d)[\w+/=.~-]{20,}"),
}
_PRIVATE = re.compile(r"\.(?:local|localdomain|internal|intranet|corp|lan|home|test)$")


@dataclass(frozen=True, slots=True)
class Leak:
    """Something that must not go out. `shown` is what it is, a secret only in words."""

    kind: LeakKind
    shown: str


class LeakFinder:
    """Finds leaks in texts.

    Secrets are known by their form, and as the values of variables of this environment with telling names; paths by
    the roots that systems have, and as folders of this machine; addresses by their hosts: one of a private network, a
    bare name, a number, or one with a password. A public web address is not a leak.
    """

    def __init__(
        self,
        *,
        environment: Iterable[tuple[str, str]] | None = None,
        folders: Iterable[str] | None = None,
        named: Collection[str] = (),
    ) -> None:
        """Variables that are `named` are secret whatever they are called."""
        variables = dict(os.environ.items() if environment is None else environment)
        secrets = {
            name: value
            for name, value in variables.items()
            if name in named or (TELLING.search(name) and len(value) >= SHORTEST_SECRET and not os.path.exists(value))
        }
        self._secrets = [(name, Redactor([value])) for name, value in sorted(secrets.items())]
        # of this machine, and no pack has a reason to name them
        found = [str(Path.home()), str(Path.cwd()), tempfile.gettempdir()] if folders is None else folders
        self._folders = sorted({folder for folder in found if len(folder) > len("/abc")}, key=len, reverse=True)

    def find(self, text: str) -> list[Leak]:
        """Every leak in a text, each once."""
        return list(dict.fromkeys([*self._find_secrets(text), *_find_addresses(text), *self._find_paths(text)]))

    def _find_secrets(self, text: str) -> Iterator[Leak]:
        for what, pattern in _SECRETS.items():
            if pattern.search(text):
                yield Leak("secret", what)
        for name, redactor in self._secrets:
            if redactor.redact(text) != text:
                yield Leak("secret", f"the value of the variable {name}")

    def _find_paths(self, text: str) -> Iterator[Leak]:
        plain = _URL.sub(" ", text)
        yield from (Leak("path", _trim(match[0])) for match in _PATH.finditer(plain))
        yield from (Leak("path", folder) for folder in self._folders if folder in plain)


def _find_addresses(text: str) -> Iterator[Leak]:
    for match in _URL.finditer(text):
        if not _is_public(match[0]):
            yield Leak("address", _trim(match[0]))
    yield from (Leak("address", match[0]) for match in _HOST.finditer(_URL.sub(" ", text)))


def _trim(found: str) -> str:
    """A path or an address without the punctuation of the sentence that ends with it."""
    return found.rstrip(".,;:!?")


def _is_public(address: str) -> bool:
    """True for a web address of a host that everybody can name, without a user."""
    try:
        parts = urlsplit(address)
        host = (parts.hostname or "").rstrip(".")
        if (
            parts.scheme not in ("http", "https")
            or parts.username
            or "." not in host
            or parts.port not in (None, 80, 443)
        ):
            return False
    except ValueError:
        return False
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return not _PRIVATE.search(host)
    return False
