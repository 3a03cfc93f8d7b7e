"""Secrets that tests plant, the forms in which others repeat them, and a scan that reads every form."""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from urllib.parse import quote, quote_plus, unquote_plus

SECRETS: Mapping[str, str] = {
    "STE_PLANTED_KEY": "sesame-0pen",
    "STE_PLANTED_WORD": 'rhubarb "crumble"/7',
    "STE_PLANTED_TOKEN": "sk-Qx7Ub2mNv9Lw4Tz8Ra3Hd6Kc1Pe5Yg0",
    "STE_PLANTED_PASSWORD": "gr\u00fcn&Gold+3",
    "STE_PLANTED_PATH": "c:\\vault\\d00r?",
}
"""By the variables of the environment that hold them."""


def in_base64(secret: str, before: int = 0, after: int = 0, *, padded: bool = True, url: bool = False) -> str:
    """The secret in base64, with so many bytes of something else around it."""
    data = b"user:,;"[:before] + secret.encode() + b"\x01\xff-tail"[:after]
    text = (base64.urlsafe_b64encode if url else base64.b64encode)(data).decode()
    return text if padded else text.rstrip("=")


def all_percent(text: str) -> str:
    """A text with each of its bytes as `%XX`."""
    return "".join(f"%{byte:02X}" for byte in text.encode())


FORMS: Mapping[str, Callable[[str], str]] = {
    "plain": str,
    "small letters": str.lower,
    "capitals": str.upper,
    "JSON": lambda secret: json.dumps(secret)[1:-1],
    "JSON as it is": lambda secret: json.dumps(secret, ensure_ascii=False),
    "JSON in JSON": lambda secret: json.dumps(json.dumps({"a": [secret]})),
    "JSON with every character escaped": lambda secret: "".join(f"\\u{ord(character):04x}" for character in secret),
    "a Python text": repr,
    "Python bytes": lambda secret: repr(secret.encode()),
    "header read as Latin-1": lambda secret: secret.encode().decode("latin-1"),
    "URL": quote,
    "part of a URL": lambda secret: quote(secret, safe=""),
    "query": quote_plus,
    "URL in small letters": lambda secret: quote(secret, safe="").lower(),
    "URL in a URL": lambda secret: quote(quote(secret, safe=""), safe=""),
    "every character in percent": all_percent,
    "every character in small percent": lambda secret: all_percent(secret).lower(),
    "capitals in percent": lambda secret: all_percent(secret.upper()),
    "HTML": html.escape,
    "HTML by numbers": lambda secret: "".join(f"&#{ord(character)};" for character in secret),
    "HTML by hexadecimal numbers": lambda secret: "".join(f"&#x{ord(character):02X};" for character in secret),
    "hex": lambda secret: secret.encode().hex(),
    "capital hex": lambda secret: secret.encode().hex().upper(),
    "within hex": lambda secret: (b"\x01a" + secret.encode() + b"z\x02").hex(),
    "base64 of Latin-1": lambda secret: base64.b64encode(secret.encode("latin-1")).decode(),
    "base64 in a URL": lambda secret: quote(in_base64(secret, 1), safe=""),
    "base64 in JSON": lambda secret: json.dumps(in_base64(secret, 2)).replace("/", "\\/"),
    "Basic": lambda secret: "Basic " + base64.b64encode(f"bob:{secret}".encode()).decode(),
} | {
    f"base64 {before}+{after} {'padded' if padded else 'unpadded'} {'url' if url else 'standard'}": (
        lambda secret, before=before, after=after, padded=padded, url=url: in_base64(
            secret, before, after, padded=padded, url=url
        )
    )
    for before in range(4)
    for after in range(3)
    for padded in (True, False)
    for url in (True, False)
}  # fmt: skip


def write_all_forms(secrets: Mapping[str, str] = SECRETS) -> list[str]:
    """Every form of every secret."""
    return [form(secret) for secret in secrets.values() for form in FORMS.values()]


def read_all_forms(text: str) -> Iterator[str]:
    """A text, and all that it may stand for: unescaped up to three times in any way, decoded from base64 and hex."""
    readings = {text}
    for _ in range(3):
        readings |= {unescape(reading) for reading in readings for unescape in UNESCAPES}
    for reading in readings:
        yield reading
        yield from _decoded(reading)


UNESCAPES: tuple[Callable[[str], str], ...] = (
    unquote_plus,
    html.unescape,
    lambda text: re.sub(r"\\+(?:u00|x)([0-9a-fA-F]{2})", lambda match: chr(int(match[1], 16)), text),
    lambda text: re.sub(r"\\(.)", r"\1", text),
)


def _decoded(text: str) -> Iterator[str]:
    for run in re.findall(r"[A-Za-z0-9+/_-]{5,}", text):
        standard = run.replace("-", "+").replace("_", "/")
        for start in range(4):
            part = standard[start:]
            data = base64.b64decode(part + "A" * (-len(part) % 4))
            yield from (data.decode("utf-8", "replace"), data.decode("latin-1"))
    for run in re.findall(r"[0-9a-fA-F]{8,}", text):
        for start in range(2):
            part = run[start:]
            data = bytes.fromhex(part[: len(part) // 2 * 2])
            yield from (data.decode("utf-8", "replace"), data.decode("latin-1"))


def find_planted(text: str, secrets: Mapping[str, str] = SECRETS) -> list[str]:
    """The variables whose secrets stand in a text, in any form."""
    wanted = {name: {secret.lower(), secret.encode().decode("latin-1").lower()} for name, secret in secrets.items()}
    # What is not ASCII has many forms: its longest ASCII part stands for it.
    for name, secret in secrets.items():
        wanted[name].add(max(re.split(r"[^\x20-\x7e]|[\"'\\/&+]", secret), key=len).lower())
    readings = [reading.lower() for reading in read_all_forms(text)]
    return [name for name, forms in wanted.items() if any(form in reading for form in forms for reading in readings)]


def find_planted_files(folder: Path, secrets: Mapping[str, str] = SECRETS) -> list[str]:
    """The files below a folder, and the names of files, in which a secret stands, in any form."""
    found = []
    for file in sorted(folder.rglob("*")):
        name = str(file.relative_to(folder))
        data = file.read_bytes() if file.is_file() else b""
        texts = (data.decode("utf-8", "replace"), data.decode("utf-16-le", "replace"))
        found += [f"{name}: {secret}" for text in (name, *texts) for secret in find_planted(text, secrets)]
    return found
