"""A model and those that are asked in its place (`or:`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Literal, TypeAlias

from ste_graph.contracts import Model, ModelRequest, Reply
from ste_graph.errors import BudgetSpentError, ModelError, ModelGoneError, SteError
from ste_graph.models.chat.problem import WrongModelError
from ste_graph.models.gateway import AwayError
from ste_graph.models.meter import Meter
from ste_graph.models.notes import ServerNotes

Reason: TypeAlias = Literal["budget", "gone", "refused"]
PATIENCE_S: Final = 20.0
"""Seconds for which a server that does not answer at all is waited for, where another model can be asked instead."""


class FallbackModel:
    """A `Model` that asks the first of several models that replies; `names` are in their order, by name.

    One that is gone, or whose own budget is spent, is not asked again in this process; after a refusal of one request,
    the next request goes to it first. Raises what the last model raised.
    """

    def __init__(
        self,
        names: Sequence[str],
        models: Mapping[str, Model],
        own: Mapping[str, Meter],
        notes: ServerNotes,
        gone: Mapping[str, str] = {},
    ) -> None:
        """`own` are the meters of the models with a budget; `gone` says why some cannot be asked from the start."""
        self._names = names
        self._models = models
        self._own = own
        self._notes = notes
        self._out: set[str] = set()
        self._told: set[tuple[str, Reason]] = set()
        for name in names[:-1]:
            if name in gone:
                self._leave(name, "gone", gone[name])

    @property
    def label(self) -> str:
        return self._models[self._names[0]].label

    async def reply(self, request: ModelRequest) -> Reply:
        first, last = self._names[0], self._names[-1]
        for name in self._names:
            if name in self._out:
                continue
            try:
                reply = await self._models[name].reply(request)
            except (BudgetSpentError, ModelError, ModelGoneError) as error:
                if name == last or (isinstance(error, BudgetSpentError) and error.meter is not self._own.get(name)):
                    raise
                self._leave(name, _reason(error), str(error))
            else:
                return reply if name == first else reply.model_copy(update={"by": name})
        raise AssertionError("the last model is never left out")

    def _leave(self, name: str, reason: Reason, why: str) -> None:
        """Go on with the next model, for this request or for all, and tell it once."""
        if reason != "refused":
            self._out.add(name)
        if (name, reason) not in self._told:
            self._told.add((name, reason))
            other = self._names[self._names.index(name) + 1]
            how = "from now on" if reason != "refused" else "for requests that it refuses"
            text = f"`{other}` is asked in place of `{name}` {how}: {why}"
            self._notes.remark("fallback", text, model=name, by=other, reason=reason)


def _reason(error: SteError) -> Reason:
    if isinstance(error, BudgetSpentError):
        return "budget"
    return "gone" if isinstance(error, ModelGoneError | WrongModelError | AwayError) else "refused"
