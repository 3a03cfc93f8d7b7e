"""The errors of a step: where in the file it is, where in the run it was, and what was the matter."""

from __future__ import annotations

from pydantic import ValidationError

from ste_graph.compile.flow import Vertex
from ste_graph.compile.stepper import StepKey
from ste_graph.errors import SteError
from ste_graph.language.blocks import RecordBlock


class NodeError(SteError):
    """A node raised, or returned something that is not its outputs: the unit fails, the others go on."""


def describe_step_place(vertex: Vertex, key: StepKey, unit: str) -> str:
    """The lines of the vertex that are meant, the vertex, the unit and the loops that are entered.

    Where a vertex has several occurrences, the loops that are entered tell which one it was, as far as they can.
    """
    entered = tuple(loop for loop, count in key.counters if count is not None)
    pairs = list(zip(vertex.spans, vertex.occurrences, strict=True))
    spans = [span for span, around in pairs if around == entered] or list(vertex.spans)
    lines = "/".join(dict.fromkeys(str(span.line) for span in spans))
    counters = [f"{loop} {count}" for loop, count in key.counters if count is not None]
    what = f"record {vertex.block.key}" if isinstance(vertex.block, RecordBlock) else f"node {vertex.id}"
    return f"{spans[0].file}:{lines} {what}, {' '.join([unit, *counters])}"


def error_text(error: BaseException) -> str:
    """An exception of somebody else's code as text: its type and message; of an invalid value only its first fault."""
    if isinstance(error, ValidationError):
        return f"{type(error).__name__}: {first_fault(error)}"
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def first_fault(error: ValidationError) -> str:
    """The first fault of a value, and the field that it is in."""
    fault = error.errors(include_url=False)[0]
    where = ".".join(map(str, fault["loc"]))
    return f"`{where}`: {fault['msg']}" if where else fault["msg"]
