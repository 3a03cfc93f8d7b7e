"""Precision and recall of the gates that need no model, on planted trials, per way of being good or bad.

`everyday tools`: trials of the bundled tools in `tests/distil/planted.jsonl` and, in other words, in
`planted_fresh.jsonl`, both written by hand before the rule was looked at, and in `planted_last.jsonl`, written once it
had been mended by these; every call in them is made. `other tools`:
`wordings.jsonl`, whose tools were made up. `composed values`: `composed.jsonl`, written by hand before the rule was
looked at, and `composed_fresh.jsonl` and `composed_last.jsonl`, written once it had been mended by those before.
`one tool`: trials made by rule, for the gates `format` and `execution`.
`--show` names each trial that is judged wrongly.
"""

from __future__ import annotations

import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

from ste_graph.distil.gates import drift_fault, execution_fault, format_fault, ground_trial, grounding_fault

sys.path.insert(0, str(Path(__file__).parents[1] / "distil"))
import composed
import everyday
import planted
import wordings


class Outcome(NamedTuple):
    """The verdict of the gates on a planted trial: `gate` and `reason` of the first that it did not pass, or None."""

    good: bool
    way: str
    query: str
    gate: str | None
    reason: str | None


def judge(trial: Mapping[str, Any], schema: Mapping[str, Any], about: str = "") -> tuple[str | None, str | None]:
    """The first gate that a trial of a tool does not pass, and why; None twice if it passes all."""
    steps = trial["steps"]
    if fault := format_fault(steps, trial["answer"], trial["tool"], schema):
        return "format", fault
    if fault := execution_fault(steps):
        return "execution", fault
    grounding = ground_trial(trial["query"], steps, schema, description=about)
    fault = grounding_fault(grounding, steps[-1]["arguments"])
    return ("grounding", fault) if fault else (None, None)


def judge_everyday(name: str) -> list[Outcome]:
    """The outcomes of a file of planted trials of the bundled tools."""
    tools = everyday.toolbox().tools
    return [
        Outcome(row["good"], row["way"], row["query"], *judge(trial, tool.parameters, tool.description))
        for row, trial in everyday.read_planted(name)
        for tool in [tools[row["tool"]]]
    ]


def judge_wordings() -> list[Outcome]:
    """The outcomes of the free wordings for tools that were made up."""
    found = []
    for good, cases in ((True, wordings.right()), (False, wordings.wrong())):
        for tool, query, arguments in cases:
            seen = {"ok": True, "kind": "ok", "text": "done"}
            step = {"thought": None, "action": tool, "arguments": arguments, "observation": seen}
            trial = {"query": query, "tool": tool, "steps": [step], "answer": "Done."}
            way = "right call" if good else "wrong call"
            found.append(Outcome(good, way, query, *judge(trial, wordings.SCHEMAS[tool])))
    return found


def judge_composed(name: str) -> list[Outcome]:
    """The outcomes of a file of requests whose calls take a composed value; the way is the tool."""
    return [
        Outcome(good, row["tool"], row["query"], *judge(trial, composed.SCHEMAS[row["tool"]]))
        for good, row, arguments in composed.cases(name)
        for trial in [{**row, "steps": composed.steps(row, arguments), "answer": "Done."}]
    ]


def judge_one_tool() -> list[Outcome]:
    """The outcomes of trials made by rule, each bad one with the gate that should stop it as its way."""
    random, found = Random(7), []
    for of in planted.good(200, seed=1):
        every = [(True, "good", of), *((False, f"{gate}", item) for gate, item in planted.bad(of, random))]
        for good, way, trial in every:
            outcome = judge({**trial, "tool": planted.TOOL}, planted.PARAMETERS)
            found.append(Outcome(good, way, str(trial["query"]), *outcome))
    return found


def judge_drift() -> list[Outcome]:
    """The outcomes of rewordings of the requests of trials made by rule."""
    found = []
    for of in planted.good(200, seed=2):
        arguments = of["steps"][-1]["arguments"]
        stated = ground_trial(of["query"], of["steps"], planted.PARAMETERS).stated_values
        for good, query in planted.reworded(of):
            fault = drift_fault(of["query"], query, arguments, planted.PARAMETERS, stated)
            found.append(Outcome(good, "faithful" if good else "drifted", query, "drift" if fault else None, fault))
    return found


def measure(outcomes: Iterable[Outcome]) -> tuple[float, float]:
    """Precision and recall: the share of the trials kept that are good, and of the good ones that are kept."""
    count = Counter((outcome.good, outcome.gate is None) for outcome in outcomes)
    kept, good = count[True, True] + count[False, True], count[True, True] + count[True, False]
    return count[True, True] / kept if kept else 1.0, count[True, True] / good


def report(title: str, outcomes: list[Outcome], show: bool) -> None:
    """Print the figures of a set, per way, and with `show` the trials that were judged wrongly."""
    precision, recall = measure(outcomes)
    print(f"  {title}: precision {precision:.3f}, recall {recall:.3f}")
    by_way: dict[tuple[bool, str], Counter[str]] = defaultdict(Counter)
    for outcome in outcomes:
        by_way[outcome.good, outcome.way][outcome.gate or "kept"] += 1
    for (good, way), gates in sorted(by_way.items(), reverse=True):
        stops = ", ".join(f"{gate} {count}" for gate, count in gates.items() if gate != "kept")
        kind = "good" if good else "bad"
        print(f"    {kind:4}  {way:34} {gates['kept']:4} of {gates.total():4} kept" + (f"   {stops}" if stops else ""))
    for outcome in outcomes if show else ():
        if outcome.good is not (outcome.gate is None):
            print(f"    {'lost' if outcome.good else 'KEPT'}: [{outcome.way}] {outcome.query}  {outcome.reason or ''}")


def main() -> None:
    show = "--show" in sys.argv
    report("everyday tools, first set", judge_everyday("planted"), show)
    report("everyday tools, fresh set", judge_everyday("planted_fresh"), show)
    report("everyday tools, last set", judge_everyday("planted_last"), show)
    report("other tools", judge_wordings(), show)
    report("composed values, first set", judge_composed("composed"), show)
    report("composed values, fresh set", judge_composed("composed_fresh"), show)
    report("composed values, last set", judge_composed("composed_last"), show)
    report("one tool, every gate", judge_one_tool(), show)
    report("rewordings of requests", judge_drift(), show)


if __name__ == "__main__":
    main()
