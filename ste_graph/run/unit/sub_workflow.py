"""A sub-workflow, run inside another run: in a folder of its own within that run's."""

from __future__ import annotations

import asyncio
from collections import deque
from contextvars import Context
from pathlib import Path
from typing import Protocol

from ste_graph.compile.stepper import StepKey
from ste_graph.contracts import Json
from ste_graph.diagnostics import display_path
from ste_graph.errors import BudgetSpentError, SteError
from ste_graph.files.jsonl import LineFile
from ste_graph.language.workflow import Lookup, SubWorkflowSpec, Workflow
from ste_graph.run.context import RunContext
from ste_graph.run.folder import SUB_RUNS, RunFolder
from ste_graph.run.logs.usage_counts import UsageCounts
from ste_graph.run.summary import Summary
from ste_graph.run.unit.pending import PendingCalls


class SubWorkflowError(SteError):
    """A sub-workflow whose units did not all come to their end: the unit that ran it fails, and may be run again."""


class ExecuteSubWorkflow(Protocol):
    """Runs a workflow inside the run of another one, see `ste_graph.run.execution`."""

    async def __call__(self, workflow: Workflow, folder: Path, parent: RunContext, name: str) -> Summary:
        """Run the workflow, or take up its run, with the meter, the bounds and the watcher of `parent`."""


def sub_run_folder(run: Path, unit: str | None, spec: SubWorkflowSpec, key: StepKey) -> Path:
    """The folder of a sub-workflow's run: always the same, so that it is taken up together with its caller."""
    loops = [f"{loop}-{count}" for loop, count in key.counters if count is not None]
    return run / SUB_RUNS / (unit or "") / ".".join([spec.name, *loops])


async def run_sub_workflow(
    spec: SubWorkflowSpec,
    lookup: Lookup,
    folder: Path,
    context: RunContext,
    pending: PendingCalls,
    execute: ExecuteSubWorkflow,
) -> tuple[dict[str, Json], UsageCounts]:
    """Run a sub-workflow, or go on with it; return its outputs, and what it has used.

    Raises:
        WorkflowError: its inputs make it wrong, or it cannot be run in that folder.
        SubWorkflowError: one of its units failed.
        BudgetSpentError: its budget, or that of the whole run, is spent.
        RunError: it could not go on.
    """
    running = execute(spec.begin(lookup), folder, context, spec.name)
    # Where the user stops the run, the sub-workflow sees that itself, and comes to rest in its own way.
    # A context of its own: LangGraph would take its graphs for parts of the caller's.
    summary, cancelled = await pending.wait_for(
        running, has_started=context.stop.is_set, on_wait=lambda: None, context=Context()
    )
    context.watcher.sub_workflow_end(spec.name, summary)
    if cancelled is not None:
        raise cancelled
    if summary.stopped_by == "interrupt":
        await asyncio.Event().wait()  # the caller is stopped as well, which ends this
    if summary.spent is not None:
        raise BudgetSpentError(str(summary.spent), meter=summary.spent.meter)
    if summary.stopped and not (spec.partial and summary.done):
        first = next(iter(summary.stopped.values()))
        raise BudgetSpentError(str(first["why"]))
    if summary.failed and not (spec.partial and summary.done):
        raise SubWorkflowError(_failure_text(spec, summary))
    outputs: dict[str, Json] = {"run": str(folder), "records": dict(sorted(summary.records.items()))}
    if spec.result_type is not None:
        last = deque(LineFile(RunFolder(folder).journal).lines(), maxlen=1)
        outputs["result"] = {name: last[0][name] for name in spec.result_type.model_fields if name in last[0]}
    return outputs, summary.used.of_part(spec.name)


def _failure_text(spec: SubWorkflowSpec, summary: Summary) -> str:
    (first, why), *others = summary.failed.items()
    more = f"; and {', '.join(unit for unit, _ in others)}" if others else ""
    return (
        f"{len(summary.failed)} of {summary.units} units of `{spec.name}` failed: {first}: {why}{more} "
        f"(ste show {display_path(summary.run)}). Run again to take them up; to go on without them: "
        f"--set graph.{spec.name}.partial=true"
    )
