"""The content of a page about a run: all its parts and records, gathered into one plain value."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from ste_graph.contracts import Frozen, Json, is_simulated
from ste_graph.distil.facts import FactCounts, TrialFacts
from ste_graph.distil.run_facts import RunFacts
from ste_graph.files.jsonl import LineFile
from ste_graph.files.lock import lock_owner
from ste_graph.finished import FinishedRun, part_names
from ste_graph.garbage import without_collector
from ste_graph.grouping import group
from ste_graph.packs.untested import find_untested
from ste_graph.report.blocks import PagePart, PageSection, make_section, make_table
from ste_graph.report.entries import Fates, Transcript, reply_entry, trial_entry
from ste_graph.report.evidence import arms_section, forms_section
from ste_graph.report.graph import draw_locked_graph
from ste_graph.report.outcomes import (
    Line,
    coverage_section,
    gates_section,
    group_by_tool,
    outcome_section,
    unit_of_line,
)
from ste_graph.report.requests import requests_section
from ste_graph.report.steps import StepFacts, cost_section, read_steps_of
from ste_graph.report.trainings import training_section
from ste_graph.run.lock_file import accepted_lock
from ste_graph.run.summary import Summary, summarise
from ste_graph.text import count_noun, printable
from ste_graph.tools.toolbox import NEVER_CALLED

VectorSource = Callable[[FinishedRun, Sequence[Line]], Mapping[str, Any]]
"""Gives the embeddings of the requests of a run's trials by the trials' ids, without those that it does not have."""

SIMULATED_NOTE: Final = (
    "A simulated model had a part in this: it shows that the plumbing works, and nothing about a real model."
)


class PageContent(Frozen):
    """Everything that a page shows."""

    title: str
    about: str
    state: str
    running: bool
    simulated: str | None
    """The remark that simulated models had a part; None if none had."""
    parts: tuple[PagePart, ...]
    empty: str | None
    """The text in the place of trials and replies; None if there are some."""
    entries: tuple[dict[str, Json], ...]


@without_collector()
def gather_content(run: FinishedRun, vectors: VectorSource | None = None) -> PageContent:
    """The content of the page about a run, with all its parts. Raises `WorkflowError` where a file of it is damaged."""
    opened = [_OpenPart(each, run) for each in (run, *run.sub_runs)]
    fates = Fates()
    for part in opened:
        fates.add(part.run, part.of("candidate", "rejected", "example"))
    entries = [entry for part in opened for entry in part.entries(fates)]
    known = {entry["id"] for entry in entries}
    distilled = next((part.id for part in opened if part.of("rejected", "example")), "")
    entries += [trial_entry(trial, distilled, fates, None) for id, trial in fates.trials.items() if id not in known]
    workflow = run.lock["resolved"]["workflow"]
    variant = f", variant {workflow['variant']}" if workflow.get("variant") else ""
    state, running = describe_run_state(run, opened[0].summary)
    simulated = any(part.is_simulated for part in opened)
    hidden = hidden_paths(run.path)
    parts = [part.page_part(vectors).model_dump() for part in opened]
    return PageContent(
        title=make_safe(f"{workflow['name']}{variant}", hidden),
        about=make_safe(str(workflow.get("about") or ""), hidden),
        state=make_safe(state, hidden),
        running=running,
        simulated=SIMULATED_NOTE if simulated else None,
        parts=tuple(map(PagePart.model_validate, make_safe(parts, hidden))),
        empty=None if entries else make_safe(_instead(opened), hidden),
        entries=tuple(make_safe(entries, hidden)),
    )


def make_safe(value: Json, hidden: re.Pattern[str]) -> Json:
    """A value whose texts have no control characters, and no path of this machine that `hidden` finds."""
    if isinstance(value, str):
        # Most texts need no second look at each of their characters.
        text = value if value.replace("\n", "").isprintable() else printable(value)
        return hidden.sub("…/", text) if "/" in text else text
    if isinstance(value, list | tuple):
        return [make_safe(each, hidden) for each in value]
    if isinstance(value, Mapping):
        return {make_safe(key, hidden): make_safe(each, hidden) for key, each in value.items()}
    return value


class _OpenPart:
    """A run or a part of one, read once."""

    def __init__(self, run: FinishedRun, whole: FinishedRun) -> None:
        self.run = run
        self.lock = accepted_lock(run.lock)
        logs = run.logs()
        self.summary = summarise(run.path, logs, run.lock, run.lock.get("models", {}))
        names = part_names(run, whole)
        own = str(self.lock["resolved"]["workflow"]["name"])
        self.title = " / ".join(names) or own
        self.id = "-".join(names) or "run"
        lines = list(run.records())
        order = {unit: number for number, unit in enumerate(self.lock["units"])}
        lines.sort(
            key=lambda line: order.get(unit_of_line(line), len(order))
        )  # stable: the order of the journal within a unit
        self.lines: dict[str, list[Line]] = group((str(line["record"]), line) for line in lines)
        events = [event for _, event in LineFile(run.folder.events).numbered_lines() if event is not None]
        starts = [str(event["at"]) for event in events if event.get("event") == "started"]
        self.steps: StepFacts = read_steps_of(logs, starts)
        known = RunFacts(run.id, self.lock)
        self.facts: dict[str, TrialFacts] = {line["id"]: known.of(line) for line in self.of("trial")}
        known.keep()
        self.counts = FactCounts()
        for fact in self.facts.values():
            self.counts.add(fact)

    def of(self, *kinds: str) -> list[Line]:
        """The records of these types."""
        return [line for kind in kinds for line in self.lines.get(kind, ())]

    @property
    def is_simulated(self) -> bool:
        labels = [*self.summary.models.values(), *(line.get("model") for line in self.of("trial", "reply"))]
        return any(map(is_simulated, labels)) or any(
            line.get("simulated") is True
            for line in self.of("evaluation", "training", "round", "guideline", "description")
        )

    def transcript(self, line: Line) -> Transcript:
        return self.steps.transcripts.get(str(line["id"]), ())

    def entries(self, fates: Fates) -> list[dict[str, Json]]:
        trials = [
            trial_entry(line, self.id, fates, self.facts[line["id"]], self.transcript(line))
            for line in self.of("trial")
        ]
        return [*trials, *(reply_entry(line, self.id, self.transcript(line)) for line in self.of("reply"))]

    def page_part(self, vectors: VectorSource | None) -> PagePart:
        trials = group_by_tool(self.of("trial"), list(self.lock["units"]))
        placed = vectors(self.run, self.of("trial")) if vectors and trials else {}
        kept = Counter(unit_of_line(line) for line in self.of("example"))
        sections = (
            outcome_section(trials, self.facts),
            requests_section(trials, placed),
            coverage_section(trials, self.lock.get("schemas", {})),
            gates_section(self.of("rejected"), kept),
            arms_section(
                self.of("evaluation"),
                self.of("reply"),
                find_untested(self.run) if self.of("evaluation") else (),
            ),
            training_section(self.of("training"), self.of("round")),
            forms_section(self.of("guideline", "description")),
            cost_section(self.steps.costs),
            self._servers(),
        )
        svg, text = draw_locked_graph(self.lock)
        return PagePart(
            id=self.id,
            title=self.title,
            state=describe_run_state(self.run, self.summary)[0],
            facts=tuple(self._facts()),
            warnings=tuple(self._warnings()),
            graph=svg,
            graph_text=text,
            sections=tuple(section for section in sections if section is not None),
        )

    def _facts(self) -> list[tuple[str, str]]:
        summary, used = self.summary, self.summary.used
        models = ", ".join(dict.fromkeys(map(str, summary.models.values())))
        records = [count_noun(len(lines), kind) for kind, lines in sorted(self.lines.items())]
        tokens = f"{used.prompt_tokens:,} prompt, {used.completion_tokens:,} completion"
        kinds = group((kind in NEVER_CALLED, f"{count:,} {kind}") for kind, count in summary.calls.most_common())
        made, refused = (", ".join(kinds.get(never, ())) for never in (False, True))
        calls = f"{used.tool_calls:,} ({made})" if made else f"{used.tool_calls:,}"
        calls += f"; never reached a tool: {refused}" if refused else ""
        return [
            (name, value)
            for name, value in (
                ("model", models),
                ("units", f"{summary.done} of {summary.units} done"),
                ("records", ", ".join(records)),
                ("facts", self.counts.text if self.facts else ""),
                ("model calls", f"{used.model_calls:,}" if used.model_calls else ""),
                ("tokens", tokens if used.prompt_tokens else ""),
                ("tool calls", calls if summary.calls else ""),
                ("begun", str(self.lock.get("created") or "")[:16].replace("T", " ")),
                ("seed", str(self.lock["resolved"]["workflow"].get("seed", ""))),
            )
            if value
        ]

    def _warnings(self) -> list[str]:
        skipped = list(self.summary.skipped)
        return [
            *([self.counts.warning] if self.facts and self.counts.warning else []),
            *(f"unit {unit} failed: {why}" for unit, why in self.summary.failed.items()),
            *([f"left out, as the run may not call them: {', '.join(skipped)}"] if skipped else []),
        ]

    def _servers(self) -> PageSection | None:
        """Retries, adaptations, repairs, and how loops ended."""
        servers, used = self.summary.servers, self.summary.used
        rows: list[tuple[str, str, float | None]] = [
            *(("asked again", reason, count) for reason, count in servers.retries.most_common()),
            *(
                ("reply", word, count)
                for word in ("repaired", "unreadable", "empty", "truncated")
                if (count := getattr(used, word))
            ),
            *(
                ("loop", f"{loop} ended by {reason}", count)
                for (loop, reason), count in sorted(self.summary.loops.items())
            ),
            *(("adapted", what, None) for what in servers.adaptations),
            *(("attention", what, None) for what in servers.remarks),
        ]
        return make_section(
            "servers",
            "Retries, adaptations and loops",
            [make_table("What happened", ("", "what", "times"), rows, sentences=True)],
        )


def describe_run_state(run: FinishedRun, summary: Summary) -> tuple[str, bool]:
    """The state of a run in words, and whether a process is at work in it."""
    running = lock_owner(run.folder.writer) is not None
    failed = f", {len(summary.failed)} failed" if summary.failed else ""
    done = f"{summary.done} of {count_noun(summary.units, 'unit')} done{failed}"
    word = "running" if running else "complete" if summary.complete else "not complete"
    return f"{word}: {done}", running


def _instead(parts: Sequence[_OpenPart]) -> str:
    """The text about the contents of a run without trials and replies."""
    return f"This run has no trials and no replies; it has {describe_records(part.lines for part in parts)}."


def describe_records(lines: Iterable[Mapping[str, Sequence[Line]]]) -> str:
    """The contents of the parts of a run, by their lines of each type, as in `240 trials`."""
    counts = Counter(kind for part in lines for kind, own in part.items() for _ in own)
    return ", ".join(count_noun(number, kind) for kind, number in sorted(counts.items())) or "no records yet"


def hidden_paths(run: Path) -> re.Pattern[str]:
    """Finds the folders of this machine in texts: the one around a run's folder, and those of the person."""
    folders = {run.resolve().parent, Path.cwd(), Path(os.path.expanduser("~"))}
    known = sorted((str(folder).rstrip("/") for folder in folders if len(folder.parts) > 1), key=len, reverse=True)
    return re.compile("|".join(f"{re.escape(folder)}/" for folder in known) or r"(?!)")
