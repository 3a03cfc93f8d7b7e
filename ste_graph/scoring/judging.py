"""A judge for the arguments that no rule can compare, and what it has already said."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from ste_graph.contracts import Json
from ste_graph.errors import WorkflowError
from ste_graph.files.jsonl import LineFile
from ste_graph.json_values import digest, equality_key


@dataclass(frozen=True, slots=True)
class Question:
    """Do these arguments ask the tool for the same as the gold ones?"""

    tool: str
    query: str
    gold: Mapping[str, Json]
    given: Mapping[str, Json]

    @property
    def key(self) -> str:
        """The same for the same question, whatever the order of the arguments."""
        return digest([self.tool, self.query, equality_key(self.gold), equality_key(self.given)])

    def to_json(self) -> dict[str, Json]:
        """The question as plain data, for a person and for a prompt."""
        gold, given = (json.loads(json.dumps(dict(one))) for one in (self.gold, self.given))
        return {"key": self.key, "tool": self.tool, "query": self.query, "gold": gold, "given": given}


class Judge(Protocol):
    """Whoever can answer a `Question`, a model as a rule."""

    async def __call__(self, question: Question) -> bool | None:
        """Yes, no, or None: an answer that is neither. Raises `ModelError` when none can be had."""


@dataclass(slots=True)
class Verdicts:
    """What a judge has said so far, kept in a file of JSON lines where one is given: nothing is asked twice.

    An answer that was neither yes nor no is no verdict: it is not kept, and the case stays undecided.
    """

    file: LineFile | None = None
    known: dict[str, bool] = field(default_factory=dict)

    @classmethod
    def at(cls, path: Path) -> Verdicts:
        """The verdicts in a file, which may not be there yet. Raises `WorkflowError` for one that is damaged."""
        file, known = LineFile(path), {}
        for number, line in enumerate(file.lines(), 1):
            key, right = line.get("key"), line.get("right")
            if not isinstance(key, str) or not isinstance(right, bool):
                raise WorkflowError(
                    f"{path}:{number}: not a verdict; expected `key` (text) and `right` (true or false); "
                    "mend or delete the line (the judge is then asked again)"
                )
            known[key] = right
        return cls(file, known)

    def of(self, question: Question) -> bool | None:
        """The verdict; None if there is none yet."""
        return self.known.get(question.key) if self.known else None

    def add(self, question: Question, right: bool) -> None:
        """Keep a verdict, together with what it is about, so that a person can check it."""
        self.known[question.key] = right
        if self.file:
            self.file.append({**question.to_json(), "right": right})

    def close(self) -> None:
        """Let go of the file."""
        if self.file:
            self.file.close()


async def judged(judge: Judge, questions: Iterable[Question], verdicts: Verdicts) -> int:
    """Put every question that has no verdict yet to the judge, each once; gives how many it left unanswered."""

    async def ask(question: Question) -> bool:
        right = await judge(question)
        if isinstance(right, bool):
            verdicts.add(question, right)
        return isinstance(right, bool)

    new = {question.key: question for question in questions if verdicts.of(question) is None}
    answered = await asyncio.gather(*map(ask, new.values()))
    return answered.count(False)
