"""The expected use of a run, from a run of the same workflow: the last one in its folder, or a small sample.

Each node is taken to run as often, of the times that its loops allow, as it did there, and to use as much each time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean
from typing import Final

from ste_graph.contracts import Json
from ste_graph.errors import WorkflowError
from ste_graph.finished import FinishedRun, is_run, open_run
from ste_graph.language.expressions.expression import Expression, ExpressionError
from ste_graph.language.sections.bounds import param_value
from ste_graph.language.workflow import Workflow
from ste_graph.models.prices import Prices
from ste_graph.plan import Plan
from ste_graph.run.costs import all_prices, money_spent, worked_s
from ste_graph.run.logs.step_log import StepLog
from ste_graph.run.logs.usage_counts import UsageCounts

COUNTS: Final = ("model_calls", "tool_calls", "prompt_tokens", "cached_tokens", "completion_tokens")


@dataclass(slots=True)
class Estimate:
    """The expected use of a run of a workflow, its parts included."""

    sample: Path
    """The run that it is from."""
    done: int
    units: int
    """Of how many units of the sample so many were done."""
    models: tuple[str, ...]
    """The labels of the models of the sample."""
    model_calls: float = 0.0
    tool_calls: float = 0.0
    prompt_tokens: float = 0.0
    cached_tokens: float = 0.0
    completion_tokens: float = 0.0
    money: float | None = None
    """None unless all models that are asked have prices."""
    currency: str = ""
    time_s: float = 0.0
    """At the pace of the sample, and at least the time of one unit's calls one after the other."""
    new: tuple[str, ...] = ()
    """The nodes that ask a model and have no step in the sample; what they use is not counted."""
    parts: dict[str, Estimate] = field(default_factory=dict)

    def to_json(self) -> dict[str, Json]:
        """The estimate for other programs."""
        return {
            "from": str(self.sample),
            "units_done": self.done,
            "models": list(self.models),
            "model_calls": round(self.model_calls),
            "tool_calls": round(self.tool_calls),
            "prompt_tokens": round(self.prompt_tokens),
            "cached_tokens": round(self.cached_tokens),
            "completion_tokens": round(self.completion_tokens),
            "money": self.money,
            "currency": self.currency or None,
            "time_s": round(self.time_s, 3),
            "not_counted": list(self.new),
            "parts": {name: part.to_json() for name, part in self.parts.items()},
        }


def estimate_run(workflow: Workflow, planned: Plan, sample: Path) -> Estimate:
    """The estimate from a run of this workflow. Raises `WorkflowError` if it is not one, or has finished no step."""
    run = open_run(sample)
    name = run.lock["resolved"]["workflow"].get("name")
    if name != workflow.name:
        raise WorkflowError(f"{sample}: is a run of `{name}`; expected one of `{workflow.name}`")
    prices = all_prices(workflow)
    found = _estimate(workflow, planned, [run], prices, "")
    if not found.model_calls and not found.tool_calls and not found.time_s:
        raise WorkflowError(f"{sample}: no step of this run is finished, so that nothing follows from it")
    return found


def last_run(folder: Path) -> Path | None:
    """The run in a folder, or None if the folder has no run."""
    return folder if is_run(folder) else None


def _estimate(
    workflow: Workflow, planned: Plan, runs: Sequence[FinishedRun], prices: Mapping[str, Prices], prefix: str
) -> Estimate:
    """The estimate from all runs of one part, which `prefix` names."""
    logs = [log for run in runs for log in run.logs().values()]
    done = [log for log in logs if log.done] or [log for log in logs if log.finished]
    labels = dict.fromkeys(label for run in runs for label in run.labels.values())
    found = Estimate(runs[0].path, sum(log.done for log in logs), len(logs), tuple(labels))
    count = planned.unit_bound if planned.unit_bound is not None else len(logs)
    then, wanted = runs[0].lock["resolved"]["workflow"], workflow.lock["workflow"]
    before, now = max_steps(then), max_steps(wanted)
    used = UsageCounts()
    asking = {name for name, spec in workflow.nodes.items() if spec.models and name in now}
    for node, (steps, usage) in _by_node(done).items():
        allowed = before.get(node, 0) * len(done)
        if node in now and allowed and node not in workflow.sub_workflows:
            _add_scaled(found, used, usage, now[node] * count / allowed)
        asking -= {node} if steps else set()
    same = (then.get("params"), then["graph"]) == (wanted.get("params"), wanted["graph"])
    found.new = () if same else tuple(sorted(asking))  # the same workflow had no use for them there
    most = planned.max_unit_cost
    in_turn = most.chain / most.model_calls if most.model_calls else 1.0
    found.time_s = _time(runs, done, found.model_calls, count, in_turn)
    own = {name.removeprefix(prefix): price for name, price in prices.items() if name.startswith(prefix)}
    has_all = all(name in own or not getattr(workflow.models[name], "sampling", True) for name in workflow.asked_models)
    if own and has_all:
        found.money = money_spent(used, own)
        found.currency = next(iter(own.values())).currency
    for sub in planned.sub_workflows:
        parts = [part for run in runs for part in _parts(run, sub.name)]
        if parts:
            inner = workflow.sub_workflows[sub.name].workflow
            _add_part(found, sub.name, _estimate(inner, sub.plan, parts, prices, f"{prefix}{sub.name}."))
        else:
            found.new += (sub.name,)
    return found


