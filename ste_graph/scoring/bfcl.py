"""Questions and answers of the Berkeley Function-Calling Leaderboard (BFCL v4), and replies to them."""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ste_graph.contracts import Json
from ste_graph.errors import WorkflowError
from ste_graph.scoring.admissible import LEFT_OUT, Call, Wanted, exactly
from ste_graph.scoring.bfcl_line import AnswerLine, FunctionLine, QuestionLine, checked_lines
from ste_graph.scoring.bfcl_reply import NotCalls, calls_of, python_call
from ste_graph.scoring.case import Case
from ste_graph.scoring.document import read_lines, refused
from ste_graph.scoring.label import Label
from ste_graph.scoring.score import Score

NO_TOOL = "(no call)"
"""The tool of the cases in which none of those offered is of use."""

CLASSES: Mapping[str, str] = {
    "GorillaFileSystem": "gorilla_file_system",
    "MathAPI": "math_api",
    "MessageAPI": "message_api",
    "TicketAPI": "ticket_api",
    "TradingBot": "trading_bot",
    "TravelAPI": "travel_booking",
    "TwitterAPI": "posting_api",
    "VehicleControlAPI": "vehicle_control",
}
"""The file in `func_doc` that documents each class of the multi-turn questions."""


@dataclass(frozen=True, slots=True)
class Question:
    """One question: what is offered, and the calls wanted in each turn (none at all: no call may be made)."""

    id: str
    query: str
    functions: Mapping[str, Mapping[str, Json]]
    turns: tuple[tuple[Wanted, ...], ...]

    @property
    def case(self) -> Case:
        wanted = [one for turn in self.turns for one in turn]
        if not wanted:
            return Case(NO_TOOL, self.query)
        name = wanted[0].name if len(wanted) == 1 else " + ".join(dict.fromkeys(one.name for one in wanted))
        return Case(name, self.query, wanted[0].values if len(wanted) == 1 else {"calls": len(wanted)})


def is_questions(path: Path) -> bool:
    """Whether a test is one question a line, as BFCL's are, and not one object."""
    try:
        with path.open(encoding="utf-8") as file:
            first = json.loads(file.readline())
    except (OSError, ValueError):
        return False
    return isinstance(first, dict) and "question" in first


def read_questions(path: Path, answers: Path | None = None) -> list[Question]:
    """The questions of a file with their answers.

    Without `answers`, `answers_NAME.json` or `possible_answer/FILE` beside the questions is taken. Questions of an
    `irrelevance` file have none: no call may be made. Those of several turns need the folder `func_doc` beside them,
    or beside that folder.

    Raises:
        WorkflowError: A file is not there, or not what it should be; or a question has no answer.
    """
    items = checked_lines(path, QuestionLine, "expected one question of BFCL a line")
    irrelevant = "irrelevance" in path.name
    truths = {} if irrelevant else _truths(answers or _beside(path))
    missing = [] if irrelevant else [item["id"] for item in items if item["id"] not in truths]
    if missing:
        raise refused(path, missing, "these questions have no answer")
    docs = _Documents(path)
    questions = []
    for item in items:
        offered = item["function"] if item.get("function") is not None else docs.of(item["involved_classes"])
        functions = {one["name"]: one for one in offered}
        turns = _turns(item["id"], truths.get(item["id"], []), functions)
        said = [message["content"] for turn in item["question"] for message in turn if message["role"] == "user"]
        questions.append(Question(item["id"], "\n".join(said), functions, turns))
    return questions


def score_replies(questions: Sequence[Question], path: Path, *, gold: str = "") -> Score:
    """The score of a file of replies, see `results_of`; `gold` names where the answers are from.

    Every question without a reply is wrong and named.
    """
    labels: dict[str, list[Label]] = {}
    problems = []
    results = results_of(questions, path)
    for question in questions:
        if question.id not in results:
            problems.append(f"{question.id}: no reply; it counts as wrong")
        labels.setdefault(question.case.tool, []).append(label_of(question, results.get(question.id)))
    return Score(
        {tool: tuple(own) for tool, own in labels.items()}, source=str(path), gold=gold, problems=tuple(problems)
    )


def results_of(questions: Sequence[Question], path: Path) -> dict[str, Json]:
    """The replies in a file, one `{"id", "result"}` a line, by the question's id.

    Raises `WorkflowError` for a reply to no question, or a second one.
    """
    known = {question.id for question in questions}
    results: dict[str, Json] = {}
    faults, seen = [], set[str]()
    for number, item in read_lines(path):
        name = item.get("id") if isinstance(item, dict) else None
        if not isinstance(name, str) or name not in known:
            faults.append(f"line {number}: there is no question {name!r}" if name else f"line {number}: has no `id`")
        elif name in seen:
            faults.append(f"line {number}: a second reply to {name!r}")
        elif item.get("result") is not None:
            results[name] = item["result"]
        seen |= {name} & known if isinstance(name, str) else set()
    if faults:
        raise refused(path, faults, 'expected one {"id", "result"} a line for each question')
    return results


