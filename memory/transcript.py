"""Short-term memory: the talk so far."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict

from ste_graph.contracts import Message


class Transcript(BaseModel):
    """Every message of its lifetime, in order (STE, section 3: the short-term memory of an episode).

    The messages themselves live in the graph's state; this says only how they grow.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    holds: ClassVar[Literal["messages"]] = "messages"

    def extended(self, messages: Sequence[Message], new: Sequence[Message]) -> list[Message]:
        return [*messages, *new]
