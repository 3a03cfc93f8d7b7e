"""From one finished step to the next vertex: what changes in the state, and where control goes."""

from __future__ import annotations

from collections.abc import Mapping

from ste_graph.compile.flow import Flow, Vertex
from ste_graph.compile.joins import Joins
from ste_graph.compile.transfer import Transfer, transfer
from ste_graph.contracts import Json
from ste_graph.language.blocks import NodeBlock


def advance(
    flow: Flow,
    joins: Joins,
    vertex: Vertex,
    state: Mapping[str, Json],
    given: Mapping[str, Json],
    *,
    in_waves: bool = False,
) -> tuple[dict[str, Json], Transfer]:
    """The change that the step `given` of a vertex makes, and the transfer behind it. Raises `ControlError`."""
    update = dict(given)
    if isinstance(vertex.block, NodeBlock):
        update |= joins.gather(vertex.block.node, state, given)
    return update, transfer(flow, vertex.then, {**state, **update}, in_waves=in_waves)
