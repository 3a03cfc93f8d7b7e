"""A trial that passed every gate: what examples are made of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Self

from pydantic import Field

from ste_graph.contracts import Json
from ste_graph.records import Circumstances, Record, Step


class Candidate(Record):
    """`of` is the trial's line in the journal of its run, which is not kept; the rest is taken from there."""

    derived: ClassVar[frozenset[str]] = frozenset(
        {"query", "answer", "trial_id", "model", "fingerprint", "judge", "writer"}
    )

    of: dict[str, Json] = Field(default={}, exclude=True)
    steps: list[Step]
    """The calls to learn: as a rule the last one."""
    spoken: list[str]
    """The values of the last call that the request says, by path."""
    gates: list[str]
    votes: tuple[Json, ...] = ()
    query: str
    answer: str | None
    trial_id: str
    model: str | None
    """Which model explored."""
    judge: str | None = None
    """Which model judged."""
    writer: str | None = None
    """Which model wrote the request, where it is not the explorer's own."""
    fingerprint: str | None = None

    @property
    def text(self) -> str:
        return self.query

    @classmethod
    def made(cls, given: Mapping[str, Json], circumstances: Circumstances) -> Self:
        of = given["of"]
        return cls.model_validate(
            {
                **given,
                "gates": [*given["gates"], *(["judge"] if given.get("votes") else [])],
                "writer": next(iter(circumstances.models.get("of", ())), None),
                "query": of["query"],
                "answer": of["answer"],
                "trial_id": of["id"],
                "model": of.get("model"),
                "judge": next(iter(circumstances.models.get("votes", ())), None),
                "fingerprint": of.get("fingerprint"),
            }
        )
