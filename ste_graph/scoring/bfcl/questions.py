"""Questions and answers of the Berkeley Function-Calling Leaderboard (BFCL v4), and files of replies to them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final, TypeAlias

from ste_graph.contracts import Json
from ste_graph.errors import WorkflowError
from ste_graph.files.regular import check_regular
from ste_graph.protocols.offered import OfferedTools
from ste_graph.scoring.bfcl.admissible import AdmissibleCall, to_json_schema
from ste_graph.scoring.bfcl.environment import SOURCES, Scenario
from ste_graph.scoring.bfcl.lines import NOT_SCORED, AnswerLine, FunctionLine, QuestionLine, is_java, read_checked_lines
from ste_graph.scoring.bfcl.literal import LiteralCall, parse_literal_call
from ste_graph.scoring.case import GoldCall
from ste_graph.scoring.problems import problems_error, read_lines

NO_TOOL: Final = "(no call)"
"""The tool of the cases in which no call may be made."""
ANY_TOOL: Final = "(any call)"
"""The tool of the cases in which any call is right."""
ExpectedCall: TypeAlias = AdmissibleCall | LiteralCall


@dataclass(frozen=True)
class BfclQuestion:
    """A question: the functions offered, and the calls expected in each turn (none at all: no call may be made)."""

    id: str
    query: str
    functions: Mapping[str, Mapping[str, Json]]
    turns: tuple[tuple[ExpectedCall, ...], ...] = ((),)
    any_call: bool = False
    """True if whatever call is made is right."""
    scenario: Scenario | None = None
    """The services of a question of several turns; None: it has one turn, whose calls may be in any order."""

    @property
    def wants_call(self) -> bool:
        """False if only a reply that makes no call is right."""
        return self.any_call or any(self.turns)

    @property
    def gold(self) -> GoldCall:
        """The expected call; of several, their names and number."""
        expected = [call for turn in self.turns for call in turn]
        if not expected:
            return GoldCall(tool=ANY_TOOL if self.any_call else NO_TOOL)
        if len(expected) == 1:
            return GoldCall(tool=expected[0].name, arguments=expected[0].gold_arguments)
        names = dict.fromkeys(call.name for call in expected)
        return GoldCall(tool=" + ".join(names), arguments={"calls": len(expected)})

    @cached_property
    def tools(self) -> OfferedTools:
        """The functions, as a reply is read with; also by the names that servers without dots give them."""
        schemas = {name: to_json_schema(function["parameters"]) for name, function in self.functions.items()}
        return OfferedTools({**{name.replace(".", "_"): schema for name, schema in schemas.items()}, **schemas})


def is_question_file(path: Path) -> bool:
    """True if a test is one question a line, as BFCL's are, and not one object."""
    try:
        check_regular(path)
        with path.open(encoding="utf-8") as file:
            first = json.loads(file.readline())
    except (OSError, ValueError):
        return False
    return isinstance(first, dict) and "question" in first


def read_questions(path: Path, answers: Path | None = None) -> list[BfclQuestion]:
    """Reads the questions of a file with their answers.

    Without `answers`, `answers_NAME.json` or `possible_answer/FILE` next to the questions is taken. Questions of a file
    of `irrelevance` have none: no call may be made; nor have those of `relevance`, where any call is right. Those of
    several turns need the folder `func_doc` next to them, or next to that folder.

    Raises:
        WorkflowError: A file is missing or of another shape, a question has no answer, or its category is not scored.
    """
    if is_java(path.name):
        raise WorkflowError(f"{path}: {NOT_SCORED}")
    items = read_checked_lines(path, QuestionLine, "expected one question of BFCL a line")
    unknown = sorted({name for item in items for name in item.get("involved_classes") or ()} - SOURCES.keys())
    if unknown:
        known = ", ".join(sorted(SOURCES))
        raise WorkflowError(f"{path}: Questions about {', '.join(unknown)} are not scored, only those about {known}")
    is_unanswered, any_call = "relevance" in path.name, "relevance" in path.name.replace("irrelevance", "")
    truths = {} if is_unanswered else _read_answers(answers or _find_answers(path))
    missing = [] if is_unanswered else [item["id"] for item in items if item["id"] not in truths]
    if missing:
        raise problems_error(path, missing, "these questions have no answer")
    docs = _FunctionDocs(path)
    questions = []
    for item in items:
        name, scenario = item["id"], _scenario(item)
        offered = item["function"] if scenario is None else docs.functions_of(scenario.classes)
        functions = {function["name"]: function for function in offered}
        turns = _expected_turns(name, truths.get(name, []), functions, is_conversation=scenario is not None)
        texts = [message["content"] for turn in item["question"] for message in turn if message["role"] == "user"]
        questions.append(BfclQuestion(name, "\n".join(texts), functions, turns, any_call, scenario))
    return questions


