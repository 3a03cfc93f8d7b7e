"""Writing a run as logs that `inspect view` opens: one file for each part that has trials or replies."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, Literal

from inspect_ai.log import (
    EvalConfig,
    EvalDataset,
    EvalLog,
    EvalResults,
    EvalRevision,
    EvalSample,
    EvalSpec,
    EvalStats,
    write_eval_log,
)

try:
    from inspect_ai.log._recorders.eval import EvalRecorder
except ImportError:  # it is private, and may be elsewhere in another version
    EvalRecorder = None  # type: ignore[assignment,misc]

from ste_graph.contracts import Json, is_simulated
from ste_graph.errors import WorkflowError
from ste_graph.exports.inspect_log.events import sum_usage
from ste_graph.exports.inspect_log.samples import make_samples
from ste_graph.exports.inspect_log.scores import summarise_scores
from ste_graph.exports.parts import ExportPart, choose_part, read_run
from ste_graph.files.lock import lock_owner
from ste_graph.finished import FinishedRun
from ste_graph.garbage import without_collector
from ste_graph.ids import derive_id
from ste_graph.report.content import SIMULATED_NOTE, describe_records

_BATCH: Final = 100
"""The samples that are written at a time."""
_DECISION = ("decision", "reason", "baseline", "adopted")
Status = Literal["started", "success", "cancelled", "error"]


@without_collector()
def write_logs(run: FinishedRun, out: Path, part: str | None = None) -> list[tuple[Path, int]]:
    """Write the logs of a run, or of one part, into the folder `out`, or into the file `out` that ends with `.eval`.

    Returns the files, each with the number of its samples. Raises `WorkflowError` if the run has no trial and no reply,
    where several parts have some and `out` is one file, and where nothing can be written.
    """
    whole = read_run(run)
    chosen = choose_part(whole.parts, part)
    found = [
        (each, records) for each in chosen if (records := each.records(whole.fates, whole.verdicts)) or each.failures()
    ]
    if not found:
        held = describe_records(each.lines for each in chosen)
        raise WorkflowError(f"{run.path}: has no trials and no replies to export; it has {held}")
    is_file = out.suffix == ".eval"
    if is_file and len(found) > 1:
        names = ", ".join(each.name for each, _ in found)
        raise WorkflowError(f"{out}: is one file, and several parts have trials or replies: {names}; say which: --part")
    written = []
    for each, records in found:
        file = out if is_file else out / f"{each.name}.eval"
        log = make_log(each, make_samples(each, records), whole.decision)
        written.append((file, len(log.samples or ())))
        _write(log, file)
    return written


def make_log(part: ExportPart, samples: Sequence[EvalSample], decision: Mapping[str, Json] | None = None) -> EvalLog:
    """The log of a part of a run; `decision` is the evaluation of the run's test, if it has one."""
    workflow, lock, summary = part.workflow, part.lock, part.summary
    named = part.run.labels
    labels = dict.fromkeys(named.values())
    running = lock_owner(part.run.folder.writer) is not None
    status: Status = (
        "success" if summary.complete else "started" if running else "error" if summary.failed else "cancelled"
    )
    identity, git = part.run.id, lock.get("git") or {}
    usage = sum_usage(pair for sample in samples for pair in sample.model_usage.items())
    simulated = any(map(is_simulated, [*labels, *(sample.output.model for sample in samples)]))
    return EvalLog(
        status=status,
        eval=EvalSpec(
            eval_id=derive_id(identity, "eval"),
            run_id=identity,
            task_id=derive_id(identity, "task"),
            created=str(lock["created"]),
            task=str(workflow["name"]),
            task_display_name=", ".join(filter(None, [str(workflow["name"]), workflow.get("variant")])),
            task_args=dict(workflow.get("params") or {}),
            dataset=EvalDataset(
                name=str(workflow["name"]), samples=len(samples), sample_ids=list(dict.fromkeys(s.id for s in samples))
            ),
            model=", ".join(labels) or "none",
            config=EvalConfig(epochs=max((sample.epoch for sample in samples), default=1)),
            revision=EvalRevision(type="git", origin="", commit=str(git["commit"]), dirty=git.get("dirty"))
            if git.get("commit")
            else None,
            packages={name: str(version) for name, version in lock.get("packages", {}).items()},
            metadata={
                "exported from": "a run of ste-graph",
                "part": part.name,
                "variant": workflow.get("variant"),
                "seed": workflow.get("seed"),
                "models": named,
                "dry_run": lock.get("dry_run", False),
                "about": workflow.get("about"),
                **({"simulated": SIMULATED_NOTE} if simulated else {}),
                **({name: decision.get(name) for name in _DECISION} if decision else {}),
            },
        ),
        results=EvalResults(
            total_samples=len(samples),
            completed_samples=sum(sample.error is None for sample in samples),
            scores=summarise_scores(samples),
        ),
        stats=EvalStats(
            started_at=str(lock["created"]),
            completed_at=max((str(sample.completed_at) for sample in samples if sample.completed_at), default=""),
            model_usage=usage,
        ),
        samples=list(samples),
    )


def _write(log: EvalLog, file: Path) -> None:
    """Write the log, whole or not at all."""
    temporary = file.with_name(f".{file.name}.{os.getpid()}.eval")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        if EvalRecorder is None:
            write_eval_log(log, str(temporary), format="eval")
        else:
            asyncio.run(_record(log, EvalRecorder(str(file.parent)), str(temporary)))
        temporary.replace(file)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise WorkflowError(f"{file}: cannot be written ({error.strerror or error})") from error


async def _record(log: EvalLog, recorder: Any, location: str) -> None:
    """Write the log as `write_eval_log` does, in batches: that looks, for each sample, through all that came before.

    Texts stay where they are. Moving them into attachments takes longer than all the rest, and a compressed log is not
    smaller for it.
    """
    await recorder.log_init(log.eval, location, clean=True)
    await recorder.log_start(log.eval, log.plan)
    for number, sample in enumerate(log.samples or (), start=1):
        await recorder.log_sample(log.eval, sample)
        if number % _BATCH == 0:
            await recorder.flush(log.eval)
    await recorder.log_finish(log.eval, log.status, log.stats, log.results, log.reductions, log.error)
