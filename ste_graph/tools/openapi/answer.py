"""What a service answered, as the text that a model reads."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ste_graph.contracts import Json, Observation
from ste_graph.tools.text import decode_bytes, replace_surrogates

if TYPE_CHECKING:
    import httpx

MOST_BYTES = 4 * 1024 * 1024
"""Of a body no more is read."""

TELLING = ("location", "allow", "retry-after")
"""Headers that an answer without a body is told by."""

OF_THE_BODY = ("content-type", "content-length", "last-modified", "etag")
"""Headers that tell what the body would have been, where HEAD asked for them alone."""


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


def observed(response: httpx.Response, data: bytes, cut: bool) -> Observation:
    """The observation of an answer: its body; before that the status line where it is no success or has no body."""
    plain = None if cut else as_json(response, data)
    text = readable(response, data, cut) if plain is None else plain[0]
    status = f"HTTP {response.status_code} {response.reason_phrase}".strip()
    if text and response.is_success:
        return Observation(ok=True, kind="ok", text=text, truncated=cut, data=plain[1] if plain else None)
    names = TELLING + OF_THE_BODY if response.request.method == "HEAD" else TELLING
    headers = [f"{name}: {response.headers[name]}" for name in names if name in response.headers]
    text = "\n".join([status, *([text] if text else headers)])
    return Observation(
        ok=response.is_success, kind="ok" if response.is_success else "tool_error", text=text, truncated=cut
    )


def as_json(response: httpx.Response, data: bytes) -> tuple[str, Json] | None:
    """A JSON body without the white space, and what it holds; None where it is no JSON."""
    if not kind_of(response).endswith("json"):
        return None
    try:
        held = json.loads(data)
        return replace_surrogates(json.dumps(held, ensure_ascii=False, separators=(",", ":"))), held
    except (ValueError, RecursionError):
        return None


def readable(response: httpx.Response, data: bytes, cut: bool) -> str:
    """Text as it is, anything else described."""
    kind = kind_of(response)
    try:
        text = data.decode(response.charset_encoding or "utf-8")
    except (UnicodeDecodeError, LookupError):
        if not (cut or kind.startswith("text/") or kind.endswith(("json", "xml"))):
            return f"<{len(data):,} bytes of {kind}>" if kind else decode_bytes(data)
        text = data.decode("utf-8", "replace")
    if "\0" in text[:1000]:
        return f"<{len(data):,} bytes of {kind or 'no stated kind'}>"
    return replace_surrogates(text)


def kind_of(response: httpx.Response) -> str:
    """The media type of the body, without its parameters."""
    return str(response.headers.get("content-type", "")).partition(";")[0].strip().lower()
