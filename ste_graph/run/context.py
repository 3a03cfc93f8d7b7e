"""The context of a run: what its sub-workflows share with it, and who watches it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from ste_graph.compile.flow import Flow
from ste_graph.compile.stepper import StepKey, Stepper
from ste_graph.contracts import Context, Json
from ste_graph.language.workflow import NodeSpec, Workflow
from ste_graph.models.chat.adaptation import Adaptations
from ste_graph.models.limiters import Limiters
from ste_graph.models.meter import Meter
from ste_graph.models.servers.servers import Servers
from ste_graph.run.control import RunControl
from ste_graph.run.logs.logged_step import LoggedStep
from ste_graph.run.logs.step_log import StepLog
from ste_graph.run.summary import Summary

if TYPE_CHECKING:
    from ste_graph.run.executor import Executor
    from ste_graph.run.unit.step_context import StepContext


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

    def view(self, unit: str, node: str, memory: str, view: Any) -> Any:
        """Return the view of a memory that a node of the unit gets: this one, or one that looks on."""
        return view

    def context(self, unit: str, spec: NodeSpec, key: StepKey, context: StepContext) -> Context:
        """Return the context with which a node is run: this one, or one that looks on."""
        return context

    def unit_end(self, unit: str, log: StepLog) -> None:
        """A unit is done, has failed or was stopped."""

    def sub_workflow(self, name: str) -> Watcher:
        """Return the watcher of a sub-workflow that begins, or goes on, inside this run."""
        return Watcher()

    def sub_workflow_end(self, name: str, summary: Summary) -> None:
        """A sub-workflow has come to its end, or was stopped."""


class UnitGraph(Protocol):
    """The graph of one unit, as a run needs it."""

    @property
    def flow(self) -> Flow:
        """The flow of the graph."""

    async def run(self, item: Json, stepper: Stepper, *, channels: Sequence[str] | None = None) -> Mapping[str, Json]:
        """Run one unit to its end and return its last state, or only `channels` of it."""


CompileUnit: TypeAlias = Callable[[Workflow], UnitGraph]
"""Makes the graph of one unit of a workflow."""


@dataclass(frozen=True, slots=True)
class RunContext:
    """The circumstances of one run."""

    folder: Path
    """Its own folder, as an absolute path."""
    meter: Meter
    adaptations: Adaptations
    """The facts learnt about the model servers, by the run and all its sub-workflows."""
    limiters: Limiters
    """The bounds of model requests in flight, over the run and all its sub-workflows; the ceiling bounds units."""
    watcher: Watcher
    stop: asyncio.Event
    dry_run: bool
    accept_changes: bool
    """True if the run goes on under changed code, prompts and tools."""
    outermost: bool
    """True unless it is the run of a sub-workflow."""
    control: RunControl | None = None
    """The requests that another terminal may make of the run and all its sub-workflows; None: no requests."""
    compile_unit: CompileUnit | None = None
    """The maker of the graph of a unit; None: LangGraph's."""
    servers: Servers | None = None
    """The servers that the run has started, for all its parts; None before there are any."""
    executor: Executor | None = None
    """The executor of units, those of sub-workflows too; None: all run in this process."""
