"""Trials as text for a person."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

from ste_graph.contracts import Json, is_simulated
from ste_graph.distil.facts import FactCounts, read_run_facts
from ste_graph.distil.run_facts import RunFacts
from ste_graph.text import align_columns, printable

if TYPE_CHECKING:
    from ste_graph.finished import FinishedRun, JournalTrial, Trials
    from ste_graph.records import TrialStep

VERDICTS = {True: "solved", False: "not solved", None: "unclear"}


def trial_text(kept: JournalTrial, lock: Mapping[str, Json]) -> str:
    """One trial: its tool, loops, verdict and facts, then the request, each step and the answer."""
    trial = kept.trial
    position = ", ".join([kept.tool, *(f"{loop} {count}" for loop, count in kept.loops.items())])
    label = " (simulated)" if is_simulated(trial.model) else ""
    facts = read_run_facts(kept.line, lock)
    word = " by the model's word" if facts.contradicts else ""
    head = f"-- {position}: {VERDICTS[trial.solved]}{word}{label}; {facts.text}"
    lines = [head, *field_lines("request", trial.query)]
    for step in trial.steps:
        lines += _step_lines(step)
    lines += field_lines("answer", trial.answer if trial.answer is not None else "(none: the turns ran out)")
    return "\n".join(lines)


def _step_lines(step: TrialStep) -> list[str]:
    lines = field_lines("thought", step.thought) if step.thought else []
    call = "(no call that could be read)"
    if step.action is not None:
        call = f"{step.action} {json.dumps(step.arguments, ensure_ascii=False)}"
    lines += field_lines("call", call)
    lines += field_lines("reply", step.reply) if step.reply else []
    lines += field_lines("repaired", ", ".join(step.repairs)) if step.repairs else []
    if step.observation is not None:
        kind = "" if step.observation.ok else f"[{step.observation.kind}] "
        kind = "[doubtful] " if step.observation.doubt else kind
        lines += field_lines("observation", kind + step.observation.text)
        doubts = [f"may report a failure: {step.observation.doubt}"] if step.observation.doubt else []
        for note in (*doubts, *step.observation.notes):
            lines += field_lines("note", note)
    return lines


def field_lines(name: str, text: str) -> list[str]:
    """A text after its name, indented; further lines below it."""
    first, *rest = printable(text).split("\n")
    return [f"   {name:12} {first}".rstrip(), *(f"   {'':12} {line}".rstrip() for line in rest)]


def has_failed_call(kept: JournalTrial) -> bool:
    """True if a step of the trial led to an observation that is not ok."""
    return any(step.observation is not None and not step.observation.ok for step in kept.trial.steps)


def trials_overview(run: FinishedRun, trials: Trials, tool: str | None) -> str:
    """A table with a line per tool: its trials, their verdicts, and the state of its unit."""
    labels = ", ".join(dict.fromkeys(run.labels.values())) or "none"
    logs = {name: log for name, log in run.logs().items() if tool in (None, name)}
    rows = [["tool", "trials", "solved", "not", "unclear", "call succeeded", "grounded", "with failed calls", ""]]
    total, known = FactCounts(), RunFacts(run.id, run.lock)
    by_tool: dict[str, list[JournalTrial]] = {}
    for kept in trials:
        by_tool.setdefault(kept.tool, []).append(kept)
    for name, log in logs.items():
        own = by_tool.get(name, [])
        verdicts = [kept.trial.solved for kept in own]
        facts = [known.of(kept.line) for kept in own]
        proven = (sum(fact.call_succeeded for fact in facts), sum(fact.grounded for fact in facts))
        counts = (len(own), *map(verdicts.count, (True, False, None)), *proven, sum(map(has_failed_call, own)))
        for fact in facts:
            total.add(fact)
        rows.append([name, *map(str, counts), "failed" if log.failure else "done" if log.done else "not done"])
    known.keep()
    lines = [f"{run.path}: {len(trials)} trials, model: {labels}", "", *align_columns(rows, left=(0, -1))]
    lines += [f"{name}: {printable(log.failure)}" for name, log in logs.items() if log.failure]
    lines += ["", f"beware: {total.warning}"] if total.warning else []
    return "\n".join(lines)
