"""The common parts of the records of texts that a model has written about a tool."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Self

from ste_graph.contracts import Json, is_simulated
from ste_graph.records import Record, RecordContext


class WrittenRecord(Record):
    """A text about the tool that is the item of the map, with what it was written from and by which model."""

    derived: ClassVar[frozenset[str]] = frozenset({"tool", "fingerprint", "source_id", "model", "simulated"})

    @classmethod
    def from_values(cls, values: Mapping[str, Json], context: RecordContext) -> Self:
        labels = [label for own in context.models.values() for label in own]
        own = {
            "tool": context.item["name"],
            "fingerprint": context.item.get("fingerprint"),
            "source_id": context.item.get("run_id"),
            "model": labels[0] if labels else None,
            "simulated": any(map(is_simulated, labels)),
        }
        return cls.model_validate({**{name: value for name, value in values.items() if value is not None}, **own})
