"""Results of MCP servers that break the protocol, brought into its form with all of them that can be read."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from ste_graph.contracts import Json
from ste_graph.tools.mcp.messages import NOTES, add_note

VERSION = "2025-11-25"
"""The version of MCP to whose form results are brought; later ones take it too."""
DATA = "ste_graph/data"
"""The key of a result's `_meta` for structured content that is not an object: older versions of MCP do not allow it."""
OUTPUT_SCHEMA = "ste_graph/output_schema"
"""The key of a tool's `_meta` for its output schema: the client would throw away an answer that does not keep to it."""
INPUT_SCHEMA = "ste_graph/input_schema"
"""The key of a tool's `_meta` for the schema of its arguments, where the client refuses a part of it."""
LEFT_OUT = "ste_graph/left_out"
"""The key of a list's `_meta` for the tools that cannot be used, and why."""
OWN = ("_meta", "content", "structuredContent", "isError", "resultType")
"""The parts of a result that MCP knows."""
HINTS = ("readOnlyHint", "destructiveHint", "idempotentHint", "openWorldHint")
USED = ("name", "title", "description", "inputSchema", "outputSchema", "annotations")
"""The parts of a tool that we read; whatever is wrong in another one does no harm."""


def repair_result(result: Mapping[str, Json]) -> dict[str, Json]:
    """The result of a call in MCP's form; `NOTES` in its `_meta` says what was off."""
    repaired = with_meta(result)
    if "inputRequests" in result or result.get("resultType") not in (None, "complete"):
        return repaired
    content = result.get("content")
    if content is None:
        blocks: list[Json] = []
        repaired = add_note(repaired, "the result has no `content`")
        plain = {key: value for key, value in result.items() if key not in OWN}
        if result.get("structuredContent") is None and plain:
            repaired["structuredContent"] = plain
    elif isinstance(content, list):
        blocks = content
    else:
        repaired = add_note(repaired, "`content` is not a list")
        blocks = [content]
    readable: list[Json] = []
    for block in blocks:
        taken, note = repair_block(block)
        readable.append(taken)
        repaired = add_note(repaired, note) if note else repaired
    repaired["content"] = readable
    if not isinstance(flag := result.get("isError", False), bool):
        repaired["isError"] = str(flag).lower() in ("true", "1", "yes")
        repaired = add_note(repaired, f"`isError` is {describe(flag)}")
    data = repaired.get("structuredContent")
    if not isinstance(data, dict):
        repaired.pop("structuredContent", None)
        if data is not None:
            repaired = add_note(repaired, "`structuredContent` is not an object")
            repaired["_meta"][DATA] = data
    return repaired


def repair_block(block: Json) -> tuple[Json, str | None]:
    """A block of content in MCP's form, and what was off about it."""
    if isinstance(block, str):
        return as_block(block), "a block of `content` is a bare text"
    if not isinstance(block, dict):
        return as_block(json.dumps(block, ensure_ascii=False)), "a block of `content` is not an object"
    if fits("tools/call", {"content": [block]}):
        return block, None
    text = block.get("text")
    note = f"a block of `content` of the type {describe(block.get('type'))} does not keep to MCP"
    return as_block(text if isinstance(text, str) else json.dumps(block, ensure_ascii=False)), note


def as_block(text: str) -> Json:
    """The text as a block of content."""
    return {"type": "text", "text": text}


def repair_listing(result: Mapping[str, Json]) -> dict[str, Json]:
    """A page of tools without those that cannot be used.

    `LEFT_OUT` in its `_meta` names these, and `NOTES` the parts of others that were left out of account.
    """
    listed = result.get("tools")
    entries: Sequence[Json] = listed if isinstance(listed, list) else []
    repaired = {**with_meta(result), "tools": []}
    left_out: list[str] = []
    for number, entry in enumerate(entries, 1):
        if fault := find_tool_fault(entry):
            left_out.append(f"{name_entry(entry, number)}: {fault}")
            continue
        tool, notes = repair_tool(entry)
        repaired["tools"].append(tool)
        for note in notes:
            repaired = add_note(repaired, f"{name_entry(entry, number)}: {note}")
    if not isinstance(listed, list):
        repaired = add_note(repaired, f"`tools` is {describe(listed)}, no list")
    if not isinstance(result.get("nextCursor"), str | None):
        repaired["nextCursor"] = json.dumps(result["nextCursor"])
    repaired["_meta"][LEFT_OUT] = left_out
    return repaired


