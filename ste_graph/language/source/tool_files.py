"""Files that hold tools and are no workflow: how a workflow names the tools in them."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Final

from ste_graph.addresses import is_web_address
from ste_graph.diagnostics import display_path
from ste_graph.language.source.tree import MappingNode

_SPEC_KEYS: Final = ("openapi", "swagger")
_SERVERS: Final = "mcpServers"
_PLAIN: Final = re.compile(r"(?!~$|[\d.]+$)[A-Za-z_./~][\w./~:@-]*(?<!:)")


def suggest_source(text: str) -> str | None:
    """The source of tools, in YAML, that a bare path or address most likely means; None for another text."""
    if text.split(":")[0].endswith(".py"):
        return f"`{_source('python', module=text)}`"
    if is_web_address(text) or text.endswith((".json", ".yaml", ".yml")):
        return f"`{_source('openapi', spec=text)}`, or `{_source('mcp', url=text)}` for an MCP server"
    return None


def find_tool_file(path: Path, tree: MappingNode | None = None) -> tuple[str, str] | None:
    """The kind of a file that holds tools, and the text to write instead of its name; None for any other file.

    Args:
        path: The file, as a person names it.
        tree: The content of the file; None if it was not read yet.
    """
    shown = display_path(path)
    if path.suffix == ".py":
        return "a file of Python", _instead(_source("python", module=shown))
    if tree is None:
        return None
    if any(key in tree.entries for key in _SPEC_KEYS):
        return "the spec of an HTTP service (OpenAPI)", _instead(_source("openapi", spec=shown))
    if isinstance(servers := tree.at([_SERVERS]), MappingNode):
        return "a list of MCP servers", _instead(_first_server(servers))
    return None


def _first_server(servers: MappingNode) -> str:
    """The source of tools for the first server that an MCP client's list names."""
    for entry in servers.entries.values():
        own = entry.value.to_plain()
        if isinstance(own, dict) and isinstance(address := own.get("url"), str):
            return _source("mcp", url=address)
        if isinstance(own, dict) and isinstance(command := own.get("command"), str):
            args = own.get("args")
            return _source("mcp", command=command, **({"args": args} if args else {}))
    return _source("mcp", command="PROGRAM")


def _source(use: str, **settings: object) -> str:
    return flow_text({"use": use, **settings})


def flow_text(value: object) -> str:
    """A plain value in the flow style of YAML, quoted only where it must be."""
    match value:
        case dict():
            return f"{{{', '.join(f'{flow_text(key)}: {flow_text(own)}' for key, own in value.items())}}}"
        case list() | tuple():
            return f"[{', '.join(map(flow_text, value))}]"
        case str() if _PLAIN.fullmatch(value) and value.lower() not in ("null", "true", "false"):
            return value
    return json.dumps(value, ensure_ascii=False)


def _instead(source: str) -> str:
    change = shlex.quote(f"tools=[{source}]")
    return f"write `tools: [{source}]` in a workflow, or give one instead of this file: quickstart --set {change}"
