"""An ablation for a person: its plan, and its result, as text or as Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from ste_graph.grouping import group
from ste_graph.lab.ablation import Ablation
from ste_graph.lab.conduct import FAULTS
from ste_graph.lab.effects import Effect
from ste_graph.lab.measures import MEASURES
from ste_graph.lab.result import AblationResult, ArmResult
from ste_graph.lab.reuse import UnitReuse
from ste_graph.models.meter import limits_by_path
from ste_graph.scoring.tables import range_text
from ste_graph.stats import LEVEL, Interval
from ste_graph.text import align_columns, count_noun, join_first, percent

SHOWN: Final = 8
"""Units, failures and flags of one kind that a text names; the rest is counted."""
INTERVAL: Final = f"{100 * LEVEL:g} % interval"


@dataclass(frozen=True, slots=True)
class ResultTable:
    """A part of a page: a title, a table (its first row is the head), and lines below it."""

    title: str
    rows: Sequence[Sequence[str]] = ()
    notes: Sequence[str] = ()
    left: Sequence[int] = (0,)
    """The columns of words, which are aligned to the left."""

    def text(self) -> str:
        """For a terminal."""
        table = [f"  {line}" for line in align_columns(self.rows, left=self.left)] if self.rows else []
        return "\n".join([self.title, *table, *(f"  {note}" for note in self.notes)])

    def markdown(self) -> str:
        """For an issue, a page or a paper's supplement."""
        if not self.rows:
            return "\n".join([f"## {self.title}", "", *(f"- {note}" for note in self.notes)])
        head, *rows = [[cell.replace("|", "\\|") for cell in row] for row in self.rows]
        rule = ["---" if place in self.left else "---:" for place in range(len(head))]
        table = [f"| {' | '.join(row)} |" for row in (head, rule, *rows)]
        return "\n".join([f"## {self.title}", "", *table, *(f"\n{note}" for note in self.notes)])


def ablation_plan_text(ablation: Ablation) -> str:
    """The plan: of each run what it will do, of each unit why it is not reused, and the most that all can cost."""
    arms = ablation.arms
    rows = [["arm", "seed", "units", "reused", "to run", "model calls", "tool calls"]]
    for run in ablation.runs:
        units, most = run.reuse.units, run.most
        counts = ["?"] * 3 if units is None else [str(len(units)), str(run.reuse.count("reused")), str(run.open_units)]
        calls = ["?", "?"] if most is None else [f"{most.model_calls:,}", f"{most.tool_calls:,}"]
        rows.append([run.arm.name, str(run.seed), *counts, *calls])
    total = ablation.most
    every = ["?", "?"] if total is None else [f"{total.model_calls:,}", f"{total.tool_calls:,}"]
    rows.append(["in all, at most", "", *_sums(ablation), *every])
    head = f"{ablation.name}: {count_noun(len(arms.arms), 'arm')}, {count_noun(len(arms.seeds), 'seed')}"
    parts = [ResultTable(head, rows, [_likely_text(ablation), *_same_lines(ablation)]).text()]
    reasons = list(_reason_lines(ablation))
    if reasons:
        parts.append(ResultTable("why units are not reused", notes=reasons).text())
    if ablation.arms.base.workflow.budget:
        limits = limits_by_path(arms.base.workflow.budget)
        budget = ", ".join(f"{count:,} {name.replace('_', ' ').replace('.', ' ')}" for name, count in limits.items())
        parts.append(f"budget of all arms together: {budget}")
    return "\n\n".join(parts)


def result_parts(result: AblationResult) -> list[ResultTable]:
    """The parts of the page about a result."""
    parts = [_overview(result)]
    parts += [_measure_part(result, number) for number in range(len(MEASURES))]
    parts += [_factor_part(result)] if result.factors else []
    parts += [_loops_part(result), _cost_part(result)]
    notes = list(_notes(result))
    return [*parts, *([ResultTable("notes", notes=notes)] if notes else [])]


def result_text(result: AblationResult) -> str:
    """The result for a terminal."""
    return "\n\n".join(part.text() for part in result_parts(result))


def result_markdown(result: AblationResult) -> str:
    """The result as Markdown."""
    return "\n\n".join(part.markdown() for part in result_parts(result))


