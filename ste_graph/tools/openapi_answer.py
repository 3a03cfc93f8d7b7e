"""What a service answered, as the text that a model reads."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ste_graph.tools.text import from_bytes, sound

if TYPE_CHECKING:
    import httpx

MOST_BYTES = 4 * 1024 * 1024
"""Of a body no more is read."""

TELLING = ("location", "content-type", "content-length", "last-modified", "etag", "allow", "retry-after")
"""Headers that an answer without a body is told by."""


async def body_of(response: httpx.Response) -> tuple[bytes, bool]:
    """The body, decompressed, and whether it was cut at `MOST_BYTES`."""
    parts: list[bytes] = []
    size = 0
    async for part in response.aiter_bytes(65_536):
        parts.append(part)
        size += len(part)
        if size > MOST_BYTES:
            return b"".join(parts)[:MOST_BYTES], True
    return b"".join(parts), False


def told(response: httpx.Response, data: bytes, cut: bool) -> str:
    """The body; before it the status line where it is no success, or where there is no body."""
    status = f"HTTP {response.status_code} {response.reason_phrase}".strip()
    text = readable(response, data, cut)
    if text and response.is_success:
        return text
    if text:
        return f"{status}\n{text}"
    return "\n".join([status, *(f"{name}: {response.headers[name]}" for name in TELLING if name in response.headers)])


def readable(response: httpx.Response, data: bytes, cut: bool) -> str:
    """JSON without the white space, text as it is, anything else described."""
    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    try:
        text = data.decode(response.charset_encoding or "utf-8")
    except (UnicodeDecodeError, LookupError):
        if cut or kind.startswith("text/") or kind.endswith(("json", "xml")):
            text = data.decode("utf-8", "replace")
        else:
            return f"<{len(data):,} bytes of {kind}>" if kind else from_bytes(data)
    if "\0" in text[:1000]:
        return f"<{len(data):,} bytes of {kind or 'no stated kind'}>"
    if kind.endswith("json") and not cut:
        try:
            return sound(json.dumps(json.loads(text), ensure_ascii=False, separators=(",", ":")))
        except (ValueError, RecursionError):
            pass
    return sound(text)
