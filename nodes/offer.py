"""Offer: the tools that a model may choose from."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import Annotated, Any, Literal

from pydantic import Field

from ste_graph.contracts import Context, Json, SimilarityView
from ste_graph.ids import derive_seed
from ste_graph.node import Node, NodeInputs, NodeOutputs


class Offer(Node):
    """Select the tools to offer with the requests of one tool; this tool is always among them.

    `all`: every tool of the test, in its order. `nearest`: the `k` whose descriptions are most similar to the tool's
    own, by the embedder of `memory`; the tool itself is put at a position drawn by `seed` (STE, section 4: an oracle
    retriever).
    `listed`: those that the test's `neighbours` name, in their order. The workflow's `tools:` describe a tool that the
    test does not describe.

    Differs: the paper offers all tools to models of the size of GPT-4 and fifteen to the others; here all models of a
    run are offered the same.
    """

    among: Literal["all", "nearest", "listed"] = "all"
    """The tools that are offered along with this one."""
    k: Annotated[int, Field(ge=1)] = 15
    """The number of tools that `nearest` offers, this one among them."""
    memory: SimilarityView | None = None
    seed: int = 0
    """Decides at which position the tool itself is put."""

    class Inputs(NodeInputs):
        """A tool of a test, see `ste_graph.inputs.cases.Cases`."""

        tool: dict[str, Any]

    class Outputs(NodeOutputs):
        """The tools as plain data, and their names, in the order in which they are offered."""

        tools: list[dict[str, Any]]
        names: list[str]

    async def __call__(self, inputs: Inputs, ctx: Context) -> Outputs:
        own, pool = str(inputs.tool["name"]), {str(tool["name"]): tool for tool in inputs.tool["pool"]}
        if any(tool.get("parameters") is None for tool in pool.values()):
            pool = {name: _describe(tool, ctx.tools) for name, tool in pool.items()}
        match self.among:
            case "all":
                names = [*pool]
            case "nearest":
                names = self._insert(own, await self._nearest(own, pool))
            case "listed":
                names = list(inputs.tool.get("neighbours") or ())
                if not names:
                    raise ValueError("`among: listed` needs `neighbours`, a file, in the data that names the cases")
                names = names if own in names else self._insert(own, names)
        return self.Outputs(tools=[pool[name] for name in names], names=names)

    async def _nearest(self, own: str, pool: Mapping[str, Mapping[str, Json]]) -> list[str]:
        """The names of the k - 1 other tools most similar to this one, best first, ties by name."""
        others = sorted(name for name in pool if name != own)
        texts = [_search_text(pool[name]) for name in others]
        similarities = await self.memory.similarities(_search_text(pool[own]), texts) if self.memory else []
        if others and not similarities:
            raise ValueError("`among: nearest` compares descriptions: name a memory in `memory`, one that is not off")
        order = sorted(zip(others, similarities, strict=True), key=lambda pair: -pair[1])
        return [name for name, _ in order[: self.k - 1]]

    def _insert(self, own: str, others: list[str]) -> list[str]:
        """The other tools with `own` at a random position."""
        position = Random(derive_seed(self.seed, own)).randint(0, len(others))
        return [*others[:position], own, *others[position:]]


def _search_text(tool: Mapping[str, Json]) -> str:
    """The text by which tools are compared."""
    return f"{tool['name']}: {tool['description']}"


def _describe(tool: Mapping[str, Json], known: Mapping[str, Mapping[str, Json]]) -> dict[str, Json]:
    """The tool with its definition from `known` where the test has none. Raises `ValueError` if neither has one."""
    name = str(tool["name"])
    if tool.get("parameters") is None and name not in known:
        raise ValueError(
            f"the tool `{name}` has no description: in the data that names the cases, set `tools` to a file of "
            "descriptions or to a run that explored it, or add its source to the workflow's `tools:`"
        )
    return {**tool, **known[name]} if tool.get("parameters") is None else dict(tool)
