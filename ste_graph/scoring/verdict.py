"""What a judge said of the arguments of a call, and what earlier runs know of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import ClassVar, Self

from pydantic import Field

from ste_graph.contracts import Json
from ste_graph.errors import WorkflowError
from ste_graph.records import Circumstances, Record
from ste_graph.scoring.document import read_lines, refused
from ste_graph.scoring.judging import Question


class Verdict(Record):
    """The answer to one `Question`; `of` is that question as plain data, which is not kept as such.

    `right` is None where the judge's reply was neither a yes nor a no: that decides nothing.
    """

    derived: ClassVar[frozenset[str]] = frozenset({"key", "tool", "query", "gold", "given", "judge"})

    of: dict[str, Json] = Field(default={}, exclude=True)
    right: bool | None
    why: str | None = None
    key: str
    """The same for the same question, see `Question.key`."""
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
    def made(cls, given: Mapping[str, Json], circumstances: Circumstances) -> Self:
        of = given["of"]
        asked = Question(of["tool"], of["query"], of["gold"], of["given"])
        judge = next(iter(circumstances.models.get("right", ())), None)
        return cls.model_validate({**of, **given, "key": asked.key, "judge": judge})


def known_verdicts(path: Path) -> dict[str, bool]:
    """The verdicts that a run has kept, or that stand in a file, one `{"key", "right"}` a line, by the question's key.

    Raises `WorkflowError` where there are none to be had; a line that is damaged is named.
    """
    if path.is_dir():
        from ste_graph.finished import open_run

        lines = [(0, line) for line in open_run(path).records() if line["record"] == "verdict"]
    else:
        lines = read_lines(path)
    return _verdicts(lines, path)


def _verdicts(lines: Iterable[tuple[int, Json]], path: Path) -> dict[str, bool]:
    found, faults = dict[str, bool](), list[str]()
    for number, line in lines:
        match line:
            case {"key": str(key), "right": bool(right)}:
                found[key] = right
            case {"key": str(), "right": None}:
                pass
            case _:
                faults.append(f"line {number}" if number else "a verdict in its journal")
    if faults:
        expected = "expected `key` (text) and `right` (true, false, or null for no verdict); mend or delete them"
        raise refused(path, faults, f"{expected} (the judge is then asked again)")
    if not found:
        raise WorkflowError(f"{path}: holds no verdict")
    return found
