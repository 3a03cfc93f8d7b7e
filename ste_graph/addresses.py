"""Web addresses that a user gives."""

from __future__ import annotations

import ipaddress
import re
from typing import Final
from urllib.parse import SplitResult, urlsplit

LONGEST: Final = 8192
"""The characters of the longest address; servers refuse longer ones."""


def is_web_address(text: str) -> bool:
    """True if a text is meant as a web address rather than a path or a name; it may be a faulty one."""
    return text.lower().startswith(("http://", "https://"))


def find_address_fault(address: str) -> str | None:
    """The reason that a text is not a web address, or None if it is one. Does not repeat it: it may hold a password."""
    if not is_web_address(address):
        return "it does not begin with http:// or https://"
    if len(address) > LONGEST:
        return f"it has more than {LONGEST} characters"
    if re.search(r"\s", address) or not address.isprintable():
        return "it has a blank or a control character"
    try:
        parts = urlsplit(address)
        host = parts.hostname
    except ValueError:
        return "its host is not a host name"
    if not host:
        return "it names no host"
    return _port_fault(parts) or (None if _is_host(host) else "its host is not a host name")


def check_address(address: str) -> str:
    """The address. Raises `ValueError` that says what is wrong with it."""
    if fault := find_address_fault(address):
        raise ValueError(f"not a web address: {fault}; expected one such as http://localhost:8000")
    return address


def _port_fault(parts: SplitResult) -> str | None:
    try:
        return None if parts.port is None or parts.port > 0 else "its port is 0"
    except ValueError:
        return "its port is not a number from 0 to 65535"


def _is_host(host: str) -> bool:
    if ":" in host or _FOUR_NUMBERS.fullmatch(host):
        try:
            ipaddress.ip_address(host.partition("%")[0])
        except ValueError:
            return False
        return True
    if not host.isascii():
        import httpx

        try:  # which of all letters may stand in a host is a long story
            host = httpx.URL(f"http://{host}").raw_host.decode()
        except (httpx.InvalidURL, UnicodeError):
            return False
    return len(host) < 254 and all(_LABEL.fullmatch(label) for label in host.removesuffix(".").split("."))


_FOUR_NUMBERS: Final = re.compile(r"\d+(\.\d+){3}")
_LABEL: Final = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
