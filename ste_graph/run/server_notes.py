"""A run's notes about its model servers: in its events, in its lock, and for the person who watches."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ste_graph.contracts import Json
from ste_graph.files.jsonl import LineFile
from ste_graph.models.chat.adaptation import Adaptations
from ste_graph.models.limiter import LimitChange
from ste_graph.models.notes import ServerNotes
from ste_graph.run.folder import EVENTS_FILE, SUB_RUNS, RunFolder
from ste_graph.run.logs.events import Events

LONGEST_WHY = 300


class RunNotes(ServerNotes):
    """Writes the notes of a run into its events, and says each remark."""

    def __init__(self, adaptations: Adaptations, events: Events, message: Callable[[str], None]) -> None:
        super().__init__(adaptations)
        self._events = events
        self._message = message

    def remark(self, kind: str, text: str, **facts: Json) -> None:
        self._message(self._events.redact(text))
        self._events.add("server", kind=kind, text=text, **facts)

    def count_retry(self, model: str, reason: str, why: str) -> None:
        self._events.add("retry", model=model, reason=reason, why=self._events.redact(why)[:LONGEST_WHY])

    def change_limit(self, server: str, change: LimitChange) -> None:
        self._events.add(
            "concurrency",
            server=server,
            before=change.before,
            after=change.after,
            overload=change.overload,
            why=self._events.redact(change.reason)[:LONGEST_WHY],
        )


def keep_adaptations(folder: RunFolder, adaptations: Adaptations) -> None:
    """Take over what the lock of a run knows of its servers, and let the lock know whatever is learnt from now on."""
    adaptations.read((folder.read_lock() or {}).get("adaptations"))

    def write() -> None:
        folder.write_lock({**(folder.read_lock() or {}), "adaptations": adaptations.to_json()})

    adaptations.on_change = write


@dataclass(slots=True)
class ServerCounts:
    """The counts of what happened between a run, its sub-workflows included, and its model servers."""

    retries: Counter[str] = field(default_factory=Counter)
    """The number of requests that were made again, by the kind of reason."""
    adaptations: list[str] = field(default_factory=list)
    """The deviations of what is sent from what was asked for, once for each server and model."""
    remarks: list[str] = field(default_factory=list)
    """Further things that a person should know of a server."""


def count_notes(run: Path) -> ServerCounts:
    """The notes in the events of a run and of its sub-workflows."""
    counts = ServerCounts()
    limits: list[tuple[str, str, int]] = []
    overloads: dict[str, str] = {}
    for line in _events(run):
        match line:
            case {"event": "retry", "reason": str(reason)}:
                counts.retries[reason] += 1
            case {"event": "server", "kind": "adapted", "what": str(what)}:
                counts.adaptations.append(what)
            case {"event": "server", "kind": "prompt_cut" | "estimated" | "fallback", "text": str(text)}:
                counts.remarks.append(text)
            case {"event": "concurrency", "server": str(server), "at": str(at), "after": int(after)}:
                limits.append((at, server, after))
                if line["overload"]:
                    overloads[server] = line["why"]
    final = {server: limit for _, server, limit in sorted(limits, key=lambda change: change[0])}
    counts.remarks += [
        f"{server} was asked for too much at once ({why}): at the end, {final[server]} at a time"
        for server, why in overloads.items()
    ]
    counts.adaptations = list(dict.fromkeys(counts.adaptations))
    counts.remarks = list(dict.fromkeys(counts.remarks))
    return counts


def _events(run: Path) -> Iterator[dict[str, Json]]:
    for path in (run / EVENTS_FILE, *sorted((run / SUB_RUNS).rglob(EVENTS_FILE))):
        yield from (line for _, line in LineFile(path).numbered_lines() if line is not None)
