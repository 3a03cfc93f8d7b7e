"""Names of tools: what a model server accepts as a function's name, and no two alike."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import cast

from ste_graph.contracts import Effect, Json, Observation, Readied, Tool

LONGEST = 64
"""OpenAI-compatible servers accept `[a-zA-Z0-9_-]{1,64}`."""


@dataclass(frozen=True)
class Renamed:
    """A tool under another name."""

    name: str
    tool: Tool

    @property
    def description(self) -> str:
        return self.tool.description

    @property
    def parameters(self) -> Mapping[str, Json]:
        return self.tool.parameters

    @property
    def effect(self) -> Effect:
        return self.tool.effect

    async def ready(self) -> Observation | None:
        return await ready(self.tool)

    async def call(self, arguments: Mapping[str, Json]) -> Observation:
        return await self.tool.call(arguments)


async def ready(tool: Tool | None) -> Observation | None:
    """Why the tool cannot be called now, if so, after what may have to be started before a call was."""
    if not hasattr(tool, "ready"):  # `isinstance` with a protocol takes longer than many a tool
        return None
    return await cast(Readied, tool).ready()


def legal(name: str) -> str:
    """The name with `_` for every character that a model server would refuse, at most 64 long."""
    return re.sub(r"[^a-zA-Z0-9_-]", "_", name)[:LONGEST] or "tool"


def matching(name: str, include: Iterable[str] | None, exclude: Iterable[str]) -> bool:
    """Whether one of the patterns takes the name in, and none leaves it out; None takes in every name."""
    taken = include is None or any(fnmatchcase(name, pattern) for pattern in include)
    return taken and not any(fnmatchcase(name, pattern) for pattern in exclude)


def unambiguous(tools: Sequence[Tool]) -> list[Tool]:
    """The tools in their order, no two of one name: the first keeps it, the next are `name_2`, `name_3` and so on.

    The order is that of the workflow's `tools:`, so the names are the same in every run of it.
    """
    taken = {tool.name for tool in tools}
    seen: set[str] = set()
    result: list[Tool] = []
    for tool in tools:
        name, number = tool.name, 1
        while name in seen or (number > 1 and name in taken):
            number += 1
            name = f"{tool.name[: LONGEST - len(str(number)) - 1]}_{number}"
        seen.add(name)
        result.append(tool if name == tool.name else Renamed(name, tool))
    return result
