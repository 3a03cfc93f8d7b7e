"""Requests that a model makes up: where the request in a reply begins and ends."""

from __future__ import annotations

import re
from typing import Final

STOP: Final = ("Thought:",)
"""Strings at which a model begins to act on its own request."""


def find_request(text: str) -> str:
    """The first request in a reply, without its marker and quotes; the whole text if it has no marker."""
    marker = _MARKER.search(text)
    request = _END.split(text[marker.end() :] if marker else text, maxsplit=1)[0].strip(" \t\r\n*")
    if len(request) > 1 and (quotes := request[0] + request[-1]) in _QUOTES and quotes[0] not in request[1:-1]:
        request = request[1:-1].strip()
    return request or text.strip()


_MARKER = re.compile(r"^[ \t*#]*+(?:new )?user query[ \t*]*+:", re.IGNORECASE | re.MULTILINE)
_END = re.compile(r"(?-i:\bThought:)|^[ \t*#]*+(?:user query[ \t*]*+:|action:)", re.IGNORECASE | re.MULTILINE)
_QUOTES = ('""', "''", "\u201c\u201d", "``")