def _add_scaled(found: Estimate, used: UsageCounts, usage: UsageCounts, factor: float) -> None:
    """Add what a node has used, as often as the new run lets expect."""
    for count in COUNTS:
        setattr(found, count, getattr(found, count) + getattr(usage, count) * factor)
    scaled = {model: [round(count * factor) for count in counts] for model, counts in usage.models.items()}
    used.add(UsageCounts(models=scaled))


def _add_part(found: Estimate, name: str, part: Estimate) -> None:
    """Add what a part is expected to use; parts run one after the other."""
    found.parts[name] = part
    for count in (*COUNTS, "time_s"):
        setattr(found, count, getattr(found, count) + getattr(part, count))
    found.new += tuple(f"{name}.{node}" for node in part.new)
    if part.money is not None:
        found.money = (found.money or 0.0) + part.money
        found.currency = part.currency


def _by_node(logs: Sequence[StepLog]) -> dict[str, tuple[int, UsageCounts]]:
    """The number of steps of each node, and their use."""
    steps, used = Counter[str](), dict[str, UsageCounts]()
    for log in logs:
        for key, step in log.finished.items():
            node = key.partition(" ")[0].partition("~")[0]
            steps[node] += 1
            used.setdefault(node, UsageCounts()).add(step.used)
    return {node: (count, used[node]) for node, count in steps.items()}


def _time(runs: Sequence[FinishedRun], logs: Sequence[StepLog], calls: float, units: int, in_turn: float) -> float:
    """The seconds of so many calls at the pace of the sample; at least those of a unit's longest chain.

    `in_turn` is the share of a unit's calls that wait for one another.
    """
    made = sum(log.used.model_calls for run in runs for log in run.logs().values())
    worked = sum(worked_s(run.path) for run in runs if not run.sub_runs)
    if not made:
        return worked * units / max(len(logs), 1)
    seconds = [
        float(reply["s"]) for log in logs for step in log.finished.values() for reply in step.asked if "s" in reply
    ]
    chain = in_turn * calls / max(units, 1) * fmean(seconds) if seconds else 0.0
    return max(worked * calls / made, chain)


def _parts(run: FinishedRun, name: str) -> Iterator[FinishedRun]:
    """The runs of one part inside a run."""
    for part in run.sub_runs:
        inside = part.path.relative_to(run.path).parts
        if inside.count("runs") == 1 and part.path.name.partition(".")[0] == name:
            yield part


def max_steps(workflow: Mapping[str, Json]) -> dict[str, int]:
    """The most steps of each node in one unit of a resolved workflow, as its loops allow."""
    blocks, params = workflow["graph"], workflow.get("params") or {}
    if len(blocks) == 1 and isinstance(blocks[0], Mapping) and "map" in blocks[0]:
        blocks = blocks[0]["do"]
    found: Counter[str] = Counter()
    _count_steps(blocks, params, 1, found)
    return dict(found)


def _count_steps(blocks: Sequence[Json], params: Mapping[str, Json], times: int, found: Counter[str]) -> None:
    for block in blocks:
        match block:
            case str():
                found[block] += times
            case {"when": _}:
                _count_steps(block.get("do") or (), params, times, found)
                _count_steps(block.get("else") or (), params, times, found)
            case {"do": list(inner)}:
                bound = block.get("times", block.get("at_most"))
                _count_steps(inner, params, times * _value(bound, params), found)


def _value(bound: Json, params: Mapping[str, Json]) -> int:
    """A bound of a loop as a number; 1 where it cannot be read."""
    try:
        value = Expression.from_value(bound).evaluate(lambda name: param_value(params, name))
    except (ExpressionError, KeyError):
        return 1
    return value if isinstance(value, int) else 1
