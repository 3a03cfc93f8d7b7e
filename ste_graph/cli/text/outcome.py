"""The outcome of a run: for a person, and for programs."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ste_graph.cli.text.costs import ExampleCost, cost_of_examples, cost_rows, stop_lines
from ste_graph.cli.text.missing_values import missing_value_lines
from ste_graph.cli.text.records import comparison_command
from ste_graph.contracts import Json, is_simulated
from ste_graph.diagnostics import display_path
from ste_graph.distil.example import Example
from ste_graph.distil.facts import FactCounts
from ste_graph.distil.reading.wording import WordingCount, count_wordings
from ste_graph.distil.run_facts import RunFacts
from ste_graph.finished import FinishedRun, open_run
from ste_graph.lab.conduct import loop_endings
from ste_graph.packs.untested import UntestedTool, find_untested, untested_lines
from ste_graph.run.forks.fork import describe_origin
from ste_graph.run.logs.usage_counts import UsageCounts
from ste_graph.run.summary import Summary
from ste_graph.text import count_noun, first_lines, plural
from ste_graph.tools.policy import SkippedTool
from ste_graph.tools.toolbox import NEVER_CALLED

EVALUATION_KEYS = ("decision", "reason", "baseline", "candidate", "adopted", "interval", "simulated")
"""The keys of an evaluation that other programs get at once; the rest is in the journal."""
SHOWN = 10
"""The number of failed units, and of skipped tools, that a text names; the rest is counted."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """A run's summary, and the number of its trials that were solved."""

    title: str
    summary: Summary
    solved: int
    unclear: int
    gates: Counter[str] = field(default_factory=Counter)
    """The number of trials that each gate rejected, in a run that distils."""
    held_out: WordingCount = field(default_factory=lambda: WordingCount(0, 0))
    """The requests that are held out, in a run that distils, and those whose wording is learnt."""
    unanswered: int = 0
    """The examples of calls that have no answer."""
    facts: FactCounts = field(default_factory=FactCounts)
    """The facts that the records of the trials show, besides the verdicts."""
    evaluations: list[dict[str, Json]] = field(default_factory=list)
    """The `evaluation` records, those of sub-workflows included."""
    examples: ExampleCost | None = None
    """The cost of its examples, if it has any."""
    untested: list[UntestedTool] = field(default_factory=list)
    """The tools that an evaluation had no case of."""
    missing: list[str] = field(default_factory=list)
    """Tools that failed for want of a value that exists, as lines of a text."""
    calls: Counter[str] = field(default_factory=Counter)
    """The calls of tools by their outcome, those of sub-workflows included."""

    @property
    def trials(self) -> int:
        return self.summary.records["trial"]

    @property
    def is_simulated(self) -> bool:
        """True if a simulated model had a part in it."""
        asked = any(map(is_simulated, self.summary.models.values()))
        return asked or any(evaluation["simulated"] for evaluation in self.evaluations)

    def to_json(self) -> dict[str, Json]:
        """The outcome for other programs; the keys are a promise."""
        summary = self.summary
        return {
            "run": str(summary.run),
            "forked_from": None if summary.forked_from is None else dict(summary.forked_from),
            "trials": self.trials,
            "solved": self.solved,
            "facts": self.facts.to_json(),
            "model_calls": summary.used.model_calls,
            "tool_calls": summary.used.tool_calls,
            "failed_calls": summary.used.failed_calls,
            "doubtful_answers": summary.used.doubtful,
            "failed_units": len(summary.failed),
            "skipped_units": len(summary.skipped),
            "stopped_by": summary.stopped_by,
            "reason": summary.reason,
            "complete": summary.complete,
            "records": dict(sorted(summary.records.items())),
            "rejected": dict(self.gates),
            "examples_without_answer": self.unanswered,
            "held_out": {"requests": self.held_out.heldout, "differing_in_values_alone": self.held_out.alike},
            "evaluations": [{name: evaluation[name] for name in EVALUATION_KEYS} for evaluation in self.evaluations],
            "simulated": self.is_simulated,
            "models": summary.models,
            "units": {"all": summary.units, "done": summary.done},
            "parts": summary.sub_workflows,
            "tokens": {
                "prompt": summary.used.prompt_tokens,
                "completion": summary.used.completion_tokens,
                "cached": summary.used.cached_tokens,
            },
            "calls": dict(sorted(summary.calls.items())),
            "repaired": summary.used.repaired,
            "replies": {name: getattr(summary.used, name) for name in ("unreadable", "empty", "truncated")},
            "retries": dict(sorted(summary.servers.retries.items())),
            "adaptations": summary.servers.adaptations,
            "loops": loop_endings(summary.loops),
            "failed": summary.failed,
            "budget": {unit: record["why"] for unit, record in summary.stopped.items()},
            "money": None if summary.money is None else {"spent": summary.money, "currency": summary.currency},
            "per_example": self.examples and self.examples.to_json(),
            "untested": {each.tool: each.reason for each in self.untested},
            "fallbacks": summary.fallbacks,
            "skipped": summary.skipped,
        }

    def text(self) -> str:
        """The outcome for a person, and the next command."""
        tables = [f"\n{evaluation['table']}" for evaluation in self.evaluations]
        untested = ["", *untested_lines(self.untested)] if self.untested else []
        return "\n".join([self.overview(), *tables, *untested, "", *self._next_lines()])

    def overview(self) -> str:
        """The outcome for a person."""
        rows, summary = list(self._rows()), self.summary
        width = max(len(name) for name, _ in rows)
        parts = [f"{self.title}: {self._state()}", *(f"  {name:{width}}  {text}" for name, text in rows)]
        missing = ["", *self.missing] if self.missing else []
        return "\n".join(
            [*parts, *self._failure_lines(), *stop_lines(summary, SHOWN), *self._skipped_lines(), *missing]
        )

    def _next_lines(self) -> list[str]:
        """The command that a person may want next."""
        run = shlex.quote(str(self.summary.run))
        adoptions = [(evaluation["adopted"] or {}).get("forms") or {} for evaluation in self.evaluations]
        stores = [display_path(Path(forms["exemplars"]["run"])) for forms in adoptions if "exemplars" in forms]
        packs = [f"Make a pack of it: ste pack make {run} --out my-tools"] if any(adoptions) else []
        if stores:
            search = f"ste memory search REQUEST --from {shlex.quote(stores[-1])} --only-if {run}"
            return [*packs, f"Search the adopted exemplars: {search}"]
        if packs:
            return packs
        if self.summary.records["example"]:
            return [f"Write it as a data set with: ste export {run} --out train.jsonl"]
        if self.summary.sub_workflows and not self.evaluations:
            first = display_path(Path(next(iter(self.summary.sub_workflows.values()))["run"]))
            return [f"Look at a part of it with: ste show {shlex.quote(first)}"]
        look = [f"Look at it with: ste show {run}"]
        if self.summary.records["reply"] and not self.evaluations:
            return [*look, f"Compare the arms with: {comparison_command(self.summary.run)}"]
        return look

    def _state(self) -> str:
        summary = self.summary
        units = f"{summary.done} of {count_noun(summary.units, 'unit')} done"
        if summary.stopped_by is not None:
            how = summary.reason if summary.stopped_by == "interrupt" else f"stopped: {summary.reason}"
            return f"{how} ({units})"
        return f"{'complete' if summary.complete else 'not complete'} ({units})"

    def _rows(self) -> Iterator[tuple[str, str]]:
        used, summary = self.summary.used, self.summary
        if summary.forked_from is not None:
            yield "forked from", describe_origin(summary.forked_from)
        models = ", ".join(dict.fromkeys(summary.models.values()))
        note = (
            " (its results show that the plumbing works, and nothing about a real model)" if self.is_simulated else ""
        )
        if models:
            yield "model", models + note
        if self.trials:
            unsolved = self.trials - self.solved - self.unclear
            label = " (simulated)" if self.is_simulated else ""
            unclear = f", {self.unclear:,} unclear" if self.unclear else ""
            yield "trials", f"{self.trials:,}: {self.solved:,} solved{label}, {unsolved:,} not{unclear}"
            yield "facts", self.facts.text
            if self.facts.warning:
                yield "beware", self.facts.warning
        kept = {name: count for name, count in sorted(summary.records.items()) if name not in ("trial", "rejected")}
        yield from ((plural(name), f"{count:,}") for name, count in kept.items())
        if self.gates:
            nothing = "" if kept else "; nothing was kept"
            yield "rejected", f"{self.gates.total():,}: {_histogram(self.gates, by='by ')}{nothing}"
        if self.unanswered:
            why = "neither a judge nor a rule vouches that their answers say what the results say"
            yield "answers", f"left out of {count_noun(self.unanswered, 'example')}: {why}"
        if self.held_out.heldout:
            yield "held out", self.held_out.text
        yield from ((name, _part_text(outputs)) for name, outputs in summary.sub_workflows.items())
        yield "model calls", f"{used.model_calls:,}" + _token_text(used)
        yield from cost_rows(summary, self.examples)
        yield "tool calls", f"{used.tool_calls:,}"
        yield "failed calls", self._failed_calls_text()
        if used.doubtful:
            count = count_noun(used.doubtful, "answer")
            yield "doubtful", f"{count} may report a failure; no exemplars without a judge, see `ste show`"
        if used.repaired:
            yield "repaired", f"{used.repaired:,} replies or arguments were repaired before they could be used"
        yield from self._server_rows()
        loops = loop_endings(summary.loops)
        yield from ((f"loop {name}", f"ended {_histogram(reasons, by='by ')}") for name, reasons in loops.items())
        yield "run", str(summary.run)
        yield "journal", str(summary.run / "journal.jsonl")

    def _server_rows(self) -> Iterator[tuple[str, str]]:
        """The events between the run and its model servers; no row for an event that did not happen."""
        used, servers = self.summary.used, self.summary.servers
        counts = {how: getattr(used, how) for how in ("unreadable", "empty", "truncated")}
        replies = [f"{count:,} {how}" for how, count in counts.items() if count]
        if replies:
            yield "replies", ", ".join(replies)
        if servers.retries:
            count = count_noun(servers.retries.total(), "request")
            yield "tried again", f"{count}: {_histogram(servers.retries)}"
        if servers.adaptations:
            yield "adapted", "; ".join(servers.adaptations)
        if used.calls_in_text:
            count = count_noun(used.calls_in_text, "call")
            yield "attention", f"the server left {count} in the text; they were read, but set its tool parser"
        yield from (("attention", text) for text in servers.remarks)

    def _failed_calls_text(self) -> str:
        """The number of failed calls, with those of sub-workflows, by kind."""
        total = f"{self.summary.used.failed_calls:,}"
        failed = {kind: count for kind, count in self.calls.items() if kind != "ok"}
        if not failed:
            return total
        refused = sum(count for kind, count in failed.items() if kind in NEVER_CALLED)
        unsent = f"; {refused:,} of them never reached the tool" if refused else ""
        return f"{total} ({_histogram(failed)}{unsent})"

    def _failure_lines(self) -> list[str]:
        failed = [f"  {unit}: {why}" for unit, why in self.summary.failed.items()]
        count = f"{len(failed)} of {count_noun(self.summary.units, 'unit')} failed"
        return _below(f"{count}; running again continues where they stopped:", failed)

    def _skipped_lines(self) -> list[str]:
        skipped = [f"  {SkippedTool(unit, **tool)}" for unit, tool in self.summary.skipped.items()]
        which, them = ("1 tool was", "it") if len(skipped) == 1 else (f"{len(skipped)} tools were", "them")
        return _below(f"{which} left out, because the run may not call {them}; the line that allows it:", skipped)


