"""Tools that were explored but have no request in a test: the reason, and what to do."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ste_graph.diagnostics import display_path
from ste_graph.errors import WorkflowError
from ste_graph.finished import FinishedRun, is_run, open_run
from ste_graph.packs.runs import find_origins, list_named_runs, list_siblings, locate_run
from ste_graph.text import count_noun, first_lines
from ste_graph.tools.policy import SkippedTool

SHOWN: Final = 10
"""Tools that a text names; the rest is counted."""


@dataclass(frozen=True, slots=True)
class UntestedTool:
    """A tool without a case: why it has none, and what to do about it."""

    tool: str
    reason: str
    advice: str


def find_untested(evaluated: FinishedRun) -> list[UntestedTool]:
    """The tools that were to be explored for an evaluation, and of which no call was asked for in its test.

    Those that the run may not call are among them. Empty if the runs that it rests on are no longer there.
    """
    try:
        tested = _locate(list_named_runs(evaluated, "replies", "runs")[:1], evaluated)
        distilled = _locate(list_named_runs(tested, "cases", "run"), evaluated)
    except WorkflowError:
        return []
    asked = {line["gold"]["tool"] for line in tested.records("reply") if line.get("kind", "call") == "call"}
    left = [tool for tool in distilled.lock["units"] if tool not in asked]
    found = (_explain(tool, distilled) for tool in left)
    return [*(untested for untested in found if untested is not None), *_skipped(distilled)]


def _skipped(distilled: FinishedRun) -> Iterator[UntestedTool]:
    """The tools that the exploration was not allowed to call."""
    explored = find_origins(distilled).get("explore")
    for name, tool in (explored.lock.get("skipped") or {}).items() if explored else ():
        skipped = SkippedTool(name, **tool)
        yield UntestedTool(name, f"not explored, as the run may not call it ({skipped.effect})", skipped.way)


def _locate(named: list[str], evaluated: FinishedRun) -> FinishedRun:
    """The run that a lock names, where it was, or next to the evaluation that was moved with it."""
    if len(named) == 1 and is_run(Path(named[0])):
        return open_run(named[0])
    return locate_run(named, list_siblings(evaluated), "")


def _explain(tool: str, distilled: FinishedRun) -> UntestedTool | None:
    """The tool with the reason that it has no case; None if it has some, left out by the test's own settings."""
    kept = [line for line in distilled.records("example", unit=tool) if line["kind"] == "call"]
    if any(line["split"] == "heldout" for line in kept):
        return None
    if kept:
        alike = len(kept) > 1 and len({line["cluster"] for line in kept}) == 1
        why = ", since they share values or wordings" if alike else ""
        way = "let it find more values, or " if alike else ""
        return UntestedTool(
            tool, f"of its {count_noun(len(kept), 'example')} none is held out{why}",
            f"{way}explore more: --set params.episodes=NUMBER",
        )  # fmt: skip
    place = shlex.quote(display_path(distilled.path))
    gates = Counter(str(line["gate"]) for line in distilled.records("rejected", unit=tool))
    by = ", ".join(f"{count} by {gate}" for gate, count in gates.most_common())
    by = f" by {next(iter(gates))}" if len(gates) == 1 else f": {by}"
    if not gates:
        return UntestedTool(tool, "nothing of it was kept (no trial)", f"see why: ste show {place}")
    why = f"nothing of it was kept ({count_noun(gates.total(), 'trial')} rejected{by})"
    return UntestedTool(tool, why, f"see why: ste show {place} --tool {shlex.quote(tool)} --record rejected -n 3")


def untested_lines(untested: Sequence[UntestedTool]) -> list[str]:
    """The tools for a person, each with the reason and what to do; nothing without any."""
    if not untested:
        return []
    width = max(len(each.tool) for each in untested)
    head = f"no case of {count_noun(len(untested), 'tool')}, so that nothing is known of what learning adds there:"
    lines = [f"  {each.tool:{width}}  {each.reason}\n  {'':{width}}  {each.advice}" for each in untested]
    return [head, *first_lines(lines, SHOWN)]
