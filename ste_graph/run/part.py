"""A sub-workflow, run as a part of another run: in a folder of its own inside that run's."""

from __future__ import annotations

import asyncio
from collections import deque
from contextvars import Context
from pathlib import Path

from ste_graph.compile.stepper import StepKey
from ste_graph.contracts import Json
from ste_graph.errors import BudgetSpentError, SteError
from ste_graph.files.jsonl import LineFile
from ste_graph.language.workflow import Lookup, SubWorkflowSpec
from ste_graph.run.folder import PARTS, RunFolder
from ste_graph.run.guard import UnderWay
from ste_graph.run.step_log import Used
from ste_graph.run.summary import Summary
from ste_graph.run.within import Within


class SubWorkflowError(SteError):
    """A sub-workflow whose units did not all come to their end: the unit that ran it fails, and may be run again."""


def part_folder(run: Path, unit: str | None, sub: SubWorkflowSpec, key: StepKey) -> Path:
    """Where a sub-workflow runs: always in the same place, so that it is taken up together with its caller."""
    loops = [f"{loop}-{count}" for loop, count in key.counters if count is not None]
    return run / PARTS / (unit or "") / ".".join([sub.name, *loops])


async def part(
    sub: SubWorkflowSpec, lookup: Lookup, folder: Path, within: Within, under_way: UnderWay
) -> tuple[dict[str, Json], Used]:
    """Run a sub-workflow, or go on with it; gives what it gives, and what it used.

    Raises:
        WorkflowError: what it is given makes it wrong, or it cannot be run in that folder.
        SubWorkflowError: one of its units failed.
        BudgetSpentError: its budget, or that of the whole run, is spent.
        RunError: it could not go on.
    """
    from ste_graph.run.execution import execute

    workflow = sub.begin(lookup)
    watcher = within.watcher.part(sub.name)
    running = execute(
        workflow,
        folder,
        concurrency=within.concurrency,
        watcher=watcher,
        stop=within.stop,
        dry_run=within.dry_run,
        above=within,
    )
    # Where the user stops the run, the sub-workflow sees that itself, and comes to rest in its own way.
    # A context of its own: LangGraph would take its graphs for parts of the caller's.
    summary, cancelled = await under_way.to_its_end(
        running, begun=within.stop.is_set, waiting=lambda: None, context=Context()
    )
    within.watcher.part_ended(sub.name, summary)
    if cancelled is not None:
        raise cancelled
    if summary.stopped_by == "interrupt":
        await asyncio.Event().wait()  # the caller is stopped as well, which ends this
    if summary.stopped_by == "budget":
        raise BudgetSpentError(summary.reason or "")
    if summary.failed and not (sub.partial and summary.done):
        raise SubWorkflowError(_failure(sub, summary))
    gives: dict[str, Json] = {"run": str(folder), "records": dict(sorted(summary.records.items()))}
    if sub.result_type is not None:
        last = deque(LineFile(RunFolder(folder).journal).lines(), maxlen=1)
        gives["result"] = {name: last[0][name] for name in sub.result_type.model_fields if name in last[0]}
    return gives, summary.used


def _failure(sub: SubWorkflowSpec, summary: Summary) -> str:
    (first, why), *others = summary.failed.items()
    more = f"; and {', '.join(unit for unit, _ in others)}" if others else ""
    return (
        f"{len(summary.failed)} of {summary.units} units of `{sub.name}` failed: {first}: {why}{more} "
        f"(ste show {summary.run}). Run again to take them up; to go on without them: "
        f"--set graph.{sub.name}.partial=true"
    )
