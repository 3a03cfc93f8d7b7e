"""The answer of an MCP server to a call as an observation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ste_graph.contracts import Json, Observation
from ste_graph.tools.arguments import ArgumentChecker
from ste_graph.tools.mcp.repair import DATA, read_meta, read_notes
from ste_graph.tools.text import as_text

if TYPE_CHECKING:
    from mcp.types import CallToolResult, ContentBlock


def observe_result(result: CallToolResult) -> Observation:
    """The observation of an answer, with notes on anything that was wrong with it."""
    data = result.structured_content
    data = read_meta(result.meta, DATA) if data is None else data
    text = (
        "\n".join(describe_block(block) for block in result.content)
        if result.content or data is None
        else as_text(data)
    )
    notes = read_notes(result.meta)
    if result.is_error:
        text = text or "The tool reports an error without a message."
        return Observation(ok=False, kind="tool_error", text=text, notes=notes)
    return Observation(ok=True, kind="ok", text=text, data=data, notes=notes)


async def find_mismatch(data: Json, output: ArgumentChecker) -> tuple[str, ...]:
    """A note on how the structured content violates the tool's own output schema; empty if it conforms to it."""
    if data is None:
        return ("no structured content, for which the tool states a schema",)
    problem = (await output.check_aside(data)).problem
    if problem is None:
        return ()
    first = problem.partition("\n")[2].partition("\n")[0].removeprefix("- ")
    return (f"the structured content breaks the tool's own output schema: {first}",)


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
