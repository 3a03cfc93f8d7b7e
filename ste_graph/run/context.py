"""The context of a run: what its sub-workflows share with it, and who watches it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from ste_graph.language.workflow import Workflow
from ste_graph.models.adaptation import Adaptations
from ste_graph.models.limiter import Limiters
from ste_graph.models.meter import Meter
from ste_graph.run.step_log import LoggedStep, StepLog
from ste_graph.run.summary import Summary


class Watcher:
    """The callbacks of a run, for a progress display or a test. This one does nothing."""

    def message(self, text: str) -> None:
        """Something that may take a while begins, or a person should know of something."""

    def run_start(self, workflow: Workflow, logs: Mapping[str, StepLog], meter: Meter) -> None:
        """The units begin. `logs` holds what each has finished before, which `meter` counts too."""

    def step(self, unit: str, step: LoggedStep, *, replayed: bool) -> None:
        """A step is finished, or was finished before and is replayed."""

    def node_progress(self, unit: str, text: str) -> None:
        """A node of the unit reports its progress; its step is not finished."""

    def question(self) -> AbstractContextManager[None]:
        """Return a context around a question to the person at the terminal: a display must hold still in it."""
        return nullcontext()

    def unit_end(self, unit: str, log: StepLog) -> None:
        """A unit is done, has failed or was stopped."""

    def sub_workflow(self, name: str) -> Watcher:
        """Return the watcher of a sub-workflow that begins, or goes on, inside this run."""
        return Watcher()

    def sub_workflow_end(self, name: str, summary: Summary) -> None:
        """A sub-workflow has come to its end, or was stopped."""


@dataclass(frozen=True, slots=True)
class RunContext:
    """The circumstances of one run."""

    folder: Path
    """Its own folder, as an absolute path."""
    meter: Meter
    adaptations: Adaptations
    """What was learnt about the model servers, by the run and all its sub-workflows."""
    limiters: Limiters
    """The bounds of model requests in flight, over the run and all its sub-workflows; the ceiling bounds units."""
    watcher: Watcher
    stop: asyncio.Event
    dry_run: bool
    accept_changes: bool
    """True if the run goes on under changed code, prompts and tools."""
    outermost: bool
    """True unless it is the run of a sub-workflow."""
