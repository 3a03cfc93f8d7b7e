"""The labels that stand beside the replies in a file, as the paper's notebook left them."""

from __future__ import annotations

from pathlib import Path

from ste_graph.contracts import Json
from ste_graph.scoring.document import refused
from ste_graph.scoring.gold import by_tool, case_of
from ste_graph.scoring.label import Label
from ste_graph.scoring.predictions import TRUTHS
from ste_graph.scoring.score import Score


def read_stored(path: Path) -> Score:
    """The score that follows from the stored labels. Raises `WorkflowError` that names every item without them."""
    faults: list[str] = []
    labels: dict[str, list[Label]] = {}
    for tool, items in by_tool(path).items():
        labels[tool] = []
        for number, item in enumerate(items):
            try:
                labels[tool].append(_label(tool, item))
            except ValueError as fault:
                faults.append(f"{tool} #{number}: {fault}")
    if faults:
        raise refused(path, faults, "every reply needs its labels (0 or 1)")
    return Score({tool: tuple(own) for tool, own in labels.items()}, source=str(path), gold=str(path))


def _label(tool: str, item: Json) -> Label:
    case = case_of(tool, item)
    no_call, err = _truth(item, "no_call"), _truth(item, "err")
    if no_call or err:
        return Label(case, no_call=no_call, err=err)
    match = _truth(item, "api_match")
    return Label(
        case, no_call=False, err=False, api_match=match, args_correct=_truth(item, "args_correct") if match else None
    )


def _truth(item: dict[str, Json], name: str) -> bool:
    stored = item.get(name)
    if not isinstance(stored, str | int) or stored not in TRUTHS:
        raise ValueError(f"`{name}` is {stored!r}, expected 0 or 1" if name in item else f"has no label `{name}`")
    return TRUTHS[stored]
