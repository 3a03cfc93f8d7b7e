"""Tools that wrap another tool."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from ste_graph.contracts import Effect, Json, Observation, Restartable, Tool, ToolSource

if TYPE_CHECKING:
    from ste_graph.tools.failures import Errors


@dataclass(frozen=True)
class ForwardedTool:
    """A tool that passes everything on to another one; subclasses change what they are for."""

    tool: Tool

    @property
    def name(self) -> str:
        return self.tool.name

    @property
    def description(self) -> str:
        return self.tool.description

    @property
    def parameters(self) -> Mapping[str, Json]:
        return self.tool.parameters

    @property
    def effect(self) -> Effect:
        return self.tool.effect

    @property
    def errors(self) -> Errors:
        return errors(self.tool)

    @property
    def backend(self) -> object | None:
        return backend(self.tool)

    @property
    def original(self) -> str:
        return original_name(self.tool)

    @property
    def effect_note(self) -> str | None:
        return effect_note(self.tool)

    async def ensure_ready(self) -> Observation | None:
        return await ensure_ready(self.tool)

    async def call(self, arguments: Mapping[str, Json]) -> Observation:
        return await self.tool.call(arguments)


async def ensure_ready(tool: Tool | None) -> Observation | None:
    """Starts the server of a tool again if needed; gives the reason why the tool cannot be called, or None."""
    if not hasattr(tool, "ensure_ready"):  # `isinstance` with a protocol takes longer than many a tool
        return None
    return await cast(Restartable, tool).ensure_ready()


@dataclass(frozen=True)
class ReportingTool(ForwardedTool):
    """A tool whose source says how its answers report a failure."""

    stated: Errors = ()

    @property
    def errors(self) -> Errors:
        return self.stated


def with_errors(tools: Sequence[Tool], source: ToolSource) -> Sequence[Tool]:
    """The tools of a source, with what its setting `errors` says of their answers."""
    stated: Errors = getattr(source, "errors", ())
    return tools if stated == () else [ReportingTool(tool, stated) for tool in tools]


def errors(tool: Tool) -> Errors:
    """The failure patterns that a tool's source states for its answers."""
    stated: Errors = getattr(tool, "errors", ())
    return stated


def backend(tool: Tool) -> object | None:
    """The server that a tool's calls go to, the same object for all its tools, or None."""
    server: object | None = getattr(tool, "backend", None)
    return server


def effect_note(tool: Tool) -> str | None:
    """The reason, in one line, why a tool's effect differs from what its source states; None if it does not."""
    note: str | None = getattr(tool, "effect_note", None)
    return note


def original_name(tool: Tool) -> str:
    """The name by which the tool's source knows it; runs show another one where models would refuse it."""
    name: str = getattr(tool, "original", tool.name)
    return name
