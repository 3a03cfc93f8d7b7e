"""What a run has come to: for a person, and for programs."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ste_graph.cli.printable import counted, plural, printable
from ste_graph.cli.replies import compare_with
from ste_graph.contracts import Json
from ste_graph.models.label import is_simulated
from ste_graph.tools.toolbox import UNTOUCHED

if TYPE_CHECKING:
    from ste_graph.finished import FinishedRun
    from ste_graph.run.summary import Summary

DECIDED = ("decision", "reason", "baseline", "candidate", "adopted", "interval", "simulated")
"""What of an evaluation other programs are told at once; the rest stands in the journal."""
LENDING = ("exemplars", "both")
"""The kinds of what was adopted that a memory lends."""
SHOWN = 10
"""Failed units, and skipped tools, that a text names; the rest is counted."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """A run's summary, and how many of its trials were solved."""

    title: str
    summary: Summary
    solved: int
    unclear: int
    gates: Counter[str] = field(default_factory=Counter)
    """How much each gate rejected, of a run that distils."""
    evaluations: list[dict[str, Json]] = field(default_factory=list)
    """The `evaluation` records, those of sub-workflows included."""

    @property
    def trials(self) -> int:
        return self.summary.records["trial"]

    @property
    def simulated(self) -> bool:
        """Whether a simulated model had a part in it."""
        asked = any(map(is_simulated, self.summary.models.values()))
        return asked or any(one["simulated"] for one in self.evaluations)

    def to_json(self) -> dict[str, Json]:
        """The outcome for other programs; the keys are a promise."""
        summary = self.summary
        return {
            "run": str(summary.run),
            "trials": self.trials,
            "solved": self.solved,
            "model_calls": summary.used.model_calls,
            "tool_calls": summary.used.tool_calls,
            "failed_calls": summary.used.failed_calls,
            "failed_units": len(summary.failed),
            "skipped_units": len(summary.skipped),
            "stopped_by": summary.stopped_by,
            "reason": summary.reason,
            "complete": summary.complete,
            "records": dict(sorted(summary.records.items())),
            "rejected": dict(self.gates),
            "evaluations": [{name: one[name] for name in DECIDED} for one in self.evaluations],
            "simulated": self.simulated,
            "models": summary.models,
            "units": {"all": summary.units, "done": summary.done},
            "parts": summary.parts,
            "tokens": {"prompt": summary.used.prompt_tokens, "completion": summary.used.completion_tokens},
            "calls": dict(sorted(summary.calls.items())),
            "repaired": summary.used.repaired,
            "loops": loops_of(summary.loops),
            "failed": summary.failed,
            "skipped": summary.skipped,
        }

    def text(self) -> str:
        """The outcome for a person, and what to do next."""
        tables = [f"\n{printable(one['table'])}" for one in self.evaluations]
        return "\n".join([self.overview(), *tables, "", *self._next()])

    def overview(self) -> str:
        """The outcome for a person."""
        rows = self._rows()
        width = max(len(name) for name, _ in rows)
        parts = [f"{self.title}: {self._state()}", *(f"  {name:{width}}  {text}" for name, text in rows)]
        return "\n".join([*parts, *self._failures(), *self._left_out()])

    def _next(self) -> list[str]:
        """What a person may want to do with the run."""
        run = shlex.quote(str(self.summary.run))
        lent = [one["adopted"]["run"] for one in self.evaluations if (one["adopted"] or {}).get("kind") in LENDING]
        if lent:
            return [f"Show what was adopted: ste memory search REQUEST --from {shlex.quote(lent[-1])} --only-if {run}"]
        if self.summary.records["example"]:
            return [f"Write it as a data set with: ste export {run} --out train.jsonl"]
        if self.summary.parts and not self.evaluations:
            first = next(iter(self.summary.parts.values()))["run"]
            return [f"Look at a part of it with: ste show {shlex.quote(first)}"]
        look = [f"Look at it with: ste show {run}"]
        if self.summary.records["reply"] and not self.evaluations:
            return [*look, f"Compare the arms with: {compare_with(self.summary.run)}"]
        return look

    def _state(self) -> str:
        summary = self.summary
        units = f"{summary.done} of {counted(summary.units, 'unit')} done"
        if summary.stopped_by is not None:
            how = "stopped by the user" if summary.stopped_by == "interrupt" else f"stopped: {summary.reason}"
            return f"{how} ({units})"
        return f"{'complete' if summary.complete else 'not complete'} ({units})"

    def _rows(self) -> list[tuple[str, str]]:
        used, summary = self.summary.used, self.summary
        rows = []
        models = ", ".join(dict.fromkeys(summary.models.values()))
        note = " (its results show that the plumbing works, and nothing about a real model)" if self.simulated else ""
        if models:
            rows.append(("model", models + note))
        if self.trials:
            unsolved = self.trials - self.solved - self.unclear
            label = " (simulated)" if self.simulated else ""
            unclear = f", {self.unclear:,} unclear" if self.unclear else ""
            rows.append(("trials", f"{self.trials:,}: {self.solved:,} solved{label}, {unsolved:,} not{unclear}"))
        kept = {name: count for name, count in sorted(summary.records.items()) if name not in ("trial", "rejected")}
        rows += [(plural(name), f"{count:,}") for name, count in kept.items()]
        if self.gates:
            nothing = "" if kept else "; nothing was kept"
            rows.append(("rejected", f"{self.gates.total():,}: {_histogram(self.gates, by='by ')}{nothing}"))
        rows += [(name, _part(gave)) for name, gave in summary.parts.items()]
        rows.append(("model calls", f"{used.model_calls:,}" + _tokens(used.prompt_tokens, used.completion_tokens)))
        rows.append(("tool calls", f"{used.tool_calls:,}"))
        rows.append(("failed calls", self._failed_calls()))
        if used.repaired:
            rows.append(("repaired", f"{used.repaired:,} replies or arguments were mended before they could be used"))
        loops = loops_of(summary.loops)
        rows += [(f"loop {name}", f"ended {_histogram(reasons, by='by ')}") for name, reasons in loops.items()]
        rows.append(("run", str(summary.run)))
        rows.append(("journal", str(summary.run / "journal.jsonl")))
        return rows

    def _failed_calls(self) -> str:
        """How many, with those of sub-workflows; of this workflow's own, in which way."""
        total = f"{self.summary.used.failed_calls:,}"
        failed = {kind: count for kind, count in self.summary.calls.items() if kind != "ok"}
        if not failed:
            return total
        refused = sum(count for kind, count in failed.items() if kind in UNTOUCHED)
        never = f"; {refused:,} of them never reached the tool" if refused else ""
        return f"{total} ({_histogram(failed)}{never})"

    def _failures(self) -> list[str]:
        failed = self.summary.failed
        if not failed:
            return []
        count = f"{len(failed)} of {counted(self.summary.units, 'unit')} failed"
        head = f"{count}; running again takes up where they stopped:"
        return ["", head, *_some([f"  {unit}: {printable(why)}" for unit, why in failed.items()])]

    def _left_out(self) -> list[str]:
        skipped = self.summary.skipped
        if not skipped:
            return []
        which, them = ("1 tool was", "it") if len(skipped) == 1 else (f"{len(skipped)} tools were", "them")
        head = f"{which} left out, since the run may not call {them}; the line that would allow it:"
        return ["", head, *_some([f"  {unit} ({one['effect']})  {one['remedy']}" for unit, one in skipped.items()])]