def outcome_from_summary(title: str, summary: Summary) -> Outcome:
    """The outcome of a run that has ended or was stopped; reads its journal."""
    verdicts, gates = Counter[bool | None](), Counter[str]()
    facts = FactCounts()
    examples: list[Example] = []
    opened = open_run(summary.run)
    known = RunFacts(opened.id, opened.lock)
    for line in opened.records():
        match line["record"]:
            case "trial":
                verdicts[line.get("solved")] += 1
                facts.add(known.of(line))
            case "rejected":
                gates[str(line.get("gate"))] += 1
            case "example":
                examples.append(Example.model_validate({k: line[k] for k in Example.model_fields if k in line}))
    known.keep()
    held_out = count_wordings(examples)
    unanswered = sum(example.kind == "call" and example.answer is None for example in examples)
    return Outcome(
        title,
        summary,
        verdicts[True],
        verdicts[None],
        gates,
        held_out,
        unanswered,
        facts,
        read_evaluations(opened),
        cost_of_examples(opened),
        read_untested(opened),
        missing_value_lines(opened),
        sum((part.summary().calls for part in opened.sub_runs), Counter(summary.calls)),
    )


def read_evaluations(run: FinishedRun) -> list[dict[str, Json]]:
    """The `evaluation` records of a run and of its parts."""
    return [line for part in (run, *run.sub_runs) for line in part.records("evaluation")]


