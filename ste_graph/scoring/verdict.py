"""Verdicts of a judge: questions about arguments that no rule can compare, and the answers that are known."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Self

from pydantic import Field

from ste_graph.contracts import Json
from ste_graph.errors import WorkflowError
from ste_graph.json_values import digest, equality_key
from ste_graph.records import Record, RecordContext
from ste_graph.scoring.problems import problems_error, read_lines


@dataclass(frozen=True, slots=True)
class Question:
    """The question to a judge whether the given arguments ask the tool for the same as the gold ones."""

    tool: str
    query: str
    gold: Mapping[str, Json]
    given: Mapping[str, Json]

    @property
    def key(self) -> str:
        """A hash that is the same for the same question, whatever the order of the arguments."""
        return digest([self.tool, self.query, equality_key(self.gold), equality_key(self.given)])

    def to_json(self) -> dict[str, Json]:
        """The question as plain data, for a person and for a prompt."""
        gold, given = (json.loads(json.dumps(dict(arguments))) for arguments in (self.gold, self.given))
        return {"key": self.key, "tool": self.tool, "query": self.query, "gold": gold, "given": given}


class Verdict(Record):
    """The answer to one `Question`; `of` is that question as plain data, which is not kept as such.

    `right` is None if the judge's reply was neither a yes nor a no: that decides nothing.
    """

    derived: ClassVar[frozenset[str]] = frozenset({"key", "tool", "query", "gold", "given", "judge"})

    of: dict[str, Json] = Field(default={}, exclude=True)
    right: bool | None
    why: str | None = None
    key: str
    """The key of the question, see `Question.key`."""
    tool: str
    query: str
    gold: dict[str, Json]
    given: dict[str, Json]
    judge: str | None = None
    """The model that was asked."""

    @property
    def text(self) -> str:
        return self.query

    @classmethod
    def from_values(cls, values: Mapping[str, Json], context: RecordContext) -> Self:
        of = values["of"]
        question = Question(of["tool"], of["query"], of["gold"], of["given"])
        judge = next(iter(context.models.get("right", ())), None)
        return cls.model_validate({**of, **values, "key": question.key, "judge": judge})


def read_verdicts(path: Path) -> dict[str, bool]:
    """The verdicts in the journal of a run, or in a file with one `{"key", "right"}` a line, by the question's key.

    Raises `WorkflowError` if there are no verdicts, or a line is damaged: it is named.
    """
    if path.is_dir():
        from ste_graph.finished import open_run

        lines = [(0, line) for line in open_run(path).records() if line["record"] == "verdict"]
    else:
        lines = read_lines(path)
    return _parse_verdicts(lines, path)


def _parse_verdicts(lines: Iterable[tuple[int, Json]], path: Path) -> dict[str, bool]:
    found, problems = dict[str, bool](), list[str]()
    for number, line in lines:
        match line:
            case {"key": str(key), "right": bool(right)}:
                found[key] = right
            case {"key": str(), "right": None}:
                pass
            case _:
                problems.append(f"line {number}" if number else "a verdict in its journal")
    if problems:
        expected = "expected `key` (text) and `right` (true, false, or null for no verdict); correct or delete them"
        raise problems_error(path, problems, f"{expected} (the judge is then asked again)")
    if not found:
        raise WorkflowError(f"{path}: holds no verdict")
    return found
