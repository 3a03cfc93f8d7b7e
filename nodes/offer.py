"""Offer: which tools is a model given to choose from?"""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import Annotated, Any, Literal

from pydantic import Field

from ste_graph.contracts import Context, Json, SimilarityView
from ste_graph.node import Node, NodeInputs, NodeOutputs
from ste_graph.run.hashing import seed_of


class Offer(Node):
    """Give the tools that are offered with the requests of one tool, this one always among them.

    `all`: all of the test, in its order. `nearest`: the `k` whose descriptions are most like the tool's own, which
    stands at a place drawn by `seed` (STE, section 4: an oracle retriever), by the embedder of `memory`.
    `listed`: those that the test's `neighbours` name, in their order. A tool that the test does not describe is
    described by the workflow's `tools:`.

    Differs: the paper offers a model of the size of GPT-4 all tools and the others fifteen of them; here all models of
    a run are offered the same.
    """

    among: Literal["all", "nearest", "listed"] = "all"
    k: Annotated[int, Field(ge=1)] = 15
    memory: SimilarityView | None = None
    seed: int = 0

    class Inputs(NodeInputs):
        """A tool of a test, see `ste_graph.data.cases.Cases`."""

        tool: dict[str, Any]

    class Outputs(NodeOutputs):
        """The tools as plain data, and their names, in the order in which they are offered."""

        tools: list[dict[str, Any]]
        names: list[str]

    async def __call__(self, inputs: Inputs, ctx: Context) -> Outputs:
        own, pool = str(inputs.tool["name"]), {str(one["name"]): one for one in inputs.tool["pool"]}
        if any(one.get("parameters") is None for one in pool.values()):
            pool = {name: _described(one, ctx.tools) for name, one in pool.items()}
        match self.among:
            case "all":
                names = [*pool]
            case "nearest":
                names = self._with(own, await self._nearest(own, pool))
            case "listed":
                names = list(inputs.tool.get("neighbours") or ())
                if not names:
                    raise ValueError("`among: listed` needs `neighbours`, a file, in the data that names the cases")
                names = names if own in names else self._with(own, names)
        return self.Outputs(tools=[pool[name] for name in names], names=names)

    async def _nearest(self, own: str, pool: Mapping[str, Mapping[str, Json]]) -> list[str]:
        """The names of the k - 1 other tools most like this one, the most similar first, ties by name."""
        others = sorted(name for name in pool if name != own)
        alike = (
            await self.memory.similarities(_said(pool[own]), [_said(pool[name]) for name in others])
            if self.memory
            else []
        )
        if others and not alike:
            raise ValueError("`among: nearest` compares descriptions: name a memory in `memory`, one that is not off")
        order = sorted(zip(others, alike, strict=True), key=lambda one: -one[1])
        return [name for name, _ in order[: self.k - 1]]

    def _with(self, own: str, others: list[str]) -> list[str]:
        place = Random(seed_of(self.seed, own)).randint(0, len(others))
        return [*others[:place], own, *others[place:]]


def _said(tool: Mapping[str, Json]) -> str:
    """What a tool says of itself."""
    return f"{tool['name']}: {tool['description']}"


def _described(tool: Mapping[str, Json], known: Mapping[str, Mapping[str, Json]]) -> dict[str, Json]:
    name = str(tool["name"])
    if tool.get("parameters") is None and name not in known:
        raise ValueError(
            f"nobody describes the tool `{name}`: in the data that names the cases, let `tools` be a file of "
            "descriptions or a run that explored it; or name its source in the workflow's `tools:`"
        )
    return {**tool, **known[name]} if tool.get("parameters") is None else dict(tool)