def read_untested(run: FinishedRun) -> list[UntestedTool]:
    """The tools that the evaluations of a run, or of its parts, had no case of."""
    holders = [part for part in (run, *run.sub_runs) if part.count_records()["evaluation"]]
    return [untested for part in holders for untested in find_untested(part)]


def _part_text(outputs: Mapping[str, Json]) -> str:
    """The records of a sub-workflow, and its folder."""
    return f"{records_text(outputs['records']) or 'nothing kept'}  ({display_path(Path(outputs['run']))})"


def records_text(records: Mapping[str, int]) -> str:
    """The number of records of each type, in words."""
    words = sorted(records.items())
    return ", ".join(f"{n:,} rejected" if name == "rejected" else count_noun(n, name) for name, n in words)


def _histogram(counts: Mapping[str, int], by: str = "") -> str:
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{count:,} {by}{name}" for name, count in ordered)


def _token_text(used: UsageCounts) -> str:
    prompt, completion, cached = used.prompt_tokens, used.completion_tokens, used.cached_tokens
    if not prompt and not completion:
        return ""
    share = f" ({cached / prompt:.0%} read before, by the server's count)" if cached and prompt else ""
    return f"; {prompt:,} prompt{share} and {completion:,} completion tokens"


def _below(head: str, lines: list[str]) -> list[str]:
    """The first lines below a head, after an empty one; nothing without any."""
    return ["", head, *first_lines(lines, SHOWN)] if lines else []
