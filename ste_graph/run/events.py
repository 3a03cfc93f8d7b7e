"""The events of a run: when it began, what failed and why, when it came to rest."""

from __future__ import annotations

from collections import Counter, deque
from pathlib import Path

from ste_graph.contracts import Json
from ste_graph.files.jsonl import LineFile
from ste_graph.ids import now
from ste_graph.redaction import Redactor
from ste_graph.tracebacks import full_traceback, user_place

STOPPED = "stopped"
"""The event after which nothing is under way any more: memories are written and closed."""


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
        place = user_place(error)
        if place is None:
            return
        why = self.redact(f"{type(error).__name__}: {error} ({place})")
        errors = self._tool_errors.setdefault(tool, Counter())
        where = f"{type(error).__name__} ({place})"
        if where not in errors:
            self.add_failure("tool_error", error, unit=unit, tool=tool, why=why)
        errors[where] += 1

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


def has_stopped(path: Path) -> bool:
    """True if the last event of a run says that it came to rest."""
    last = deque(LineFile(path).lines(), maxlen=1)
    return bool(last) and last[0].get("event") == STOPPED