def read_bfcl_results(questions: Sequence[BfclQuestion], path: Path) -> dict[str, Json]:
    """Reads the replies in a file, one `{"id", "result"}` a line, by the question's id.

    Raises `WorkflowError` for a reply to an unknown question, or a second one.
    """
    known = {question.id for question in questions}
    results: dict[str, Json] = {}
    problems, seen = [], set[str]()
    for number, item in read_lines(path):
        name = item.get("id") if isinstance(item, dict) else None
        if not isinstance(name, str) or name not in known:
            problems.append(f"line {number}: there is no question {name!r}" if name else f"line {number}: has no `id`")
        elif name in seen:
            problems.append(f"line {number}: a second reply to {name!r}")
        elif item.get("result") is not None:
            results[name] = item["result"]
        seen |= {name} & known if isinstance(name, str) else set()
    if problems:
        raise problems_error(path, problems, 'expected one {"id", "result"} a line for each question')
    return results


def _find_answers(path: Path) -> Path:
    name = path.name.removeprefix("BFCL_v4_")
    places = (path.with_name(f"answers_{name}"), path.parent / "possible_answer" / path.name)
    found = next((place for place in places if place.is_file()), None)
    if found is None:
        raise WorkflowError(f"{path}: its answers are neither in {places[0]} nor in {places[1]}; name their file")
    return found


def _read_answers(path: Path) -> dict[str, Json]:
    lines = read_checked_lines(path, AnswerLine, 'expected one {"id", "ground_truth"} a line')
    return {item["id"]: item["ground_truth"] for item in lines}


def _scenario(item: Mapping[str, Json]) -> Scenario | None:
    if item.get("function") is not None:
        return None
    return Scenario(
        classes=tuple(item["involved_classes"]),
        initial=item.get("initial_config") or {},
        long_context="long_context" in item["id"],
    )


def _expected_turns(
    name: str, truth: Sequence[Json], functions: Mapping[str, Mapping[str, Json]], *, is_conversation: bool
) -> tuple[tuple[ExpectedCall, ...], ...]:
    if any(isinstance(part, list) != is_conversation for part in truth):
        expected = "for each turn a list of calls as text" if is_conversation else "one call after the other"
        raise WorkflowError(f"{name}: its answer is of another kind of question; expected {expected}")
    if is_conversation:
        return tuple(tuple(parse_literal_call(name, text, functions) for text in turn) for turn in truth)
    return (tuple(_expected_call(name, call, functions) for call in truth),)


def _expected_call(name: str, truth: Mapping[str, Json], functions: Mapping[str, Json]) -> AdmissibleCall:
    ((function, values),) = truth.items()
    if function not in functions:
        raise WorkflowError(f"{name}: the answer calls `{function}`, which is not offered: {', '.join(functions)}")
    return AdmissibleCall(function, functions[function]["parameters"], values)


class _FunctionDocs:
    """The functions of the multi-turn classes, each file read once."""

    def __init__(self, questions: Path) -> None:
        self.questions = questions
        self.known: dict[str, list[Json]] = {}

    def functions_of(self, classes: Sequence[str]) -> list[Json]:
        return [function for name in classes for function in self._read(name)]

    def _read(self, name: str) -> list[Json]:
        if name not in self.known:
            above = self.questions.resolve().parent
            places = [folder / "func_doc" / f"{SOURCES[name]}.json" for folder in (above, above.parent)]
            places += [above / "multi_turn_func_doc" / f"{SOURCES[name]}.json"]
            found = next((place for place in places if place.is_file()), places[0])
            self.known[name] = read_checked_lines(found, FunctionLine, "expected one function a line")
        return self.known[name]
