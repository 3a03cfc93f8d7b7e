"""Trials and reworded requests that did not become examples, with the reason."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Self

from pydantic import Field

from ste_graph.contracts import Json
from ste_graph.records import Record, RecordContext


class Rejected(Record):
    """A trial, or a reworded request, that a gate rejected; `of` is that, which is not kept."""

    derived: ClassVar[frozenset[str]] = frozenset({"query", "trial_id", "paraphrase_of"})

    of: dict[str, Json] = Field(default={}, exclude=True)
    gate: str | None
    reason: str | None
    query: str
    trial_id: str | None
    paraphrase_of: str | None = None
    """The request that it was to say in other words; None for the request of a trial."""

    @property
    def text(self) -> str:
        return self.query

    @classmethod
    def from_values(cls, values: Mapping[str, Json], context: RecordContext) -> Self:
        of = values["of"]
        return cls.model_validate(
            {
                **values,
                "query": of.get("query") or "",
                "trial_id": of.get("trial_id") or of.get("id"),
                "paraphrase_of": of.get("paraphrase_of"),
            }
        )
