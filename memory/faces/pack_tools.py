"""The tools of a LangChain agent, described as a pack describes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from langchain_core.utils.function_calling import convert_to_openai_tool

from ste_graph.errors import WorkflowError
from ste_graph.packs.pack import Pack, ToolDescription


def describe_tools(pack: Pack, tools: Sequence[Any]) -> list[Any]:
    """The tools with the rewritten descriptions that a pack adopted; names, types and schemas stay.

    Raises `WorkflowError` if a tool has other parameters than when the pack was proven. Their descriptions and types
    are not compared: LangChain writes them otherwise than their source.
    """
    return [_describe(pack, tool) for tool in tools]


def _describe(pack: Pack, tool: Any) -> Any:
    plain = dict(tool) if isinstance(tool, Mapping) else None
    if plain is not None and "function" not in plain:
        return tool  # a tool of the provider's own, or in a form of its own
    name = str(plain["function"].get("name", "")) if plain is not None else str(tool.name)
    if name not in pack.manifest.tools or name not in pack.definitions:
        return tool
    whole = plain if plain is not None else convert_to_openai_tool(tool)
    _check_parameters(pack, name, whole["function"].get("parameters") or {})
    own = pack.descriptions.get(name)
    return tool if own is None else _rewrite(whole, own)


def _check_parameters(pack: Pack, name: str, now: Mapping[str, Any]) -> None:
    before = pack.definitions[name].parameters
    differing = sorted(_names(before, "properties") ^ _names(now, "properties"))
    differing = differing or sorted(_names(before, "required") ^ _names(now, "required"))
    if differing:
        raise WorkflowError(
            f"{pack.path}: this pack is outdated: the tool `{name}` has other parameters than when its gain was "
            f"measured ({', '.join(differing)}). See what still holds: ste pack verify {pack.path} --tools FILE"
        )


def _names(schema: Mapping[str, Any], key: str) -> set[str]:
    return set(schema.get(key) or ())


def _rewrite(tool: Mapping[str, Any], own: ToolDescription) -> dict[str, Any]:
    function = dict(tool["function"])
    if own.description is not None:
        function["description"] = own.description
    schema = function.get("parameters") or {}
    properties = dict(schema.get("properties") or {})
    for name, text in own.parameters.items():
        if isinstance(properties.get(name), Mapping):
            properties[name] = {**properties[name], "description": text}
    if properties:
        function["parameters"] = {**schema, "properties": properties}
    return {**tool, "function": function}