def _overview(result: AblationResult) -> ResultTable:
    rows = [["arm", *(measure.name.replace("_", " ") for measure in MEASURES), "same trials"]]
    for arm in result.arms:
        same = percent(arm.same / arm.paired if arm.paired else None)
        rows.append([arm.name, *(_mean_cell(arm, measure.name) for measure in MEASURES), same])
    seeds = count_noun(len(result.ablation.arms.seeds), "seed")
    cases = count_noun(result.arms[0].cases, "case")
    models = ", ".join(result.models)
    label = ": the figures show that the plumbing works, and nothing about a real model"
    title = f"{result.ablation.name}: {count_noun(len(result.arms), 'arm')}, {seeds}, {cases}"
    notes = [
        f"model: {models}{label if result.is_simulated else ''}",
        "mean over tools, in %; * differs from the base for sure, after Holm's correction for the arms",
        "a case is one exploration of a tool under one seed; arms are paired by it",
        "same trials: those with the request and the calls of the base's trial at the same place",
    ]
    return ResultTable(title + (" (simulated)" if result.is_simulated else ""), rows, notes)


def _mean_cell(arm: ArmResult, name: str) -> str:
    mean, effect = arm.means[name], arm.effects.get(name)
    return f"{percent(mean.mean if mean else None)}{' *' if effect and effect.is_shown else ''}"


def _measure_part(result: AblationResult, number: int) -> ResultTable:
    measure = MEASURES[number]
    rows = [["arm", "mean, %", INTERVAL, "difference, points", INTERVAL, "p, Holm"]]
    for arm in result.arms:
        mean, effect = arm.means[measure.name], arm.effects.get(measure.name)
        own = [percent(mean.mean), range_text(mean)] if mean else ["-", "-"]
        rows.append([arm.name, *own, *_effect_cells(effect)])
    title = f"{measure.name.replace('_', ' ')}: {measure.title}"
    return ResultTable(title + (" (simulated)" if result.is_simulated else ""), rows)


def _effect_cells(effect: Effect | None) -> list[str]:
    if effect is None:
        return ["-", "-", "-"]
    interval: Interval = effect.interval
    mark = " *" if effect.is_shown else ""
    return [f"{100 * interval.mean:+.1f}{mark}", range_text(interval, sign="+"), f"{effect.p_value:.2g}"]


def _factor_part(result: AblationResult) -> ResultTable:
    rows = [["measure", "factor", "difference, points", INTERVAL, "p, Holm"]]
    for measure in MEASURES:
        for factor in result.ablation.arms.factors:
            cells = _effect_cells(result.factors[measure.name].get(factor))
            rows.append([measure.name.replace("_", " "), factor, *cells])
    return ResultTable("main effect of each factor: its mean over all combinations of the others", rows, left=(0, 1))


def _loops_part(result: AblationResult) -> ResultTable:
    """The shares in which loops ended at their bound, and what befell replies."""
    flagged = {(arm.name, found.what) for arm in result.arms for found in arm.inequalities}
    names = list(dict.fromkeys(what for arm in result.arms for what, _, _ in arm.conduct.rates()))
    head = ["requests made again", *(f"{name} replies" for name in FAULTS)]
    loops = [name for name in names if name not in head]
    rows = [["arm", "made again", *FAULTS, *(name.replace(" ended by at_most", "") for name in loops)]]
    for arm in result.arms:
        rates = {what: (count, of) for what, count, of in arm.conduct.rates()}
        cells = []
        for what in [*head, *loops]:
            count, of = rates.get(what, (0, 0))
            cells.append(f"{percent(count / of if of else None)}{' !' if (arm.name, what) in flagged else ''}")
        rows.append([arm.name, *cells])
    notes = ["of replies: those made again, cut off, unreadable, empty; of loops: those that `at_most` ended"]
    if flagged:
        notes.append("! unequal to the base (p <= 0.01): what differs may come from this, and not from the change")
    return ResultTable("requests and loops, in %", rows, notes)


