"""The cases of a test: requests, each with the call that it asks for (the gold call), and the files that hold them."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from ste_graph.contracts import Frozen, Json
from ste_graph.errors import WorkflowError
from ste_graph.files.document import parse_json, read_json
from ste_graph.json_values import equality_key
from ste_graph.scoring.problems import problems_error

NAME = "tool_test.json"


class GoldCall(Frozen):
    """The call that a request asks for."""

    tool: str
    arguments: dict[str, Json] = Field(default={})

    @property
    def arguments_key(self) -> str:
        """The text that equal arguments share, see `equality_key`. Raises `RecursionError` as that does."""
        return equality_key(self.arguments)


class Case(BaseModel):
    """A request with its gold call; other keys are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    query: str
    gold: GoldCall


@dataclass(frozen=True, slots=True)
class GoldFile:
    """The cases in a file, by tool and in its order. The file is as the paper's `tool_test.json`.

    Its shape is `{TOOL: [{query, action_input}, …]}`.
    """

    source: str
    cases: Mapping[str, tuple[Case, ...]]


def read_gold(path: Path) -> GoldFile:
    """Reads the cases of a file. Raises `WorkflowError` that names every item which is not a case."""
    problems: list[str] = []
    cases: dict[str, list[Case]] = {}
    for tool, items in read_by_tool(path).items():
        cases[tool] = []
        for number, item in enumerate(items):
            try:
                cases[tool].append(parse_case(tool, item))
            except ValueError as error:
                problems.append(f"{tool} #{number}: {error}")
        queries = [case.query for case in cases[tool]]
        problems += [f"{tool}: {query!r} appears twice" for query in dict.fromkeys(queries) if queries.count(query) > 1]
    if problems:
        raise problems_error(path, problems, "every case needs a request of its own and a gold call")
    return GoldFile(str(path), {tool: tuple(items) for tool, items in cases.items()})


def find_gold(predictions: Path) -> Path | None:
    """The `tool_test.json` next to the predictions, up to two folders above, or below `STE_DATA`; None without one.

    In a checkout of the reference repository the file is in a folder of its own.
    """
    above = predictions.resolve().parents[:3]
    places = [folder / NAME for folder in above]
    places += [folder / "llama-recipes" / "ft_datasets" / NAME for folder in above]
    if data := os.environ.get("STE_DATA"):
        places += [Path(data) / "ste" / NAME, Path(data) / NAME]
    return next((place for place in places if place.is_file()), None)


def read_by_tool(path: Path) -> dict[str, list[Json]]:
    """Reads the items of a file by tool. Raises `WorkflowError` for another shape."""
    value = read_json(path)
    if not isinstance(value, dict) or not all(isinstance(items, list) for items in value.values()):
        raise WorkflowError(f"{path}: expected one object that gives each tool a list of items: {{TOOL: [{{…}}, …]}}")
    if not any(value.values()):
        raise WorkflowError(f"{path}: no items found")
    return value


def parse_case(tool: str, item: Json) -> Case:
    """The case that an item states. Raises `ValueError` that says what it lacks, as the rest of a sentence."""
    if not isinstance(item, dict):
        raise ValueError("not an object")
    query, action = item.get("query"), item.get("action", tool)
    if not isinstance(query, str) or not query.strip():
        raise ValueError("has no `query`")
    if action != tool:
        raise ValueError(f"its `action` is {action!r}, but it is listed under {tool!r}")
    if "action_input" not in item:
        raise ValueError("has no `action_input`, the arguments of the gold call")
    arguments = item["action_input"]
    if isinstance(arguments, str):
        try:
            arguments = parse_json(arguments, "`action_input`")
        except WorkflowError as error:
            raise ValueError(str(error)) from error
    if not isinstance(arguments, dict):
        raise ValueError("its `action_input` is not one JSON object")
    if not _is_finite(arguments):
        raise ValueError("its `action_input` holds a number that is not finite, which no reply can equal")
    return Case(query=query, gold=GoldCall(tool=tool, arguments=arguments))


def _is_finite(value: Json) -> bool:
    """True if every number in a value is one that JSON has: not infinite, and not NaN."""
    match value:
        case float():
            return math.isfinite(value)
        case dict():
            return all(map(_is_finite, value.values()))
        case list():
            return all(map(_is_finite, value))
    return True
