"""All that differs between two workflows, variants or runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from ste_graph.compile.edges import list_edges
from ste_graph.compile.flow import FlowBuilder
from ste_graph.contracts import Json, is_simulated
from ste_graph.errors import WorkflowError
from ste_graph.finished import FinishedRun
from ste_graph.lab.diff.outcomes import OutcomeDifference, Spent, only_in_one, outcome_differences, spent
from ste_graph.lab.diff.prompts import compare_prompts, render_prompts
from ste_graph.lab.diff.sides import Side
from ste_graph.lab.diff.workflows import (
    GraphChange,
    SettingChange,
    ShownPrompt,
    graph_changes,
    outline_changes,
    prompt_changes,
    setting_changes,
)
from ste_graph.lab.pairs import RunPair, open_trials, pair_runs, require_pairs
from ste_graph.language.workflow import Workflow
from ste_graph.models.meter import limits_by_path
from ste_graph.plan import make_plan

SIGHT: Final = "as the model sees them, with a scripted model and made-up tools"


@dataclass(frozen=True, slots=True)
class PartDifference:
    """The differences in one workflow: the whole one, or a part that it runs (`name`)."""

    name: str
    graph: list[GraphChange]
    outline: list[str]
    settings: list[SettingChange]
    prompts: list[ShownPrompt]
    prompts_are_templates: bool

    def __bool__(self) -> bool:
        return bool(self.graph or self.outline or self.settings or self.prompts)


@dataclass(slots=True)
class WorkflowDifference:
    """Everything that differs between `a` and `b`."""

    a: Side
    b: Side
    parts: list[PartDifference] = field(default_factory=list)
    budget: dict[str, tuple[Json, Json]] = field(default_factory=dict)
    """Maxima that differ, by name."""
    spent: list[Spent] = field(default_factory=list)
    outcomes: list[OutcomeDifference] = field(default_factory=list)
    pair: RunPair | None = None
    remarks: list[str] = field(default_factory=list)
    """The parts that could not be compared, and the reasons."""

    def __bool__(self) -> bool:
        changed = any(each.differing for each in self.outcomes)
        return bool(any(self.parts) or self.budget or self.spent or changed or self._only_in_one)

    @property
    def is_simulated(self) -> bool:
        """True if a simulated model had a part in a run: its outcomes prove plumbing only."""
        runs = [side.run for side in (self.a, self.b) if side.run is not None]
        return any(is_simulated(label) for run in runs for label in run.lock["models"].values())

    @property
    def _only_in_one(self) -> bool:
        return self.pair is not None and (any(only_in_one(self.pair)) or bool(self.pair.left_out))


def compare(a: Side, b: Side) -> WorkflowDifference:
    """Compare two workflows, variants or runs."""
    found = WorkflowDifference(a, b)
    found.parts = list(_parts(a.resolved, b.resolved, "", found))
    if a.experiment is not None and b.experiment is not None:
        found.budget = _budget(a.experiment.workflow, b.experiment.workflow)
    if a.run is not None and b.run is not None:
        _compare_runs(found, a.run, b.run)
    return found


def _parts(
    a: Mapping[str, Json], b: Mapping[str, Json], name: str, found: WorkflowDifference
) -> Iterator[PartDifference]:
    """The differences of a workflow, then of the workflows that it runs."""
    graph, settings = graph_changes(a, b), setting_changes(a, b)
    if not name:
        graph += _edge_changes(found)
    shown = None if name or a.get("runs") or b.get("runs") else _seen_prompts(found, a, b)
    prompts = shown if shown is not None else prompt_changes(a, b)
    yield PartDifference(name, graph, outline_changes(a, b), settings, prompts, shown is None)
    first, second = a.get("runs") or {}, b.get("runs") or {}
    for part in {**first, **second}:
        inner = f"{name}.{part}" if name else part
        if part in first and part in second:
            yield from _parts(first[part], second[part], inner, found)
        else:
            whose = found.b if part not in first else found.a
            found.remarks.append(f"only {whose.name} runs `{inner}`")


def _edge_changes(found: WorkflowDifference) -> list[GraphChange]:
    """The edges that one of two workflow files does not have."""
    if found.a.experiment is None or found.b.experiment is None:
        return []
    first, second = _edges(found.a.experiment.workflow), _edges(found.b.experiment.workflow)
    gone = [GraphChange("edge", edge, "gone") for edge in first if edge not in second]
    return gone + [GraphChange("edge", edge, "new") for edge in second if edge not in first]


def _edges(workflow: Workflow) -> list[str]:
    edges = list_edges(FlowBuilder.build(workflow))
    ends = ((edge.source or "start", edge.target or "end") for edge in edges)
    return list(dict.fromkeys(" → ".join(pair) for pair in ends))


def _seen_prompts(found: WorkflowDifference, a: Mapping[str, Json], b: Mapping[str, Json]) -> list[ShownPrompt] | None:
    """The prompts as the models of two workflow files see them; None where that cannot be known."""
    if found.a.experiment is None or found.b.experiment is None:
        return None
    if not (a.get("prompts") or b.get("prompts")):
        return []
    first, second = render_prompts(found.a.experiment.workflow), render_prompts(found.b.experiment.workflow)
    for side, prompts in ((found.a, first), (found.b, second)):
        if prompts.problem is not None:
            found.remarks.append(f"not all prompts of {side.name} could be made: {prompts.problem}")
    if not first.lines and not second.lines:
        return None
    return compare_prompts(first, second)


def _budget(a: Workflow, b: Workflow) -> dict[str, tuple[Json, Json]]:
    """The maxima that differ: of a unit, and what `budget:` allows."""
    plans = [make_plan(each, tools=False).per_unit for each in (a, b)]
    unit = f"of one {a.unit if a.unit_map else 'unit'}, at most"
    pairs: dict[str, tuple[Json, Json]] = {
        f"{name.replace('_', ' ')} {unit}": (getattr(plans[0], name, None), getattr(plans[1], name, None))
        for name in ("model_calls", "tool_calls")
    }
    limits, others = limits_by_path(a.budget), limits_by_path(b.budget)
    pairs |= {f"budget.{name}": (limits.get(name), others.get(name)) for name in {**limits, **others}}
    return {name: (own, other) for name, (own, other) in pairs.items() if own != other}


def _compare_runs(found: WorkflowDifference, a: FinishedRun, b: FinishedRun) -> None:
    found.spent = spent(a, b)
    try:
        found.pair = pair_runs(open_trials(a.path), open_trials(b.path))
        require_pairs(found.pair)
    except WorkflowError as error:
        found.remarks.append(f"outcomes are not compared: {error}")
        return
    found.outcomes = outcome_differences(found.pair)
