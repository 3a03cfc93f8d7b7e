"""The entries that a run's memories hold, as the step logs have them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from ste_graph.contracts import Entry, LoggedEntries
from ste_graph.language.workflow import VALUES, Workflow
from ste_graph.run.logs.step_log import StepLog


def logged_entries(workflow: Workflow, logs: Mapping[str, StepLog]) -> dict[str, LoggedEntries]:
    """The entries of each memory of records; not those of passes whose wave has not ended."""
    found = {}
    ended = {unit: log for unit, log in logs.items() if log.done}
    current: dict[str, list[Entry]] = {}
    for unit, log in logs.items():
        if unit not in ended:
            for memory, entry in _entries_of(workflow, log):
                current.setdefault(memory, []).append(entry)
    for name, spec in workflow.memories.items():
        if spec.of in (None, VALUES):
            continue

        def read(units: Collection[str], name: str = name) -> Iterator[Entry]:
            logged = (_entries_of(workflow, StepLog(ended[unit].path)) for unit in ended if unit in units)
            return (entry for own in logged for memory, entry in own if memory == name)

        counts = {unit: log.records[spec.of] for unit, log in ended.items()}
        found[name] = LoggedEntries(current.get(name, []), counts, read)
    return found


def _entries_of(workflow: Workflow, log: StepLog) -> Iterator[tuple[str, Entry]]:
    for step in log.record_steps:
        if step.key not in log.in_open_waves:
            yield from step.memory_entries(workflow.records)
