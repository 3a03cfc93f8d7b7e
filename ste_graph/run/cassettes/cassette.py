"""The files of a cassette: a folder with the replies of models and the results of tools, to replay a run without them.

`models.jsonl` holds replies by model and request, and is what `use: recorded` reads; `tools.jsonl` holds results by
tool, arguments and place; `sources.jsonl` holds the tools themselves, and `servers.jsonl` what was known of the models'
servers. Lines are only added: of two for the same, the later one counts, as a call that was under way when a run
stopped is made again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ste_graph.contracts import Effect, Frozen, Json, Observation, Tool
from ste_graph.errors import SteError
from ste_graph.files.jsonl import LineFile
from ste_graph.json_values import digest
from ste_graph.tools.fingerprint import fingerprint


class NotRecordedError(SteError):
    """A replay asks for what the cassette does not hold: the unit fails, the others go on."""


class CassetteFiles:
    """The files of the cassette in a folder."""

    def __init__(self, folder: Path) -> None:
        self.models = LineFile(folder / "models.jsonl")
        self.tools = LineFile(folder / "tools.jsonl")
        self.sources = LineFile(folder / "sources.jsonl")
        self.servers = LineFile(folder / "servers.jsonl")

    def close(self) -> None:
        """Let go of the files."""
        for file in (self.models, self.tools, self.sources, self.servers):
            file.close()


@dataclass(frozen=True)
class RecordedTool:
    """A tool as the cassette knows it: its definition, and nothing to call."""

    name: str
    description: str
    parameters: Mapping[str, Json]
    effect: Effect
    effect_note: str | None = None

    async def call(self, arguments: Mapping[str, Json]) -> Observation:
        raise NotRecordedError(f"`{self.name}` is only known from a cassette and cannot be called")


class ToolResult(Frozen):
    """A line of `tools.jsonl`: one result of a tool, and the circumstances in which the tool gave it."""

    tool: str
    key: str
    arguments: dict[str, Json]
    place: str
    position: int
    observation: Observation


def call_key(tool: Tool, arguments: Mapping[str, Json]) -> str:
    """The key of a call: the same for the same arguments of a tool that is defined the same."""
    return digest([fingerprint(tool), dict(arguments)], length=16)
