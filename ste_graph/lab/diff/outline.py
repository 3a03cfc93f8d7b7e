"""The outline of a graph: a line for each block, indented by the blocks around it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ste_graph.contracts import Json
from ste_graph.text import count_noun


def outline(workflow: Mapping[str, Json]) -> list[str]:
    """The outline of the graph in a resolved workflow; nodes that are off are left out."""
    nodes = workflow.get("nodes") or {}
    off = {name for name, value in nodes.items() if value == "off"}
    return list(_lines(workflow.get("graph") or [], workflow.get("params") or {}, off, ""))


def _lines(blocks: list[Json], params: Mapping[str, Json], off: set[str], indent: str) -> Iterator[str]:
    for block in blocks:
        if isinstance(block, str):
            if block not in off:
                yield f"{indent}{block}"
            continue
        yield f"{indent}{_title(block, params)}"
        yield from _lines(block.get("do") or [], params, off, f"{indent}  ")
        if block.get("else"):
            yield f"{indent}else"
            yield from _lines(block["else"], params, off, f"{indent}  ")


def _title(block: Mapping[str, Any], params: Mapping[str, Json]) -> str:
    most = f", at most {_number(block['at_most'], params)}" if "at_most" in block else ""
    width = _number(block.get("parallel", 1), params)
    beside = f", {width} side by side" if width != 1 else ""
    if "map" in block:
        return f"map {block['map']} over {block.get('over')}{most}{beside}"
    if "repeat" in block:
        if "times" in block:
            times = _number(block["times"], params)
            words = count_noun(times, "time") if isinstance(times, int) else f"{times} times"
            return f"repeat {block['repeat']}, {words}{beside}"
        test = "while" if "while" in block else "until"
        return f"repeat {block['repeat']}, {test} {block.get(test)}{most}"
    if "when" in block:
        return f"when {block['when']}"
    if "record" in block:
        given = block.get("as")
        fields = ", ".join(given) if isinstance(given, Mapping) else str(given)
        return f"record {block['record']}" + (f" ({fields})" if fields else "")
    if "run" in block:
        variant = f"@{block['variant']}" if "variant" in block else ""
        name = f" as {block['name']}" if "name" in block else ""
        return f"run {block['run']}{variant}{name}"
    return str(block)


def _number(value: Json, params: Mapping[str, Json]) -> Json:
    """A bound; of a parameter, its value."""
    if isinstance(value, str) and value.startswith("params."):
        return params.get(value.removeprefix("params."), value)
    return value
