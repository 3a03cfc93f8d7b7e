"""`use: simulated`: the policy as a model of a workflow."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from ste_graph.contracts import SIMULATED, ModelRequest
from ste_graph.models.adapter import Adapter, RawReply


class SimulatedModel(Adapter):
    """A policy that knows only its messages; its only randomness is a hash of them and the seed."""

    sampling: ClassVar[bool] = False
    mistakes: float = Field(
        0.3,
        ge=0,
        le=1,
        description="How often a call goes wrong at first: a wrong type, a missing argument, bad JSON, a date in words,"
        " an unknown name. Lessons, exemplars and errors seen earlier in the transcript prevent them.",
    )

    @property
    def label(self) -> str:
        return SIMULATED

    def open_client(self) -> SimulatedClient:
        return SimulatedClient(self.mistakes)


class SimulatedClient:
    """Replies as `respond` does, up to the first stop sequence, as a server would."""

    def __init__(self, mistakes: float) -> None:
        self._mistakes = mistakes

    async def ask(self, request: ModelRequest) -> RawReply:
        from ste_graph.simulated.conversation import offered_tools, read_dialogue, write_native_reply
        from ste_graph.simulated.policy import respond

        offered = offered_tools(request.tools)
        turns = read_dialogue(request.messages)
        text = respond(turns, seed=request.seed, mistakes=self._mistakes, schema=request.schema, offered=offered)
        for mark in request.stop:
            text = text.split(mark, 1)[0]
        return write_native_reply(text, request.seed) if offered else RawReply(text)

    async def close(self) -> None:
        """Do nothing: the policy holds nothing open."""
