"""Trials as text for a person."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ste_graph.cli.printable import printable
from ste_graph.models.label import is_simulated

if TYPE_CHECKING:
    from ste_graph.finished import FinishedRun, Kept, Trials
    from ste_graph.records import Step

VERDICTS = {True: "solved", False: "not solved", None: "unclear"}


def told(kept: Kept) -> str:
    """One trial: where it stands, the request, each step, the answer and the verdict."""
    trial = kept.trial
    place = ", ".join([kept.tool, *(f"{loop} {count}" for loop, count in kept.place.items())])
    label = " (simulated)" if is_simulated(trial.model) else ""
    lines = [f"-- {place}: {VERDICTS[trial.solved]}{label}", *entry("request", trial.query)]
    for step in trial.steps:
        lines += _step(step)
    lines += entry("answer", trial.answer if trial.answer is not None else "(none: the turns ran out)")
    return "\n".join(lines)


def _step(step: Step) -> list[str]:
    lines = entry("thought", step.thought) if step.thought else []
    call = "(no call that could be read)"
    if step.action is not None:
        call = f"{step.action} {json.dumps(step.arguments, ensure_ascii=False)}"
    lines += entry("call", call)
    lines += entry("repaired", ", ".join(step.repairs)) if step.repairs else []
    if step.observation is not None:
        kind = "" if step.observation.ok else f"[{step.observation.kind}] "
        lines += entry("observation", kind + step.observation.text)
    return lines


def entry(name: str, text: str) -> list[str]:
    """A named text, indented; its further lines below it."""
    first, *rest = printable(text).split("\n")
    return [f"   {name:12} {first}".rstrip(), *(f"   {'':12} {line}".rstrip() for line in rest)]


def has_failed_call(kept: Kept) -> bool:
    """Whether a step of the trial led to an observation that is not ok."""
    return any(step.observation is not None and not step.observation.ok for step in kept.trial.steps)


def overview(run: FinishedRun, trials: Trials, tool: str | None) -> str:
    """A line per tool: its trials, how they ended, and whether its unit is done."""
    labels = ", ".join(dict.fromkeys(run.lock.get("labels", {}).values())) or "none"
    logs = {name: log for name, log in run.logs().items() if tool in (None, name)}
    rows = [["tool", "trials", "solved", "not", "unclear", "with failed calls", ""]]
    for name, log in logs.items():
        own = [kept for kept in trials if kept.tool == name]
        verdicts = [kept.trial.solved for kept in own]
        counts = (len(own), *(verdicts.count(one) for one in (True, False, None)), sum(map(has_failed_call, own)))
        rows.append([name, *map(str, counts), "failed" if log.failure else "done" if log.done else "not done"])
    lines = [f"{run.path}: {len(trials)} trials, model: {labels}", "", *columns(rows)]
    lines += [f"{name}: {printable(log.failure)}" for name, log in logs.items() if log.failure]
    return "\n".join(lines)


def columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows of equal length as aligned lines: the first and the last column to the left, the others to the right."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return [
        "  ".join(
            cell.ljust(w) if i in (0, len(row) - 1) else cell.rjust(w)
            for i, (cell, w) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