def outcome_of(title: str, summary: Summary) -> Outcome:
    """The outcome of a run that has ended, or was stopped; reads its journal."""
    from ste_graph.finished import open_run

    verdicts, gates = Counter[bool | None](), Counter[str]()
    opened = open_run(summary.run)
    for line in opened.records():
        match line["record"]:
            case "trial":
                verdicts[line.get("solved")] += 1
            case "rejected":
                gates[str(line.get("gate"))] += 1
    return Outcome(title, summary, verdicts[True], verdicts[None], gates, evaluations_of(opened))


def evaluations_of(run: FinishedRun) -> list[dict[str, Json]]:
    """The `evaluation` records of a run and of its parts."""
    return [line for one in (run, *run.parts) for line in one.records() if line["record"] == "evaluation"]


def _part(gave: Mapping[str, Json]) -> str:
    """What a sub-workflow has kept, and where."""
    return f"{kept_in_words(gave['records']) or 'nothing kept'}  ({gave['run']})"


def kept_in_words(records: Mapping[str, int]) -> str:
    """How many records of each type there are."""
    words = sorted(records.items())
    return ", ".join(f"{n:,} rejected" if name == "rejected" else counted(n, name) for name, n in words)


def loops_of(loops: Mapping[tuple[str, str], int]) -> dict[str, dict[str, int]]:
    """How often each loop ended for each reason, by the loop's name."""
    found: dict[str, dict[str, int]] = {}
    for (loop, why), count in sorted(loops.items()):
        found.setdefault(loop, {})[why] = count
    return found


def _histogram(counts: Mapping[str, int], by: str = "") -> str:
    ordered = sorted(counts.items(), key=lambda one: (-one[1], one[0]))
    return ", ".join(f"{count:,} {by}{name}" for name, count in ordered)


def _tokens(prompt: int, completion: int) -> str:
    return f"; {prompt:,} prompt and {completion:,} completion tokens" if prompt or completion else ""


def _some(lines: list[str]) -> list[str]:
    return lines if len(lines) <= SHOWN else [*lines[:SHOWN], f"  and {len(lines) - SHOWN} more"]
