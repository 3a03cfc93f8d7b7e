"""The JSON value in a reply to a schema."""

from __future__ import annotations

import json

from ste_graph.contracts import Json


def find_json(text: str) -> Json:
    """The JSON value in a text, also in a code block or with words around it; None if it holds no JSON."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        pass
    from langchain_core.utils.json import parse_json_markdown

    start = min((at for mark in "{[" if (at := text.find(mark)) >= 0), default=-1)
    for candidate in (text, text[start : max(text.rfind("}"), text.rfind("]")) + 1] if start >= 0 else ""):
        try:
            return parse_json_markdown(candidate)
        except ValueError:
            continue
    return None
