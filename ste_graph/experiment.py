"""An experiment: a workflow file or one variant of it, loaded and checked, ready to be planned, drawn and run."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ste_graph.diagnostics import Diagnostic
from ste_graph.errors import WorkflowError
from ste_graph.files.regular import is_regular
from ste_graph.language.loading import Change, LoadedWorkflow, WorkflowFile, changes_from_values
from ste_graph.language.source.files import bundled_workflows
from ste_graph.language.workflow import Workflow
from ste_graph.suggest import did_you_mean

if TYPE_CHECKING:
    from langgraph.graph.state import CompiledStateGraph

    from ste_graph.language.source.tree import MappingNode
    from ste_graph.models.meter import Meter
    from ste_graph.plan import Plan
    from ste_graph.run.context import Watcher
    from ste_graph.run.executor import Executor
    from ste_graph.run.forks.fork import Fork
    from ste_graph.run.summary import Summary


@dataclass(frozen=True)
class Experiment:
    """A workflow file, or one variant of it. Made by `load`."""

    workflow: Workflow
    tree: MappingNode = field(repr=False, compare=False)
    """The tree that the workflow was made of, each value with its place in a file, a variant or a `--set`."""
    variants: tuple[str, ...]
    remarks: tuple[Diagnostic, ...]
    """Warnings and notes: nothing that keeps it from running."""

    @classmethod
    def load(
        cls,
        path: str | os.PathLike[str],
        *,
        variant: str | None = None,
        set: Mapping[str, Any] | Sequence[Change] = (),
        plugins: bool = True,
    ) -> Experiment:
        """Load and check a workflow file. All its variants are checked, whichever is wanted.

        Args:
            path: The YAML file, or the bare name of a bundled workflow (`quickstart`) if no such file exists.
            variant: The variant to load; None for the file as it is.
            set: Single values to change, by path: `{"params.turns": 2}`.
            plugins: True to import the workflow's plugins, which runs their code.

        Raises:
            WorkflowError: with every problem, each at its place (`diagnostics` holds them as data).
        """
        changes = changes_from_values(set) if isinstance(set, Mapping) else list(set)
        return cls._of(WorkflowFile.load(_find_file(path), variant=variant, changes=changes, plugins=plugins))

    @classmethod
    def load_arms(
        cls,
        path: str | os.PathLike[str],
        arms: Sequence[Sequence[str]] | None = None,
        *,
        set: Mapping[str, Any] | Sequence[Change] = (),
        plugins: bool = True,
    ) -> list[Experiment]:
        """Load and check the arms of an experiment: a workflow file under none, one or several of its variants.

        Args:
            path: The YAML file, or the bare name of a bundled workflow.
            arms: The variants of each arm, none for the file as it is; None: the file as it is, then each variant.
            set: Single values to change in all arms. They come before the variants, which have the last word.
            plugins: True to import the workflow's plugins, which runs their code.

        Raises:
            WorkflowError: with every problem of every arm, each at its place.
        """
        changes = changes_from_values(set) if isinstance(set, Mapping) else list(set)
        found = WorkflowFile.load_arms(_find_file(path), arms, changes, plugins=plugins)
        return list(map(cls._of, found))

    @classmethod
    def _of(cls, loaded: LoadedWorkflow) -> Experiment:
        return cls(loaded.workflow, loaded.tree, loaded.variants, loaded.remarks)

    @property
    def graph(self) -> CompiledStateGraph[Any, Any, Any, Any]:
        """The compiled LangGraph graph of one unit."""
        from ste_graph.compile.graph import CompiledGraph

        return CompiledGraph(self.workflow).graph

    def plan(self, *, tools: bool = True) -> Plan:
        """Return the most that a run can cost. Opens only tool sources that start nothing, and none without `tools`."""
        from ste_graph.plan import make_plan

        return make_plan(self.workflow, tools=tools)

    def draw(self, *, deep: bool = False) -> str:
        """The graph as Mermaid; with `deep` those of its sub-workflows too."""
        from ste_graph.compile.mermaid import Flowchart

        return Flowchart.draw(self.workflow, deep=deep)

    def to_module(self, out: str | os.PathLike[str]) -> str:
        """The text of a Python module `out` that builds the same graph without this file.

        Raises `WorkflowError` for what cannot be written as such code.
        """
        from ste_graph.coded.writing.module import write_module

        return write_module(self.workflow, self.tree, Path(out))

    @property
    def default_out(self) -> Path:
        """The folder of its run if none is given: `runs/NAME` or `runs/NAME.VARIANT`."""
        variant = f".{self.workflow.variant}" if self.workflow.variant else ""
        return Path("runs") / f"{self.workflow.name}{variant}"

    async def arun(
        self,
        out: str | os.PathLike[str] | None = None,
        *,
        concurrency: int | None = None,
        watcher: Watcher | None = None,
        stop: asyncio.Event | None = None,
        dry_run: bool = False,
        accept_changes: bool = False,
        whole: Meter | None = None,
        fork: Fork | None = None,
        executor: str | None = None,
    ) -> Summary:
        """Run it in the folder `out`, or take up the run that is there.

        With `accept_changes` a run goes on under code, prompts and tools that have changed since it began. What it uses
        counts in `whole` too, whose budget several runs share. With `fork` it goes on from a point of another run. The
        units run in this process, or with the `executor` `ray` or `ray://ADDRESS` on a Ray cluster.

        Raises:
            WorkflowError: the folder, the tools or the policy make the run impossible.
            RunError: the run could not go on.
        """
        from ste_graph.run.execution import execute
        from ste_graph.run.observers import open_observers

        message = watcher.message if watcher is not None else lambda text: None
        folder = Path(out) if out is not None else self.default_out
        async with _open_executor(executor) as opened, open_observers(folder, message) as remarks:
            summary = await execute(
                self.workflow,
                folder,
                concurrency=concurrency,
                watcher=watcher,
                stop=stop,
                dry_run=dry_run,
                accept_changes=accept_changes,
                whole=whole,
                fork=fork,
                executor=opened,
            )
        summary.remarks += remarks
        return summary

    def run(
        self,
        out: str | os.PathLike[str] | None = None,
        *,
        concurrency: int | None = None,
        watcher: Watcher | None = None,
        dry_run: bool = False,
        accept_changes: bool = False,
        whole: Meter | None = None,
        fork: Fork | None = None,
        executor: str | None = None,
    ) -> Summary:
        """`arun` for callers without an event loop; Ctrl-C (or SIGTERM) ends the run cleanly, twice at once.

        Raises `RuntimeError` inside an event loop, as in a notebook: write `await` and `arun` there.
        """
        if _has_running_loop():
            raise RuntimeError("`run` was called inside an event loop: write `await workflow.arun(…)` instead")

        async def until_interrupted() -> Summary:
            stop = asyncio.Event()
            loop = asyncio.get_running_loop()
            handled: list[signal.Signals] = []
            received: list[signal.Signals] = []

            def end(number: signal.Signals) -> None:
                if stop.is_set():  # the second signal came before the first was seen to
                    raise KeyboardInterrupt
                stop.set()
                received.append(number)
                if watcher is not None:
                    watcher.message("stopping; press again to end it at once")
                for other in handled:
                    loop.remove_signal_handler(other)

            for number in (signal.SIGINT, signal.SIGTERM):
                try:
                    loop.add_signal_handler(number, end, number)
                    handled.append(number)
                except (ValueError, RuntimeError, NotImplementedError):
                    break  # not the main thread, or a platform without signal handlers: nothing to take over
            try:
                summary = await self.arun(
                    out,
                    concurrency=concurrency,
                    watcher=watcher,
                    stop=stop,
                    dry_run=dry_run,
                    accept_changes=accept_changes,
                    whole=whole,
                    fork=fork,
                    executor=executor,
                )
                if summary.stopped_by == "interrupt" and signal.SIGTERM in received:
                    summary.reason = "stopped by a signal (SIGTERM)"
                return summary
            finally:
                for number in handled:
                    loop.remove_signal_handler(number)

        return asyncio.run(until_interrupted())


def _open_executor(name: str | None) -> AbstractAsyncContextManager[Executor | None]:
    """The executor of this name. Raises `WorkflowError` for an unknown name."""
    if name in (None, "asyncio"):
        return nullcontext()
    from ste_graph.cluster.executor import ClusterExecutor
    from ste_graph.cluster.ray_cluster import RayCluster, read_address

    return ClusterExecutor(RayCluster(read_address(str(name))))


def _has_running_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _find_file(path: str | os.PathLike[str]) -> Path:
    """The file that a person names. Raises `WorkflowError` if it does not exist."""
    file = Path(path)
    if not is_regular(file) and file.name == str(path) and not file.suffix:
        file = bundled_workflows().get(file.name, file)
        if not os.path.exists(file):
            hint = did_you_mean(file.name, bundled_workflows())
            raise WorkflowError(f"{file}: file not found; {hint}bundled workflows: {', '.join(bundled_workflows())}")
    if os.path.isdir(file):
        raise WorkflowError(f"{file}: is a folder, not a workflow file")
    return file


load = Experiment.load
"""`Experiment.load`, as `ste_graph.load`."""
