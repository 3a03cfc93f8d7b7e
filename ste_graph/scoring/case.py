"""A request with the call that answers it, and what a model made of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ste_graph.contracts import Json


@dataclass(frozen=True, slots=True)
class Case:
    """One request and its gold call."""

    tool: str
    query: str
    arguments: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Predicted:
    """A case and a model's reply to it.

    `output` is None where there is none; `problem` then says why. `verdict` is what a judge once said of the
    arguments, where that is kept beside the reply.
    """

    case: Case
    output: str | None
    problem: str | None = None
    verdict: bool | None = None
