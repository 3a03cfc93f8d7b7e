"""Recall: exemplars for the request at hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from ste_graph.contracts import Context, ExemplarView, Json, SelectedExemplars
from ste_graph.node import Node, NodeInputs, NodeOutputs


class Recall(Node):
    """Look up earlier requests like this one, and how they were served (STE, section 3.3: in-context learning).

    Only exemplars that passed all `gates` and whose tool is as it was; never one that names a tool outside `tools`
    (or `tool`), where these are given. Where the memory is off there are none.

    Differs: the paper shows the 8 nearest over all tools, even of tools that the prompt does not offer, the most
    similar first, and their calls alone; `paper: true` does so.
    """

    memory: ExemplarView
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
    twins: bool = True
    """Whether one that asks the very same request may be shown. A test must say `false`."""
    placebo: bool = False
    """Draw as many exemplars, of about the same length, that can teach nothing about the request: each the request of
    one with the calls of another, both of tools that the exemplars shown are not of, as far as there are others."""
    seed: int = 0
    """Makes the placebo another one."""
    paper: bool = False

    class Inputs(NodeInputs):
        """`tools` or `tool` are what is offered: names, or tools as plain data; with neither, any tool may be shown."""

        query: str
        tools: list[Json] | None = None
        tool: Json | None = None

    class Outputs(NodeOutputs):
        """`examples` is what a prompt shows; "" where there is nothing to show. `origin` says whose exemplars they are.

        `placebo` is the same of the placebo, if there is to be one.
        """

        examples: str
        exemplars: list[dict[str, Json]]
        ids: list[str]
        placebo: str
        placebo_ids: list[str]
        origin: dict[str, Any] | None

    async def __call__(self, inputs: Inputs, ctx: Context) -> Outputs:
        choice = self.model_dump(mode="json", exclude={"memory", "placebo", "seed"})
        choice |= {"placebo": self.seed} if self.placebo else {}
        offered = inputs.tools if inputs.tools is not None else None if inputs.tool is None else [inputs.tool]
        names = None if offered is None else [_name(tool) for tool in offered]
        shown = await self.memory.select_exemplars(inputs.query, choice=choice, tools=names)
        others = shown.placebo or SelectedExemplars()
        return self.Outputs(
            examples=shown.text,
            exemplars=shown.exemplars,
            ids=_ids(shown),
            placebo=others.text,
            placebo_ids=_ids(others),
            origin=shown.origin.model_dump() if shown.origin else None,
        )


def _ids(shown: SelectedExemplars) -> list[str]:
    return [str(one["id"]) for one in shown.exemplars]


def _name(tool: Json) -> str:
    return str(tool["name"] if isinstance(tool, Mapping) else tool)
