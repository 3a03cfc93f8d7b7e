"""The sections on trials: what came of them per tool and over episodes, what they covered, what gates rejected."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from ste_graph.contracts import Json
from ste_graph.distil.facts import TrialFacts
from ste_graph.grouping import group
from ste_graph.report.blocks import PageChart, PageSection, make_section, make_table, share
from ste_graph.report.charts import bar_chart, line_chart
from ste_graph.run.logs.journal import unit_key
from ste_graph.trials.coverage import measure_coverage

Line = Mapping[str, Json]
"""A line of a journal."""

VERDICTS: Final = {True: "solved", False: "not solved", None: "unclear"}
_MOST_REASONS: Final = 40
_DIFFERS: Final = re.compile(r" [0-9a-f]{16}\b| \([^()]*[0-9][^()]*\)")


def outcome_section(trials: Mapping[str, Sequence[Line]], facts: Mapping[str, TrialFacts]) -> PageSection | None:
    """The model's verdicts on its trials, next to what their records show. `facts` are by the trials' ids."""
    bars: list[dict[str, Json]] = []
    rows: list[tuple[str | float | None, ...]] = []
    for tool, own in trials.items():
        counts = _count_outcomes(own, facts)
        bars += [
            {"tool": tool, "measure": name, "percent": share(count, len(own)), "trials": f"{count} of {len(own)}"}
            for name, count in counts.items()
            if own
        ]
        verdicts = Counter(line.get("solved") for line in own)
        failed = sum(bool(error_kinds(line)) for line in own)
        rows.append((tool, len(own), *(verdicts[word] for word in VERDICTS), *list(counts.values())[1:], failed))
    if not any(trials.values()):
        return None
    head = ("tool", "trials", "solved", "not solved", "unclear", "call succeeded", "grounded", "with failed calls")
    blocks = (
        bar_chart(
            "Solved and succeeded by tool",
            bars,
            y="tool",
            x="percent",
            colour="measure",
            x_title="% of the trials",
            stacked=False,
            percent=True,
        ),
        _over_episodes(trials, facts),
        make_table("Trials by tool", head, rows),
    )
    note = (
        "“solved” is the model's own verdict. “call succeeded” and “grounded” are facts: a call gave a result without "
        "a doubt; the last call succeeded, and its values come from the request."
    )
    return make_section("outcome", "Solved and succeeded", blocks, note)


def coverage_section(
    trials: Mapping[str, Sequence[Line]], schemas: Mapping[str, Mapping[str, Json]]
) -> PageSection | None:
    """The parameters, values and kinds of errors that the trials of each tool tried out."""
    rows: list[tuple[str | float | None, ...]] = []
    errors: list[dict[str, Json]] = []
    for tool, own in trials.items():
        if not own:
            continue
        found = measure_coverage(own, schemas.get(tool, {}))
        parameters = f"{len(found.parameters)} of {found.parameter_count}"
        values = f"{len(found.values)} of {found.value_count}"
        unused = ", ".join(found.unused)
        rows.append(
            (tool, parameters, values, found.requests, found.spread, found.idle, unused, ", ".join(found.errors))
        )
        kinds = Counter(kind for line in own for kind in error_kinds(line))
        errors += [{"tool": tool, "kind": kind, "calls": count} for kind, count in sorted(kinds.items())]
    head = (
        "tool",
        "parameters used",
        "choices used",
        "distinct requests",
        "spread",
        "idle trials",
        "not used",
        "errors met",
    )
    blocks = (
        make_table("Coverage by tool", head, rows),
        bar_chart("Failed calls by kind of error", errors, y="tool", x="calls", colour="kind", x_title="failed calls"),
    )
    note = "Choices: values of parameters that choose among values. Idle: trials since the last that added anything."
    return make_section("coverage", "Coverage", blocks, note)


def gates_section(rejected: Sequence[Line], kept: Mapping[str, int]) -> PageSection | None:
    """The rejections by each gate, by tool and reason, next to what became an example. `kept` are counts by tool."""
    counts: Counter[tuple[str, str]] = Counter()
    reasons: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for line in rejected:
        tool, gate = unit_of_line(line), str(line.get("gate") or "none")
        counts[tool, gate] += 1
        reasons[gate, _kind_of_reason(str(line.get("reason") or ""))][tool] += 1
    tools = list(dict.fromkeys([*kept, *(tool for tool, _ in counts)]))
    bars: list[dict[str, Json]] = []
    for tool in tools:
        if kept.get(tool):
            bars.append({"tool": tool, "fate": "kept as example", "number": kept[tool]})
        bars += [{"tool": t, "fate": gate, "number": n} for (t, gate), n in sorted(counts.items()) if t == tool]
    ordered = sorted(reasons.items(), key=lambda item: (-item[1].total(), item[0]))
    rows = [
        (gate, reason, by_tool.total(), ", ".join(f"{tool} {n}" for tool, n in by_tool.most_common()))
        for (gate, reason), by_tool in ordered[:_MOST_REASONS]
    ]
    left = len(ordered) - len(rows)
    blocks = (
        bar_chart(
            "Kept and rejected by tool", bars, y="tool", x="number", colour="fate", x_title="trials and rewordings"
        ),
        make_table("Reasons of the gates", ("gate", "reason", "rejected", "by tool"), rows, sentences=True),
    )
    note = f"{left} rarer reasons are left out here; each trial has its own." if left > 0 else None
    return make_section("gates", "Gates", blocks, note)


def group_by_tool(lines: Iterable[Line], tools: Sequence[str] = ()) -> dict[str, list[Line]]:
    """Journal lines by their unit, in the order of `tools`."""
    groups = group((unit_of_line(line), line) for line in lines)
    return {tool: groups[tool] for tool in dict.fromkeys([*tools, *groups]) if tool in groups}


def unit_of_line(line: Line) -> str:
    """The unit of a journal line."""
    return str(line[unit_key(line)])


def error_kinds(line: Line) -> list[str]:
    """The kind of error of each failed call of a trial."""
    seen = [step.get("observation") for step in line.get("steps") or ()]
    return [str(each["kind"]) for each in seen if each is not None and not each["ok"]]


def _count_outcomes(trials: Sequence[Line], facts: Mapping[str, TrialFacts]) -> dict[str, int]:
    own = [facts[line["id"]] for line in trials]
    return {
        "solved": sum(fact.solved is True for fact in own),
        "call succeeded": sum(fact.call_succeeded for fact in own),
        "grounded": sum(fact.grounded for fact in own),
    }


def _over_episodes(trials: Mapping[str, Sequence[Line]], facts: Mapping[str, TrialFacts]) -> PageChart | None:
    groups = group(
        (number, line) for own in trials.values() for line in own if isinstance(number := line.get("episode"), int)
    )
    rows: list[dict[str, Json]] = [
        {"episode": episode, "measure": name, "percent": share(count, len(own)), "trials": f"{count} of {len(own)}"}
        for episode, own in sorted(groups.items())
        for name, count in _count_outcomes(own, facts).items()
    ]
    return line_chart(
        "Solved and succeeded over episodes, all tools",
        rows,
        x="episode",
        y="percent",
        colour="measure",
        x_title="episode",
        y_title="% of the trials",
        percent=True,
    )


def _kind_of_reason(reason: str) -> str:
    """A reason without what differs from trial to trial: the values after a colon, ids and figures in brackets."""
    return _DIFFERS.sub(" …", reason.split(": ", 1)[0].split("\n", 1)[0])[:160]
