"""One finished step of a unit, as its log has it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from pydantic import ValidationError

from ste_graph.contracts import Entry, Json, Message, Scope
from ste_graph.errors import WorkflowError
from ste_graph.records import Record
from ste_graph.run.errors import first_fault
from ste_graph.run.logs.usage_counts import UsageCounts

EffectfulCall: TypeAlias = tuple[str, dict[str, Json], str]
"""A call that may have changed a tool's state: tool, arguments, and how it ended."""


@dataclass(slots=True, kw_only=True)
class LoggedStep:
    """One finished step: its outputs, messages and record, the tools that it called and how each call ended."""

    key: str
    started: str
    ended: str
    outputs: dict[str, Json] = field(default_factory=dict)
    messages: list[Message] = field(default_factory=list)
    """The messages that the step added to its transcript."""
    record: dict[str, Json] | None = None
    scopes: dict[str, Scope] = field(default_factory=dict)
    """The scope of the record in each memory that remembers it."""
    text: str | None = field(default=None, compare=False)
    summary: str | None = field(default=None, compare=False)
    """The text of the record in memories and in transcripts, if this process made it; neither is logged."""
    calls: list[tuple[str, str]] = field(default_factory=list)
    effects: list[EffectfulCall] = field(default_factory=list)
    """Of the calls, those to be made again after a reset; kept only where the workflow has one."""
    sub_workflow: bool = False
    """True if the step ran a sub-workflow."""
    used: UsageCounts = field(default_factory=UsageCounts)
    asked: list[dict[str, Json]] = field(default_factory=list, compare=False)
    """The replies and tool calls of the step, each with its seconds `after` the step began, see `StepContext`."""

    def memory_entries(self, types: Mapping[str, type[Record]]) -> list[tuple[str, Entry]]:
        """The entries that the step adds to memories, each with the memory's name."""
        if self.record is None or not self.scopes:
            return []
        text = self.text if self.text is not None else _read_record(self.record, types).text
        return [
            (memory, Entry(id=self.record["id"], scope=scope, text=text, record=self.record))
            for memory, scope in self.scopes.items()
        ]

    def record_summary(self, types: Mapping[str, type[Record]]) -> str:
        """The text that a transcript keeps of the record, where it has no room for more."""
        assert self.record is not None, "only the step of a `record` block makes one"
        return self.summary if self.summary is not None else _read_record(self.record, types).summary

    def to_json(self) -> dict[str, Json]:
        """The line of the log."""
        line: dict[str, Json] = {"key": self.key, "started": self.started, "ended": self.ended}
        for name in ("outputs", "messages", "record", "scopes", "calls", "effects", "sub_workflow"):
            if value := getattr(self, name):
                line[name] = value
        if used := self.used.to_json():
            line["used"] = used
        if self.asked:
            line["asked"] = self.asked
        return line

    @classmethod
    def from_json(cls, line: dict[str, Json]) -> LoggedStep:
        """The step in a line of the log. Raises `KeyError`, `TypeError` or `ValueError` for a damaged one."""
        return cls(
            key=line["key"],
            started=line["started"],
            ended=line["ended"],
            outputs=line.get("outputs", {}),
            messages=line.get("messages", []),
            record=line.get("record"),
            scopes={memory: tuple(scope) for memory, scope in line.get("scopes", {}).items()},
            calls=[(tool, kind) for tool, kind in line.get("calls", [])],
            effects=[(tool, arguments, kind) for tool, arguments, kind in line.get("effects", [])],
            sub_workflow=line.get("sub_workflow", False),
            used=UsageCounts(**line.get("used", {})),
            asked=line.get("asked", []),
        )


def _read_record(line: Mapping[str, Json], types: Mapping[str, type[Record]]) -> Record:
    """The record in a line of the log. Raises `WorkflowError` where the type does not accept what it once produced."""
    try:
        return types[line["record"]].from_line(line)
    except ValidationError as error:
        raise WorkflowError(
            f"record {line['id']} of this run cannot be read as a `{line['record']}`: {first_fault(error)}; "
            "a type of record must accept what `model_dump(mode='json')` makes of it"
        ) from error
