"""An ablation: every arm under every seed, planned in all and then run under one budget, in one folder.

A finished unit is reused as long as nothing that it depends on has changed, so the same command takes up an ablation
that was stopped, and one with a further arm or seed runs only that.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ste_graph.compile.cost import Cost
from ste_graph.contracts import Json
from ste_graph.errors import WorkflowError
from ste_graph.experiment import Experiment
from ste_graph.lab.arms import AblationArm, Arms, check_same_basis, expected_locks
from ste_graph.lab.expected import NOTHING, Expected, expect, read_prices
from ste_graph.lab.reuse import Reuse, carry_over, plan_reuse
from ste_graph.models.prices import Prices
from ste_graph.run.context import Watcher
from ste_graph.run.costs import open_meter, replay_usage, worked_s
from ste_graph.run.folder import LOCK_FILE, RunFolder
from ste_graph.run.summary import Summary

REPLACED = "replaced"
"""The folder in that of an ablation to which runs are moved that something has changed for."""


@dataclass(frozen=True)
class ArmRun:
    """One arm under one seed: its folder, and what is left to do there."""

    arm: AblationArm
    seed: int
    folder: Path
    reuse: Reuse
    wanted: Mapping[str, Json] | None = field(repr=False)
    """The content that its lock file would have; None where its tools are known only once something has started."""
    per_unit: Cost | None
    """The most that a unit can cost; None where a part of it is not known yet."""

    @property
    def experiment(self) -> Experiment:
        return self.arm.by_seed[self.seed]

    @property
    def title(self) -> str:
        return f"{self.arm.name}, seed {self.seed}"

    @property
    def open_units(self) -> int | None:
        """The units that are not reused; None if they are not known."""
        return self.reuse.count("to run", "continues")

    @property
    def most(self) -> Cost | None:
        """The most that is still to be used; None if it is not known."""
        count = self.open_units
        return None if count is None or self.per_unit is None else self.per_unit * count

    @property
    def expected(self) -> Expected:
        """About what is still to be used."""
        if not self.open_units or self.per_unit is None:
            return NOTHING
        return expect(self.experiment.workflow, self.open_units, self.per_unit.model_calls)

    def to_json(self) -> dict[str, Json]:
        most = self.most
        return {
            "arm": self.arm.name,
            "seed": self.seed,
            "run": str(self.folder),
            "units": self.reuse.units
            and [{"unit": own.unit, "state": own.state, "reason": own.reason} for own in self.reuse.units],
            "at_most": most and {"model_calls": most.model_calls, "tool_calls": most.tool_calls},
        }


@dataclass(frozen=True)
class Ablation:
    """All runs of an ablation: those of a seed together, the base first, so that a spent budget leaves whole seeds."""

    arms: Arms
    folder: Path
    runs: tuple[ArmRun, ...]
    prices: Prices | None = None

    @property
    def name(self) -> str:
        return self.arms.base.workflow.name

    @property
    def most(self) -> Cost | None:
        """The most that is still to be used by all; None if it is not known."""
        total = Cost(0, 0)
        for run in self.runs:
            if (most := run.most) is None:
                return None
            total += most
        return total

    @property
    def expected(self) -> Expected:
        """About what is still to be used by all."""
        return sum((run.expected for run in self.runs), NOTHING)

    @property
    def expected_price(self) -> float | None:
        """About what the rest costs, in the currency of `prices`; None without prices or tokens."""
        likely = self.expected
        if self.prices is None or not likely.prompt_tokens:
            return None
        return self.prices.price(likely.prompt_tokens, likely.completion_tokens)

    @property
    def is_finished(self) -> bool:
        """True if there is nothing left to run."""
        return all(run.open_units == 0 for run in self.runs)

    def to_json(self) -> dict[str, Json]:
        """The plan for other programs; the keys are a promise."""
        most, likely = self.most, self.expected
        return {
            "workflow": self.name,
            "folder": str(self.folder),
            "arms": [arm.name for arm in self.arms.arms],
            "same": dict(self.arms.same),
            "seeds": list(self.arms.seeds),
            "at_most": most and {"model_calls": most.model_calls, "tool_calls": most.tool_calls},
            "likely": {
                "model_calls": likely.model_calls,
                "prompt_tokens": likely.prompt_tokens,
                "completion_tokens": likely.completion_tokens,
                "price": self.expected_price,
                "currency": self.prices and self.prices.currency,
            },
            "runs": [run.to_json() for run in self.runs],
        }


def plan_ablation(arms: Arms, folder: Path, prices: Prices | None = None, *, start: bool = True) -> Ablation:
    """Plan an ablation in a folder, new or taken up. Without `prices`, those in `params.prices` of the workflow count.

    With `start`, sources of tools that must start (MCP servers) do, to see which tools they have. Without it, a
    finished run of theirs counts as reused, whatever has become of its tools.

    Raises:
        WorkflowError: arms that cannot be compared, tools or data that cannot be opened, or a folder that holds
            something else or runs of another version; all problems of one kind at once.
    """
    if folder.is_dir() and (folder / LOCK_FILE).exists():
        raise WorkflowError(f"{folder}: is the folder of one run; an ablation has many: give another one with --out")
    locks = expected_locks(arms, start=start)
    problems: list[str] = []
    first = arms.seeds[0]
    check_same_basis(arms, {arm.name: locks[arm.name, first] for arm in arms.arms})
    costs = {arm.name: arm.by_seed[first].plan(tools=False).per_unit for arm in arms.arms}
    runs = []
    for seed in arms.seeds:
        for arm in arms.arms:
            wanted, place = locks[arm.name, seed], folder / arm.name / f"seed-{seed}"
            try:
                reuse = plan_reuse(arm.by_seed[seed].workflow, place, wanted)
            except WorkflowError as error:
                problems.append(str(error))
                continue
            runs.append(ArmRun(arm, seed, place, reuse, wanted, costs[arm.name]))
    if problems:
        raise WorkflowError("\n".join(problems))
    return Ablation(arms, folder, tuple(runs), prices or read_prices(arms.base.workflow.params))


def run_ablation(
    ablation: Ablation,
    *,
    concurrency: int | None = None,
    watch: Callable[[ArmRun], Watcher | None] = lambda run: None,
) -> list[Summary]:
    """Run what is left of an ablation, one arm after the other; the units of an arm are side by side.

    The budget of the workflow is that of all arms together. Returns the summaries of the runs that have begun, the last
    of them that of the run that was stopped, if one was.

    Raises:
        WorkflowError: a run is impossible.
        RunError: a run could not go on.
    """
    whole = open_meter(ablation.arms.base.workflow, None)
    limits_time = ablation.arms.base.workflow.budget.get("time_s") is not None
    summaries = []
    for run in ablation.runs:
        _prepare(ablation.folder, run)
        before = (whole.model_calls, whole.tool_calls)
        whole.used_s += worked_s(run.folder) if limits_time else 0.0
        summary = run.experiment.run(run.folder, concurrency=concurrency, watcher=watch(run), whole=whole)
        if (whole.model_calls, whole.tool_calls) == before:  # it was finished before, and so was only summed up
            replay_usage(run.experiment.workflow, whole, summary.used, summary.prices)
        summaries.append(summary)
        if summary.stopped_by is not None:
            break
    return summaries


def _prepare(folder: Path, run: ArmRun) -> None:
    """Move a run aside that something has changed for, and carry its other units over.

    Raises `WorkflowError` if another process is running there.
    """
    if run.reuse.how in ("go on", "start"):
        return
    there = RunFolder(run.folder)
    there.acquire()
    there.release()
    number = 1
    while (aside := folder / REPLACED / f"{run.arm.name}.seed-{run.seed}.{number}").exists():
        number += 1
    aside.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(run.folder, aside)
    if run.reuse.how == "carry over" and run.wanted is not None:
        carry_over(aside, run.folder, run.reuse, run.wanted)
