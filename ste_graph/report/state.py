"""The state of a run, in words."""

from __future__ import annotations

from ste_graph.files.lock import lock_owner
from ste_graph.finished import FinishedRun
from ste_graph.run.summary import Summary
from ste_graph.text import count_noun


def describe_state(run: FinishedRun, summary: Summary) -> tuple[str, bool]:
    """The state of a run, and whether a process is at work in it."""
    running = lock_owner(run.folder.writer) is not None
    failed = f", {len(summary.failed)} failed" if summary.failed else ""
    done = f"{summary.done} of {count_noun(summary.units, 'unit')} done{failed}"
    word = "running" if running else "complete" if summary.complete else "not complete"
    return f"{word}: {done}", running
