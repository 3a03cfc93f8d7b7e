"""The gold calls of a test: `{TOOL: [{query, action_input}, …]}`, as in the paper's `tool_test.json`."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ste_graph.contracts import Json
from ste_graph.errors import WorkflowError
from ste_graph.files.document import parse_json, read_json
from ste_graph.scoring.case import Case
from ste_graph.scoring.document import refused

NAME = "tool_test.json"


@dataclass(frozen=True, slots=True)
class Gold:
    """The cases of a test, by tool, in the order of its file."""

    source: str
    cases: Mapping[str, tuple[Case, ...]]


def read_gold(path: Path) -> Gold:
    """The gold calls in a file. Raises `WorkflowError` that names every item which is none."""
    faults: list[str] = []
    cases: dict[str, list[Case]] = {}
    for tool, items in by_tool(path).items():
        cases[tool] = []
        for number, item in enumerate(items):
            try:
                cases[tool].append(case_of(tool, item))
            except ValueError as fault:
                faults.append(f"{tool} #{number}: {fault}")
        queries = [case.query for case in cases[tool]]
        faults += [f"{tool}: {query!r} stands twice" for query in dict.fromkeys(queries) if queries.count(query) > 1]
    if faults:
        raise refused(path, faults, "every case needs a request of its own and a gold call")
    return Gold(str(path), {tool: tuple(items) for tool, items in cases.items()})


def found_gold(predictions: Path) -> Path | None:
    """`tool_test.json` beside the predictions, up to two folders above, or below `STE_DATA`; None if there is none.

    In a checkout of the reference repository the file stands in a folder of its own.
    """
    above = predictions.resolve().parents[:3]
    places = [folder / NAME for folder in above]
    places += [folder / "llama-recipes" / "ft_datasets" / NAME for folder in above]
    if data := os.environ.get("STE_DATA"):
        places += [Path(data) / "ste" / NAME, Path(data) / NAME]
    return next((place for place in places if place.is_file()), None)


def by_tool(path: Path) -> dict[str, list[Json]]:
    """The items of a file by tool. Raises `WorkflowError` for another shape."""
    value = read_json(path)
    if not isinstance(value, dict) or not all(isinstance(items, list) for items in value.values()):
        raise WorkflowError(f"{path}: expected one object that gives each tool a list of items: {{TOOL: [{{…}}, …]}}")
    if not any(value.values()):
        raise WorkflowError(f"{path}: there is no item in it")
    return value


def case_of(tool: str, item: Json) -> Case:
    """The case that an item states. Raises `ValueError` that says what it lacks, as the rest of a sentence."""
    if not isinstance(item, dict):
        raise ValueError("not an object")
    query, action = item.get("query"), item.get("action", tool)
    if not isinstance(query, str) or not query.strip():
        raise ValueError("has no `query`")
    if action != tool:
        raise ValueError(f"its `action` is {action!r}, but it stands under {tool!r}")
    if "action_input" not in item:
        raise ValueError("has no `action_input`, the arguments of the gold call")
    arguments = item["action_input"]
    if isinstance(arguments, str):
        try:
            arguments = parse_json(arguments, "`action_input`")
        except WorkflowError as fault:
            raise ValueError(str(fault)) from fault
    if not isinstance(arguments, dict):
        raise ValueError("its `action_input` is not one JSON object")
    if not _is_finite(arguments):
        raise ValueError("its `action_input` holds a number that is not finite, which no reply can equal")
    return Case(tool, query, arguments)


def _is_finite(value: Json) -> bool:
    """Whether no number in a value is infinite or none at all, both of which JSON does not have."""
    match value:
        case float():
            return math.isfinite(value)
        case dict():
            return all(map(_is_finite, value.values()))
        case list():
            return all(map(_is_finite, value))
    return True
