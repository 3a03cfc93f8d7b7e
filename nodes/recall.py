"""Recall: exemplars for the request at hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from ste_graph.contracts import Json, Lent
from ste_graph.node import Node, Output, Reads


class Recall(Node):
    """Look up earlier requests like this one, and how they were served (STE, section 3.3: in-context learning).

    Only exemplars that passed all `gates` and whose tool is as it was; never one that names a tool outside `tools`
    (or `tool`), where these are given. Where the memory is off there are none.

    Differs: the paper shows the 8 nearest over all tools, even of tools that the prompt does not offer, the most
    similar first, and their calls alone; `paper: true` does so.
    """

    memory: Lent
    k: Annotated[int, Field(ge=0)] = 8
    per_tool: Annotated[int, Field(ge=1)] | None = None
    """At most so many of one tool."""
    contrast: bool = False
    """Let one of them be of the most similar other tool."""
    order: Literal["most_similar_last", "most_similar_first"] = "most_similar_last"
    tokens: Annotated[int, Field(ge=0)] | None = None
    """The budget for their text, counted as a third of its bytes."""
    gates: tuple[str, ...] = ("format", "execution")
    observations: bool = True
    paper: bool = False

    class See(Reads):
        """`tools` or `tool` are what is offered: names, or tools as plain data; with neither, any tool may be shown."""

        query: str
        tools: list[Json] | None = None
        tool: Json | None = None

    class Gives(Output):
        """`examples` is what a prompt shows; "" where there is nothing to show."""

        examples: str
        exemplars: list[dict[str, Json]]

    async def __call__(self, see: See) -> Gives:
        choice = self.model_dump(mode="json", exclude={"memory"})
        offered = see.tools if see.tools is not None else None if see.tool is None else [see.tool]
        names = None if offered is None else [_name(tool) for tool in offered]
        shown = await self.memory.lent(see.query, choice=choice, tools=names)
        return self.Gives(examples=shown.text, exemplars=shown.exemplars)


def _name(tool: Json) -> str:
    return str(tool["name"] if isinstance(tool, Mapping) else tool)
