"""The values of the names in an expression while a unit runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

from ste_graph.compile.channels import items_channel, output_channel
from ste_graph.compile.flow import Flow
from ste_graph.contracts import Json
from ste_graph.language.blocks import Map

Lookup: TypeAlias = Callable[[str], Json]


def state_lookup(flow: Flow, state: Mapping[str, Json]) -> Lookup:
    """The lookup of dotted names in a state.

    A value that is missing is None: an output not produced yet, a node that is off, a loop not entered, a key that an
    open object lacks, and anything below one of these. Raises `LookupError` for a name that the workflow does not have.
    """

    def value(name: str) -> Json:
        first, *rest = name.split(".")
        if first == "params":
            return _below(flow.workflow.params, rest, name)
        if first == "data":
            return _below(flow.workflow.items, rest, name)
        if first in flow.heads:
            return _below(loop_value(flow, first, state), rest, name)
        if first == flow.workflow.unit:
            return _below(state[first], rest, name)
        if first in flow.workflow.nodes and rest and output_channel(first, rest[0]) in flow.channels:
            return _below(state[output_channel(first, rest[0])], rest[1:], name)
        if first in flow.workflow.off:
            return None
        raise LookupError(f"nothing is named `{name}`")

    return value


def loop_value(flow: Flow, loop: str, state: Mapping[str, Json]) -> Json:
    """The value of a loop's name: the counter of a `repeat`, the item of a `map`; None if it is not entered."""
    count = state[loop]
    if isinstance(flow.heads[loop].block, Map):
        return None if count is None else state[items_channel(loop)][count]
    return count


def pass_id(flow: Flow, loop: str, state: Mapping[str, Json]) -> Json:
    """The pass of a loop, as a record names it: its number from 0; in a `map` the item's `id` or `name` if it has one.

    An item that is neither an object nor a list is its own id. None if the loop is not entered.
    """
    value = loop_value(flow, loop, state)
    if isinstance(value, Mapping):
        own = value.get("id") or value.get("name")
        return own if isinstance(own, str | int) else state[loop]
    return state[loop] if isinstance(value, list) else value


def _below(value: Json, keys: list[str], name: str) -> Json:
    for key in keys:
        if value is None:
            return None
        if not isinstance(value, Mapping):
            raise LookupError(f"`{name}` asks a {type(value).__name__} for `{key}`")
        value = value.get(key)
    return value