def _cost_part(result: AblationResult) -> ResultTable:
    prices = result.ablation.prices
    counted = any(arm.conduct.used.prompt_tokens for arm in result.arms)
    head = ["arm", "units", "trials", "model calls", "tool calls", "failed calls"]
    head += ["prompt tokens", "reply tokens"] if counted else []
    head += [prices.currency] if prices and counted else []
    rows = [head]
    for arm in result.arms:
        used, conduct = arm.conduct.used, arm.conduct
        units = str(conduct.done) if conduct.done == conduct.units else f"{conduct.done} of {conduct.units}"
        cells = [units, *(f"{n:,}" for n in (conduct.trials, used.model_calls, used.tool_calls, used.failed_calls))]
        cells += [f"{used.prompt_tokens:,}", f"{used.completion_tokens:,}"] if counted else []
        cells += [f"{conduct.price(prices) or 0:,.2f}"] if prices and counted else []
        rows.append([arm.name, *cells])
    notes = [] if counted else ["the server counted no tokens"] if not result.is_simulated else []
    return ResultTable("cost", rows, notes)


def _notes(result: AblationResult) -> Iterator[str]:
    yield from _same_lines(result.ablation)
    for arm in result.arms:
        if arm.means["solved"] is None and arm.cases:
            yield f"{arm.name}: the model is not asked whether a trial is solved, so that `solved` has no value"
        if arm.paired and arm.same == arm.paired:
            all_same = f"all {count_noun(arm.same, 'trial')} have the requests and calls of the base's"
            yield f"{arm.name}: {all_same}; see `ste check --proofs`"
        for found in arm.inequalities:
            rates = f"{percent(found.other)} % against {percent(found.base)} % of the base (p = {found.p_value:.1g})"
            yield f"{arm.name}: unequal: {found.what}: {rates}"
        failed = list(arm.conduct.failed.items())
        yield from (f"{arm.name}, {place}: {why}" for place, why in failed[:SHOWN])
        if len(failed) > SHOWN:
            yield f"{arm.name}: and {len(failed) - SHOWN} more failed"
    by_reason = group((why, place) for place, why in result.left_out.items())
    yield from (f"not compared: {why}: {join_first(places, 4, '; ')}" for why, places in by_reason.items())
    if len(result.arms) > 1:
        yield f"the runs are in {result.ablation.folder}/ARM/seed-N; look at one with `ste show`"


def _same_lines(ablation: Ablation) -> list[str]:
    return [f"{name} is the same as {same_as} here, and is not run" for name, same_as in ablation.arms.same.items()]


def _sums(ablation: Ablation) -> list[str]:
    counts = [
        (None if run.reuse.units is None else len(run.reuse.units), run.reuse.count("reused"), run.open_units)
        for run in ablation.runs
    ]
    return ["?" if None in column else f"{sum(filter(None, column)):,}" for column in zip(*counts, strict=True)]


def _likely_text(ablation: Ablation) -> str:
    likely, price = ablation.expected, ablation.expected_price
    if ablation.is_finished:
        return "nothing is left to run: all is reused"
    if any(run.open_units is None for run in ablation.runs):
        each = [run.per_unit for run in ablation.runs if run.per_unit is not None]
        most = f"{max(cost.model_calls for cost in each):,} model calls" if each else "known later"
        return f"its tools must start before it is known how many they are; for each tool, at most: {most}"
    calls = f"likely, by what a small real model did: {likely.model_calls:,} model calls"
    if not likely.prompt_tokens:
        return f"{calls}; no tokens, as the model is simulated"
    tokens = f"{likely.prompt_tokens:,} prompt and {likely.completion_tokens:,} reply tokens"
    money = "" if price is None or ablation.prices is None else f", {price:,.2f} {ablation.prices.currency}"
    return f"{calls}, {tokens}{money}"


def _reason_lines(ablation: Ablation) -> Iterator[str]:
    """The units that are not reused, by what they have in common: the reason, and the runs in which it is theirs."""
    runs_by_line = group((line, run.title) for run in ablation.runs for line in _run_reasons(run.reuse.units))
    for line, runs in runs_by_line.items():
        yield f"{'every run' if len(runs) == len(ablation.runs) > 1 else join_first(runs, SHOWN, '; ')}: {line}"


def _run_reasons(units: Sequence[UnitReuse] | None) -> Iterator[str]:
    if units is None:
        yield "its units are known once its tools have started"
        return
    by_reason = group((f"{unit.state}: {unit.reason}", unit.unit) for unit in units if unit.state != "reused")
    for reason, names in by_reason.items():
        yield f"{'all units' if len(names) == len(units) else join_first(names, SHOWN)} {reason}"
