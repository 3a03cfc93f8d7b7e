"""The filter of trials: the gates that need no model, one after the other, up to the first that is not passed."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from ste_graph.contracts import Json
from ste_graph.distil.gates import (
    CheckResult,
    GateName,
    TrialGrounding,
    call_record,
    execution_fault,
    format_fault,
    ground_trial,
    grounding_fault,
)
from ste_graph.tools.arguments import ArgumentChecker

RULE_GATES: Final[tuple[GateName, ...]] = ("format", "execution", "grounding")
"""All gates that need no model, in their order."""


class FilterResult(CheckResult):
    """`steps` are the calls that an example keeps, `gates` those that were passed."""

    steps: list[dict[str, Any]]
    stated_values: list[str]
    gates: list[str]


def filter_trial(
    trial: Mapping[str, Json],
    tool: Mapping[str, Json],
    checks: Sequence[GateName] = RULE_GATES,
    *,
    free: Collection[str] = (),
    doubtful: bool = False,
) -> FilterResult:
    """The gates of a trial.

    Args:
        trial: The trial, as the journal has it.
        tool: Its `name`, `parameters` and `description`.
        checks: The gates to ask, in this order.
        free: Parameters whose values need not be traced.
        doubtful: True to let an answer pass that may report a failure of its own.

    Raises:
        ValueError: the trial has no call, and `format` is not among the gates.
    """
    parameters = tool["parameters"]
    steps = _steps(trial["steps"], tool["name"], parameters)
    grounding: TrialGrounding | None = None
    if "format" not in checks and not (steps and isinstance(steps[-1].get("arguments"), Mapping)):
        raise ValueError(f"trial {trial['id']} has no call to look at; let `format` be the first of `checks`")
    for number, check in enumerate(checks):
        fault = None
        match check:
            case "format":
                fault = format_fault(steps, trial["answer"], tool["name"], parameters)
            case "execution":
                fault = execution_fault(steps, doubtful=doubtful)
            case "grounding":
                about = str(tool.get("description") or "")
                grounding = ground_trial(trial["query"], steps, parameters, free, description=about)
                fault = grounding_fault(grounding, steps[-1]["arguments"])
        if fault is not None:
            passed = list(checks[:number])
            return FilterResult(passed=False, gate=check, reason=fault, steps=[], stated_values=[], gates=passed)
    stated_values = grounding.stated_values if grounding else []
    kept = [call_record(steps[place]) for place in (grounding.serving if grounding else [len(steps) - 1])]
    return FilterResult(
        passed=True, gate=None, reason=None, steps=kept, stated_values=stated_values, gates=list(checks)
    )


def _steps(steps: list[dict[str, Any]], tool: str, parameters: Mapping[str, Json]) -> list[dict[str, Any]]:
    """The steps with the last call's arguments as the tool got them, where they could be brought to its types."""
    if not steps or not isinstance(steps[-1].get("arguments"), Mapping):
        return steps
    taken = ArgumentChecker(tool, parameters).check(steps[-1]["arguments"])
    return steps if taken.problem else [*steps[:-1], {**steps[-1], "arguments": taken.arguments}]
