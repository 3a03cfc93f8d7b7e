"""A trial that passed every gate: the material of examples."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Self

from pydantic import Field

from ste_graph.contracts import Json
from ste_graph.distil.answers import supported_answer
from ste_graph.records import Record, RecordContext, TrialStep


class Candidate(Record):
    """A trial that passed; `of` is its journal line, which gives the other fields and is not kept."""

    derived: ClassVar[frozenset[str]] = frozenset(
        {"query", "answer", "trial_id", "model", "fingerprint", "judge", "writer"}
    )

    of: dict[str, Json] = Field(default={}, exclude=True)
    steps: list[TrialStep]
    """The calls to learn: as a rule the last one."""
    stated_values: list[str]
    """The values of the last call that the request states, by path."""
    gates: list[str]
    votes: tuple[Json, ...] | None = None
    """The verdicts of the judge, or None if no judge was asked."""
    query: str
    answer: str | None
    """The answer, where a judge or else a rule vouches for it, see `ste_graph.distil.answers`."""
    trial_id: str
    model: str | None
    """The model that explored."""
    judge: str | None = None
    """The model that judged."""
    writer: str | None = None
    """The model that wrote the request, if that was not the explorer."""
    fingerprint: str | None = None

    @property
    def text(self) -> str:
        return self.query

    @classmethod
    def from_values(cls, values: Mapping[str, Json], context: RecordContext) -> Self:
        of = values["of"]
        answer = of["answer"] if values.get("votes") else supported_answer(of["answer"], of["query"], of["steps"])
        return cls.model_validate(
            {
                **values,
                "gates": [*values["gates"], *(["judge"] if values.get("votes") else [])],
                "writer": next(iter(context.models.get("of", ())), None),
                "query": of["query"],
                "answer": answer,
                "trial_id": of["id"],
                "model": of.get("model"),
                "judge": next(iter(context.models.get("votes", ())), None),
                "fingerprint": of.get("fingerprint"),
            }
        )