def with_meta(result: Mapping[str, Json]) -> dict[str, Json]:
    """A copy of a result with a `_meta` of its own."""
    meta = result.get("_meta")
    return {**result, "_meta": dict(meta) if isinstance(meta, Mapping) else {}}


def fits(method: str, result: Mapping[str, Json]) -> bool:
    """True if the official client takes this for the result of a method."""
    from mcp.types import CallToolResult, ListToolsResult
    from mcp_types.methods import validate_server_result

    try:
        validate_server_result(method, VERSION, result)
        (CallToolResult if method == "tools/call" else ListToolsResult).model_validate(result, by_name=False)
    except ValueError:
        return False
    return True


def find_tool_fault(entry: Json) -> str | None:
    """The reason why a tool cannot be used at all; None if it can."""
    if not isinstance(entry, dict):
        return f"expected an object, got {describe(entry)}"
    if not isinstance(name := entry.get("name"), str) or not name:
        return f"expected a text as its name, got {describe(name)}"
    if "inputSchema" not in entry:
        return "it has no `inputSchema`, so that its arguments are not known"
    schema = entry["inputSchema"]
    if not isinstance(schema, dict):
        return f"its `inputSchema` is {describe(schema)}, so that its arguments are not known"
    if schema.get("type", "object") not in ("object", ["object"], ["object", "null"], None):
        return f"its `inputSchema` is of type {describe(schema['type'])}, and arguments are an object"
    return None


def repair_tool(entry: Mapping[str, Json]) -> tuple[dict[str, Json], list[str]]:
    """A tool in MCP's form, and what was left out of account."""
    tool = {name: entry[name] for name in USED if entry.get(name) is not None}
    meta: dict[str, Json] = {}
    notes: list[str] = []
    schema = dict(tool["inputSchema"])
    if schema.get("type") != "object":
        notes.append("its `inputSchema` has no `type: object`")
        tool["inputSchema"] = {**schema, "type": "object"}
    for name in ("title", "description"):
        if name in tool and not isinstance(tool[name], str):
            notes.append(f"its `{name}` is {describe(tool.pop(name))}")
    hints = tool.pop("annotations", {})
    if not isinstance(hints, dict):
        notes.append(f"its `annotations` are {describe(hints)}")
        hints = {}
    for hint in HINTS:
        if not isinstance(hints.get(hint), bool | None):
            notes.append(f"its `{hint}` is {describe(hints[hint])}")
    tool["annotations"] = {hint: hints[hint] for hint in HINTS if isinstance(hints.get(hint), bool)}
    output = tool.pop("outputSchema", None)
    if isinstance(output, dict) and output.get("type", "object") == "object":
        meta[OUTPUT_SCHEMA] = output
    elif output is not None:
        notes.append(f"its `outputSchema` is {describe(output)}, no schema of an object")
    tool["_meta"] = meta
    if not fits("tools/list", {"tools": [tool]}):
        meta[INPUT_SCHEMA] = tool["inputSchema"]
        tool["inputSchema"] = {"type": "object"}
    return tool, notes


def name_entry(entry: Json, number: int) -> str:
    """The name of a listed tool, or its place in the list."""
    name = entry.get("name") if isinstance(entry, dict) else None
    return f"`{name:.80}`" if isinstance(name, str) and name else f"number {number}"


def describe(value: Json) -> str:
    """A value as JSON, short."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 40 else f"{text[:37]}…"


def read_meta(meta: Mapping[str, Any] | None, key: str) -> Any:
    """The value that a repair has left under a key of `_meta`, or None."""
    return (meta or {}).get(key)


def read_notes(meta: Mapping[str, Any] | None) -> tuple[str, ...]:
    """The notes on what was wrong with a result."""
    return tuple(read_meta(meta, NOTES) or ())
