"""A node: a small frozen object that reads some values and produces others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict

from ste_graph.contracts import Context


class NodeInputs(BaseModel):
    """The values a node reads, by field name; the engine binds each field to the node, or loop item, that produces it.

    A field that may be missing at the node's place must accept None.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")


class NodeOutputs(BaseModel):
    """The values a node produces: plain JSON, one graph channel per field."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Node(BaseModel):
    """One kind of node. Fields are its YAML settings, already resolved: a `Model`, not a model's name.

    In YAML a field of type `Model` holds a model's name, `Prompt` a file's path, `RecordView` a memory's name. The
    fields `use`, `transcript`, `memories`, `inputs` and `lives` belong to the engine and may not be used by a node.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    own_inputs: ClassVar[frozenset[str]] = frozenset()
    """Inputs that are this node's own outputs of the time before, unless `inputs:` names another source."""
    tool_calls: ClassVar[int] = 0
    """At most so many tool calls per run of the node. Model calls: one per field of type `Model`."""

    class Inputs(NodeInputs):
        """Nothing, unless the node says otherwise."""

    class Outputs(NodeOutputs):
        """Nothing, unless the node says otherwise."""

    @classmethod
    def output_type(cls, settings: Mapping[str, Any]) -> type[NodeOutputs]:
        """The type of the node's outputs under these YAML settings; for most nodes `Outputs`, whatever they are."""
        return cls.Outputs

    @classmethod
    def find_missing_package(cls, settings: Mapping[str, Any]) -> str | None:
        """The sentence that says what has to be installed for these settings; None if nothing is missing.

        It is asked before anything is started or spent.
        """
        return None

    async def __call__(self, inputs: Any, ctx: Context) -> NodeOutputs:
        """Run the node once: read `inputs`, ask and call through `ctx`, return the outputs and change nothing else."""
        raise NotImplementedError(f"{type(self).__name__} does not say what it does")
