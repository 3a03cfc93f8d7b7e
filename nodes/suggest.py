"""Suggest: values at random for the parameters of a tool, so that its calls differ and find something."""

from __future__ import annotations

import json
from collections.abc import Mapping
from random import Random
from typing import Any

from ste_graph.contracts import Context, Json
from ste_graph.node import Node, NodeInputs, NodeOutputs
from ste_graph.plausible_strings import is_date
from ste_graph.plausible_values import json_type, plausible_value, resolve


class Suggest(Node):
    """Draw values for the numbers, days and choices among a tool's parameters, for the prompt of `devise`.

    Every required parameter of these kinds is given a value, an optional one half of the time, and always while it or
    one of its choices is `unused`; unused choices come first. Where values are `known` to exist, one of them is drawn:
    an id at random would find nothing. Other texts are left to the model: it knows what they should say. A model that
    is left alone takes the examples of the schema again and again.
    """

    class Inputs(NodeInputs):
        """The tool that is explored.

        `unused` is what no call has had yet, see `coverage`; `known` are values that exist, by parameter, see `values`.
        Both are empty where those nodes are off.
        """

        tool: dict[str, Any]
        unused: list[str] | None = None
        known: dict[str, list[Any]] | None = None

    class Outputs(NodeOutputs):
        """`values`: a value by parameter, empty where nothing can be drawn."""

        values: dict[str, Any]

    async def __call__(self, inputs: Inputs, ctx: Context) -> Outputs:
        random, root = Random(ctx.seed), inputs.tool["parameters"]
        unused, known = inputs.unused or [], inputs.known or {}
        values = {}
        for name, schema in (root.get("properties") or {}).items():
            choices = _unused_choices(name, unused)
            wanted = name in unused or choices or name in (root.get("required") or ())
            if wanted or random.random() < _OPTIONAL:
                drawn = random.choice(known[name]) if known.get(name) else _draw(schema, root, random, choices)
                if drawn is not None:
                    values[name] = drawn
        return self.Outputs(values=values)


def _draw(schema: Json, root: Mapping[str, Json], random: Random, unused: list[Json]) -> Json:
    """A value for a parameter; None where it is a text, or holds further values."""
    resolved = {key: value for key, value in resolve(schema, dict(root)).items() if key not in _WORN_OUT}
    if not (resolved.get("enum") or json_type(resolved) in ("integer", "number", "boolean") or is_date(resolved)):
        return None
    return random.choice(unused) if unused else plausible_value(resolved, random, dict(root))


def _unused_choices(name: str, unused: list[str]) -> list[Json]:
    """The values of a parameter that no call has had, which `coverage` lists as `name=JSON`."""
    return [json.loads(entry.removeprefix(f"{name}=")) for entry in unused if entry.startswith(f"{name}=")]


_OPTIONAL = 0.5
_WORN_OUT = ("examples", "example", "default")
"""The keywords of a schema whose values a model takes anyway."""