def label_of(question: Question, result: Json) -> Label:
    """The label of one reply.

    Where no call is wanted, only a reply that plainly makes none is right: one that cannot be read is not.

    Differs: BFCL takes whatever it cannot read for a refusal (ShishirPatil/gorilla #443), and runs the calls of
    several turns and compares the states they lead to; here they must be the answer's calls in its order.
    """
    case = question.case
    try:
        turns = calls_of(result, len(question.turns) if len(question.turns) > 1 else 1)
    except NotCalls as fault:
        return Label(case, no_call=False, err=True, problem=str(fault))
    calls = [call for turn in turns for call in turn]
    if not calls:
        return Label(case, no_call=True, err=False, wants_call=any(question.turns))
    first = calls[0]
    called = " + ".join(call.name for call in calls)
    problem, named = _compared(question.turns, turns)
    return Label(
        case,
        no_call=False,
        err=False,
        api_match=named,
        args_correct=problem is None if named else None,
        called=case.tool if named else called,
        arguments=first.arguments if len(calls) == 1 else {"calls": len(calls)},
        problem=problem,
        by="rule",
        wants_call=any(question.turns),
    )


def _compared(wanted: Sequence[Sequence[Wanted]], turns: Sequence[Sequence[Call]]) -> tuple[str | None, bool]:
    """What is wrong with the calls, and whether at least all their names are right."""
    if [len(turn) for turn in turns] != [len(turn) for turn in wanted]:
        return "there are more calls, or fewer, than wanted", False
    pairs = [pair for own, given in zip(wanted, turns, strict=True) for pair in zip(own, given, strict=True)]
    for one, call in pairs:
        if not one.named(call.name):
            return f"`{call.name}` is called, not `{one.name}`", False
    problems = (one.problem(call.arguments) for one, call in pairs)
    return next((problem for problem in problems if problem), None), True


def _beside(path: Path) -> Path:
    name = path.name.removeprefix("BFCL_v4_")
    places = (path.with_name(f"answers_{name}"), path.parent / "possible_answer" / path.name)
    found = next((place for place in places if place.is_file()), None)
    if found is None:
        raise WorkflowError(f"{path}: its answers are neither {places[0]} nor {places[1]}; give them")
    return found


def _truths(path: Path) -> dict[str, Json]:
    lines = checked_lines(path, AnswerLine, 'expected one {"id", "ground_truth"} a line')
    return {item["id"]: item["ground_truth"] for item in lines}


def _turns(name: str, truth: Sequence[Json], functions: Mapping[str, Json]) -> tuple[tuple[Wanted, ...], ...]:
    if not truth:
        return ((),)
    if isinstance(truth[0], dict):
        return (tuple(_wanted(name, one, functions) for one in truth),)
    return tuple(tuple(_literal(name, text, functions) for text in turn) for turn in truth)


def _wanted(name: str, truth: Mapping[str, Json], functions: Mapping[str, Json]) -> Wanted:
    ((function, values),) = truth.items()
    return Wanted(function, _parameters(name, function, functions), values)


def _literal(name: str, text: str, functions: Mapping[str, Json]) -> Wanted:
    """A wanted call from the Python text of it; what has a default may be left out, or given as that."""
    try:
        function, positional, arguments = python_call(ast.parse(text, mode="eval").body)
    except (SyntaxError, NotCalls) as fault:
        raise WorkflowError(f"{name}: {text!r} is not a call ({fault})") from fault
    parameters = _parameters(name, function, functions)
    properties: Mapping[str, Json] = parameters.get("properties", {})
    given = {**dict(zip(properties, positional, strict=False)), **arguments}
    values = {key: [exactly(value)] for key, value in given.items()}
    for key in properties.keys() - set(parameters.get("required", ())):
        default = [exactly(properties[key]["default"])] if "default" in properties[key] else []
        if key not in given or values[key] == default:
            values[key] = [LEFT_OUT, *default]
    return Wanted(function, parameters, values)


def _parameters(name: str, function: str, functions: Mapping[str, Json]) -> Mapping[str, Json]:
    if function not in functions:
        raise WorkflowError(f"{name}: the answer calls `{function}`, which is not offered: {', '.join(functions)}")
    parameters: Mapping[str, Json] = functions[function]["parameters"]
    return parameters


class _Documents:
    """The functions of the multi-turn classes, each file read once."""

    def __init__(self, questions: Path) -> None:
        self.questions = questions
        self.read: dict[str, list[Json]] = {}

    def of(self, classes: Sequence[str]) -> list[Json]:
        return [function for one in classes for function in self._of(one)]

    def _of(self, name: str) -> list[Json]:
        if name not in CLASSES:
            raise WorkflowError(f"{self.questions}: unknown class {name!r}; known: {', '.join(sorted(CLASSES))}")
        if name not in self.read:
            above = self.questions.resolve().parent
            places = [folder / "func_doc" / f"{CLASSES[name]}.json" for folder in (above, above.parent)]
            places += [above / "multi_turn_func_doc" / f"{CLASSES[name]}.json"]
            found = next((place for place in places if place.is_file()), places[0])
            self.read[name] = checked_lines(found, FunctionLine, "expected one function a line")
        return self.read[name]
