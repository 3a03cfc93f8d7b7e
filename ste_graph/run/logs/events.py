"""The events of a run: when it began, what failed and why, when it came to rest."""

from __future__ import annotations

from collections import Counter, deque
from pathlib import Path
from typing import NamedTuple, Protocol

from ste_graph.contracts import Json
from ste_graph.files.jsonl import LineFile
from ste_graph.ids import now
from ste_graph.redaction import Redactor
from ste_graph.tracebacks import full_traceback, user_place

STOPPED = "stopped"
"""The event after which nothing is under way any more: memories are written and closed."""


class ToolError(NamedTuple):
    """An exception of a user's own tool: its kind and place, its words, and its traceback."""

    where: str
    why: str
    traceback: str | None


class UnitEvents(Protocol):
    """The part of the run's events that a unit reports."""

    def add_tool_error(self, unit: str, tool: str, error: BaseException) -> None:
        """Count an exception of a user's own tool."""


class Events:
    """The file of a run's events, without secrets."""

    def __init__(self, path: Path, redactor: Redactor) -> None:
        self._file = LineFile(path)
        self._redactor = redactor
        self._tool_errors: dict[str, Counter[str]] = {}

    def redact(self, text: str) -> str:
        """A text without secrets; to be cut only afterwards, since half a secret would not be recognised."""
        return self._redactor.redact(text)

    def add(self, event: str, **facts: Json) -> None:
        """Write an event. Raises `RunError`."""
        self._file.append({"event": event, "at": now(), **self._redactor.redact_data(facts)})

    def add_failure(self, event: str, error: BaseException, **facts: Json) -> None:
        """Write an event that an error caused, with its whole traceback unless it began with an error of ours."""
        traceback = full_traceback(error)
        self.add(event, **facts, **({} if traceback is None else {"traceback": traceback}))

    def add_tool_error(self, unit: str, tool: str, error: BaseException) -> None:
        """Count an exception of a user's own tool, and write it, with its traceback, the first time at its place."""
        if (described := describe_tool_error(error)) is not None:
            self.count_tool_error(unit, tool, described)

    def count_tool_error(self, unit: str, tool: str, error: ToolError) -> None:
        """The same for one that was met in another process."""
        errors = self._tool_errors.setdefault(tool, Counter())
        if error.where not in errors:
            traceback = {} if error.traceback is None else {"traceback": error.traceback}
            self.add("tool_error", unit=unit, tool=tool, why=self.redact(error.why), **traceback)
        errors[error.where] += 1

    @property
    def tool_errors(self) -> list[str]:
        """One line for each of the user's tools that raised: how often, and most often where."""
        lines = []
        for tool, errors in self._tool_errors.items():
            count, (where, _) = errors.total(), errors.most_common(1)[0]
            times = "once" if count == 1 else f"{count} times"
            often = "" if len(errors) == 1 else "most often "
            lines.append(f"`{tool}` raised {times} (traceback in {self._file.path.name}), {often}{where}")
        return lines

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()


def describe_tool_error(error: BaseException) -> ToolError | None:
    """An exception of a user's own tool; None for one that came through no code of the user's."""
    place = user_place(error)
    if place is None:
        return None
    kind = type(error).__name__
    return ToolError(f"{kind} ({place})", f"{kind}: {error} ({place})", full_traceback(error))


def has_stopped(path: Path) -> bool:
    """True if the last event of a run says that it came to rest."""
    last = deque(LineFile(path).lines(), maxlen=1)
    return bool(last) and last[0].get("event") == STOPPED
