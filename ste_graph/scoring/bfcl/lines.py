"""The lines of BFCL's files of questions and answers: their shapes, and what is wrong with a line."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from ste_graph.contracts import Json
from ste_graph.scoring.bfcl.admissible import TYPES
from ste_graph.scoring.problems import problems_error, read_lines

NOT_SCORED: Final = (
    "Questions in Java and JavaScript are not scored: their values are source text of these languages, which BFCL "
    "itself converts"
)
_JAVA: Final = re.compile(r"(?:\b|_)java(?:script)?(?:_|\b)")


class _Line(BaseModel):
    """Other keys are left alone."""

    model_config = ConfigDict(extra="ignore", strict=True)


class _Message(_Line):
    role: str
    content: str


class _Parameters(_Line):
    properties: dict[str, dict[str, Json]] = {}
    required: list[str] = []

    @model_validator(mode="after")
    def _has_known_types(self) -> _Parameters:
        for name, schema in self.properties.items():
            items = schema.get("items")
            for part in (schema, items if isinstance(items, dict) else {}):
                kind = part.get("type", "any")
                if not isinstance(kind, str) or kind not in TYPES:
                    known = ", ".join(sorted(TYPES))
                    raise ValueError(f"{name} has the type {kind!r}; expected one of Python's: {known}. {NOT_SCORED}")
        return self


class _Function(_Line):
    name: str
    parameters: _Parameters


def is_java(name: str) -> bool:
    """True if the name of a file or a question is that of a category in Java or JavaScript."""
    return _JAVA.search(name) is not None


class QuestionLine(_Line):
    """A question: its turns of messages, and the functions offered."""

    id: str
    question: list[list[_Message]]
    function: list[_Function] | None = None
    involved_classes: list[str] | None = None

    @model_validator(mode="after")
    def _offers(self) -> QuestionLine:
        if is_java(self.id):
            raise ValueError(NOT_SCORED)
        if self.function is None and self.involved_classes is None:
            raise ValueError("has neither `function` nor `involved_classes`")
        return self


_Call: TypeAlias = Annotated[dict[str, dict[str, list[Json]]], Field(min_length=1, max_length=1)]


class AnswerLine(_Line):
    """An answer: the calls of one turn with admissible values, or for each of several turns its calls as text."""

    id: str
    ground_truth: Annotated[list[_Call], Field(min_length=1)] | list[list[str]]


class FunctionLine(_Function):
    """A function in a file of `func_doc`."""


def read_checked_lines(path: Path, shape: type[_Line], expected: str) -> list[dict[str, Json]]:
    """Reads the objects of a file of JSON lines. Raises `WorkflowError` that names each line of another shape.

    No two may have one `id`.
    """
    problems: list[str] = []
    found: list[dict[str, Json]] = []
    seen: set[str] = set()
    for number, item in read_lines(path):
        try:
            line = shape.model_validate_json(json.dumps(item))  # for messages in JSON's words
        except ValidationError as error:
            problems.append(f"line {number}: {_describe(error)}")
            continue
        if (name := str(getattr(line, "id", ""))) in seen:
            problems.append(f"line {number}: a second line with the id {name!r}")
        seen |= {name} - {""}
        found.append(item)
    if problems:
        raise problems_error(path, problems, expected)
    return found


def _describe(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    place = _place(first["loc"])
    message = first["msg"].removeprefix("Value error, ")
    return f"`{place}`: {message[:1].lower()}{message[1:]}" if place else message


def _place(keys: Sequence[str | int]) -> str:
    """Keys as in `question.0.0.role`, without pydantic's own names of the alternatives."""
    return ".".join(str(key) for key in keys if isinstance(key, int) or key.isidentifier())
