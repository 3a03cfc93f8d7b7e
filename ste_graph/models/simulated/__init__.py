"""The embedded default model: no weights, no key, no network; it proves plumbing and cause, never model quality."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from ste_graph.models.adapter import Adapter
from ste_graph.models.label import SIMULATED

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

__all__ = ["SimulatedModel"]


class SimulatedModel(Adapter):
    """A policy that knows only what stands in its messages; its only randomness is a hash of them and the seed."""

    simulated: ClassVar[bool] = True

    mistakes: float = Field(
        0.3,
        ge=0,
        le=1,
        description="How often a call goes wrong at first: a wrong type, a missing argument, bad JSON, a date in words,"
        " an unknown name. Lessons, exemplars and errors seen earlier in the talk prevent them.",
    )

    @property
    def label(self) -> str:
        return SIMULATED

    def chat(self) -> BaseChatModel:
        from ste_graph.models.simulated.chat import SimulatedChat

        return SimulatedChat(mistakes=self.mistakes)
