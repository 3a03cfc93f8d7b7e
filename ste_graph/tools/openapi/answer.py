"""The answer of a service, as the text that a model reads."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ste_graph.contracts import Json, Observation
from ste_graph.tools.text import decode_bytes, media_type, replace_surrogates

if TYPE_CHECKING:
    import httpx

MOST_BYTES = 4 * 1024 * 1024
"""Bytes of a body that are read at most."""

SHOWN_HEADERS = ("location", "allow", "retry-after")
"""Headers that are shown of an answer without a body."""

BODY_HEADERS = ("content-type", "content-length", "last-modified", "etag")
"""Headers that describe the body, for answers to HEAD."""


async def read_body(response: httpx.Response) -> tuple[bytes, bool]:
    """The body, decompressed, and whether it was cut at `MOST_BYTES`."""
    parts: list[bytes] = []
    size = 0
    async for part in response.aiter_bytes(65_536):
        parts.append(part)
        size += len(part)
        if size > MOST_BYTES:
            return b"".join(parts)[:MOST_BYTES], True
    return b"".join(parts), False


def observe_response(response: httpx.Response, data: bytes, cut: bool) -> Observation:
    """The observation of an answer: its body, after the status line if it is not a success or has no body."""
    plain = None if cut else parse_json_body(response, data)
    text = body_text(response, data, cut) if plain is None else plain[0]
    status = f"HTTP {response.status_code} {response.reason_phrase}".strip()
    if text and response.is_success:
        return Observation(ok=True, kind="ok", text=text, truncated=cut, data=plain[1] if plain else None)
    names = SHOWN_HEADERS + BODY_HEADERS if response.request.method == "HEAD" else SHOWN_HEADERS
    headers = [f"{name}: {response.headers[name]}" for name in names if name in response.headers]
    text = "\n".join([status, *([text] if text else headers)])
    return Observation(
        ok=response.is_success, kind="ok" if response.is_success else "tool_error", text=text, truncated=cut
    )


def parse_json_body(response: httpx.Response, data: bytes) -> tuple[str, Json] | None:
    """A JSON body without white space, and its value; None if it is not JSON."""
    if not media_type(response.headers).endswith("json"):
        return None
    try:
        value = json.loads(data)
        return replace_surrogates(json.dumps(value, ensure_ascii=False, separators=(",", ":"))), value
    except (ValueError, RecursionError):
        return None


def body_text(response: httpx.Response, data: bytes, cut: bool) -> str:
    """The body as text; a description of any other data."""
    kind = media_type(response.headers)
    try:
        text = data.decode(response.charset_encoding or "utf-8")
    except (UnicodeDecodeError, LookupError):
        if not (cut or kind.startswith("text/") or kind.endswith(("json", "xml"))):
            return f"<{len(data):,} bytes of {kind}>" if kind else decode_bytes(data)
        text = data.decode("utf-8", "replace")
    if "\0" in text[:1000]:
        return f"<{len(data):,} bytes of {kind or 'no stated kind'}>"
    return replace_surrogates(text)
