"""What goes wrong at a step: where in the file it stands, where in the run it was, and what was the matter."""

from __future__ import annotations

from pydantic import ValidationError

from ste_graph.compile.flow import Vertex
from ste_graph.compile.stepper import StepKey
from ste_graph.errors import SteError
from ste_graph.language.blocks import RecordBlock


class NodeError(SteError):
    """A node raised, or gave something that is not its output: the unit fails, the others go on."""


def place(vertex: Vertex, key: StepKey, unit: str) -> str:
    """The lines of the vertex that are meant, the vertex, the unit and the loops that are entered.

    Where a vertex stands for several occurrences, the loops that are entered tell which one it was, as far as they can.
    """
    entered = tuple(loop for loop, count in key.counters if count is not None)
    pairs = list(zip(vertex.spans, vertex.occurrences, strict=True))
    spans = [span for span, around in pairs if around == entered] or list(vertex.spans)
    lines = "/".join(dict.fromkeys(str(span.line) for span in spans))
    counters = [f"{loop} {count}" for loop, count in key.counters if count is not None]
    what = vertex.block.key if isinstance(vertex.block, RecordBlock) else f"node {vertex.id}"
    return f"{spans[0].file}:{lines} {what}, {' '.join([unit, *counters])}"


def invalid(error: ValidationError) -> str:
    """The first thing that is wrong with a value, and the field it is in."""
    fault = error.errors(include_url=False)[0]
    where = ".".join(map(str, fault["loc"]))
    return f"`{where}`: {fault['msg']}" if where else fault["msg"]
