"""The tools that a pack is kept for, when an exploration goes on from it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from ste_graph.contracts import Frozen, Json, Tool
from ste_graph.errors import WorkflowError
from ste_graph.settings import RelativePath

if TYPE_CHECKING:
    from ste_graph.packs.since import ToolStanding


class KeptTools(Frozen):
    """One item per tool about which a pack knows enough, with `name` and `fingerprint`; nothing without `since`.

    A tool with another fingerprint has changed since, and is explored again; see `ste_graph.packs.since`.
    """

    since: RelativePath | None = None
    """An adopted pack."""
    least: Annotated[int, Field(ge=0)] = 3
    """Held-out requests about a tool, so that it is kept."""

    def items(self) -> list[Json]:
        """The tools, in the pack's order. Raises `WorkflowError` if the pack is not whole or was not adopted."""
        from ste_graph.packs.pack import open_adopted_pack  # a fifth of the time of `ste check`
        from ste_graph.packs.since import find_weak

        if self.since is None:
            return []
        pack = open_adopted_pack(Path(self.since))
        weak = find_weak(pack, self.least)
        return [
            {"name": name, "fingerprint": tool.fingerprint}
            for name, tool in pack.definitions.items()
            if name not in weak
        ]

    def review(self, tools: Sequence[Tool]) -> list[ToolStanding]:
        """The standing of the tools relative to the pack. Raises `WorkflowError` also if they have none in common."""
        from ste_graph.packs.pack import open_adopted_pack
        from ste_graph.packs.since import review_tools

        if self.since is None:
            return []
        pack = open_adopted_pack(Path(self.since))
        if tools and not pack.definitions.keys() & {tool.name for tool in tools}:
            there, known = (
                ", ".join(f"`{name}`" for name in names) for names in ([t.name for t in tools], pack.definitions)
            )
            raise WorkflowError(
                f"{self.since}: this pack is about other tools: {known}; there are: {there}. To explore all of them, "
                "leave --since out"
            )
        return review_tools(pack, tools, self.least)
