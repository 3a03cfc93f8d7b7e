"""The answer of an MCP server to a call as an observation; all three ways in which servers report failure count."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ste_graph.contracts import Observation
from ste_graph.contracts.failure import ERRORS
from ste_graph.tools.text import as_text

if TYPE_CHECKING:
    from mcp.types import CallToolResult, ContentBlock


def observe_result(result: CallToolResult, errors: Sequence[re.Pattern[str]] = ()) -> Observation:
    """The observation of an answer; `errors`, in addition to `ERRORS`, are matched at the start of a text."""
    data = result.structured_content
    text = (
        "\n".join(describe_block(block) for block in result.content)
        if result.content or data is None
        else as_text(data)
    )
    if result.is_error or any(pattern.match(text.lstrip()) for pattern in (*ERRORS, *errors)):
        return Observation(ok=False, kind="tool_error", text=text or "The tool reports an error without a message.")
    return Observation(ok=True, kind="ok", text=text, data=data)


def describe_block(block: ContentBlock) -> str:
    """A part of the answer as text; other media are named by kind and size."""
    from mcp.types import TextResourceContents

    match block.type:
        case "text":
            return block.text
        case "image" | "audio":
            return f"[{block.type}: {block.mime_type}, {describe_size(block.data)}]"
        case "resource_link":
            about = f" ({block.description})" if block.description else ""
            return f"[resource `{block.name}`: {block.uri}{about}]"
        case "resource":
            inside = block.resource
            if isinstance(inside, TextResourceContents):
                return inside.text
            return f"[resource {inside.uri}: {inside.mime_type or 'of unknown type'}, {describe_size(inside.blob)}]"


def describe_size(coded: str) -> str:
    """The size of the data in a base64 text."""
    return f"{len(coded.rstrip('=')) * 3 // 4:,} bytes"
