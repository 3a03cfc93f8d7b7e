"""Trials, and what they have tried out of each tool, as text for a person."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from ste_graph.cli.text.missing_values import missing_value_lines
from ste_graph.contracts import Json, is_simulated
from ste_graph.distil.facts import FactCounts
from ste_graph.distil.run_facts import RunFacts
from ste_graph.finished import FinishedRun, JournalTrial
from ste_graph.records import TrialStep
from ste_graph.text import align_columns, printable
from ste_graph.trials.coverage import ToolCoverage, measure_coverage

VERDICTS = {True: "solved", False: "not solved", None: "unclear"}


def trial_text(kept: JournalTrial, known: RunFacts) -> str:
    """One trial: its tool, loops, verdict and facts, then the request, each step and the answer."""
    trial = kept.trial
    position = ", ".join([kept.tool, *(f"{loop} {count}" for loop, count in kept.loops.items())])
    label = " (simulated)" if is_simulated(trial.model) else ""
    facts = known.of(kept.line)
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


class TrialsOverview:
    """A table with a line per tool: its trials, their verdicts, and the state of its unit."""

    def __init__(self, run: FinishedRun, tool: str | None) -> None:
        self._run = run
        self._tool = tool
        self.facts = RunFacts(run.id, run.lock)
        self._total = FactCounts()
        self._tools: dict[str, _ToolCounts] = {}

    def add(self, kept: JournalTrial) -> None:
        """Count one more trial."""
        if kept.tool not in self._run.lock["units"]:
            return
        facts = self.facts.of(kept.line)
        self._total.add(facts)
        own = self._tools.setdefault(kept.tool, _ToolCounts())
        own.facts.add(facts)
        own.with_failed_calls += has_failed_call(kept)

    def text(self, trials: int) -> str:
        """The table of a run that has so many trials."""
        run = self._run
        self.facts.keep()
        logs = run.logs(self._tool)
        rows = [["tool", "trials", "solved", "not", "unclear", "call succeeded", "grounded", "with failed calls", ""]]
        for name, log in logs.items():
            state = "failed" if log.failure else "done" if log.done else "not done"
            rows.append([name, *map(str, self._tools.get(name, _ToolCounts()).columns), state])
        labels = ", ".join(dict.fromkeys(run.labels.values())) or "none"
        lines = [f"{run.path}: {trials} trials, model: {labels}", "", *align_columns(rows, left=(0, -1))]
        lines += [f"{name}: {printable(log.failure)}" for name, log in logs.items() if log.failure]
        lines += ["", f"beware: {self._total.warning}"] if self._total.warning else []
        missing = missing_value_lines(run) if self._tool is None else []
        return "\n".join([*lines, *(["", *missing] if missing else [])])


@dataclass(slots=True)
class _ToolCounts:
    """The trials of one tool, counted."""

    facts: FactCounts = field(default_factory=FactCounts)
    with_failed_calls: int = 0

    @property
    def columns(self) -> tuple[int, ...]:
        """The numbers of the tool's line in the table."""
        facts = self.facts
        unsolved = facts.trials - facts.solved - facts.unclear
        verdicts = (facts.trials, facts.solved, unsolved, facts.unclear)
        return (*verdicts, facts.call_succeeded, facts.grounded, self.with_failed_calls)


def coverage_by_tool(run: FinishedRun, tool: str | None) -> dict[str, ToolCoverage]:
    """The coverage of each tool of the run, or of one."""
    schemas = run.lock.get("schemas", {})
    trials: dict[str, list[dict[str, Json]]] = {name: [] for name in run.lock["units"] if tool in (None, name)}
    for kept in run.each_trial(tool):
        if kept.tool in trials:
            trials[kept.tool].append(kept.line)
    return {name: measure_coverage(own, schemas.get(name, {})) for name, own in trials.items()}


def coverage_table(found: dict[str, ToolCoverage]) -> str:
    """The coverage as a table, a line per tool."""
    rows = [["tool", "parameters", "choices", "requests", "spread", "idle", "errors met"]]
    for name, coverage in found.items():
        used = [(len(coverage.parameters), coverage.parameter_count), (len(coverage.values), coverage.value_count)]
        spread = "-" if coverage.spread is None else f"{coverage.spread:.2f}"
        shares = [f"{count}/{total}" for count, total in used]
        rows.append(
            [name, *shares, str(coverage.requests), spread, str(coverage.idle), ", ".join(coverage.errors) or "none"]
        )
    return "\n".join(align_columns(rows, left=(0, -1)))
