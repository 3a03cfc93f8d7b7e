"""Questions and answers of the Berkeley Function-Calling Leaderboard (BFCL v4), and replies to them."""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ste_graph.contracts import Json
from ste_graph.errors import WorkflowError
from ste_graph.files.regular import check_regular
from ste_graph.scoring.bfcl.admissible import LEFT_OUT, BfclCall, ExpectedCall, admit_only
from ste_graph.scoring.bfcl.calls import UnreadableCallsError, parse_python_call, read_calls
from ste_graph.scoring.bfcl.lines import AnswerLine, FunctionLine, QuestionLine, read_checked_lines
from ste_graph.scoring.case import GoldCall
from ste_graph.scoring.label import OWN_RULES, ReplyLabel
from ste_graph.scoring.problems import problems_error, read_lines
from ste_graph.scoring.reply import ArmReply
from ste_graph.scoring.score_sheet import ScoreSheet

NO_TOOL = "(no call)"
"""The tool of the cases in which no call may be made."""

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
class BfclQuestion:
    """A question: the functions offered, and the calls expected in each turn (none at all: no call may be made)."""

    id: str
    query: str
    functions: Mapping[str, Mapping[str, Json]]
    turns: tuple[tuple[ExpectedCall, ...], ...]

    @property
    def gold(self) -> GoldCall:
        """The expected call; of several, their names and number."""
        expected = [call for turn in self.turns for call in turn]
        if not expected:
            return GoldCall(tool=NO_TOOL)
        if len(expected) == 1:
            return GoldCall(tool=expected[0].name, arguments=dict(expected[0].values))
        names = dict.fromkeys(call.name for call in expected)
        return GoldCall(tool=" + ".join(names), arguments={"calls": len(expected)})


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

    Without `answers`, `answers_NAME.json` or `possible_answer/FILE` beside the questions is taken. Questions of an
    `irrelevance` file have none: no call may be made. Those of several turns need the folder `func_doc` beside them,
    or beside that folder.

    Raises:
        WorkflowError: A file is missing or of another shape, or a question has no answer.
    """
    items = read_checked_lines(path, QuestionLine, "expected one question of BFCL a line")
    irrelevant = "irrelevance" in path.name
    truths = {} if irrelevant else _read_answers(answers or _find_answers(path))
    missing = [] if irrelevant else [item["id"] for item in items if item["id"] not in truths]
    if missing:
        raise problems_error(path, missing, "these questions have no answer")
    docs = _FunctionDocs(path)
    questions = []
    for item in items:
        offered = item["function"] if item.get("function") is not None else docs.functions_of(item["involved_classes"])
        functions = {function["name"]: function for function in offered}
        turns = _expected_turns(item["id"], truths.get(item["id"], []), functions)
        texts = [message["content"] for turn in item["question"] for message in turn if message["role"] == "user"]
        questions.append(BfclQuestion(item["id"], "\n".join(texts), functions, turns))
    return questions


def score_results(questions: Sequence[BfclQuestion], path: Path, *, gold: str = "") -> ScoreSheet:
    """The score of a file of replies, see `read_results`; `gold` names the file of the answers.

    Every question without a reply is wrong and named.
    """
    by_tool: dict[str, list[ArmReply]] = {}
    problems = []
    results = read_results(questions, path)
    for question in questions:
        if question.id not in results:
            problems.append(f"{question.id}: no reply; it counts as wrong")
        reply = label_result(question, results.get(question.id), arm=str(path))
        by_tool.setdefault(reply.gold.tool, []).append(reply)
    return ScoreSheet(
        {tool: tuple(own) for tool, own in by_tool.items()}, source=str(path), gold=gold, problems=tuple(problems)
    )


def read_results(questions: Sequence[BfclQuestion], path: Path) -> dict[str, Json]:
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


def label_result(question: BfclQuestion, result: Json, *, arm: str) -> ArmReply:
    """The labelled reply to a question; the request begins with its id, as no two need be worded differently.

    Where no call is expected, only a reply that plainly makes none is right: one that cannot be read is not.

    Differs: BFCL takes whatever it cannot read for a refusal (ShishirPatil/gorilla #443), and runs the calls of
    several turns and compares the states they lead to; here they must be the answer's calls in its order.
    """
    gold = question.gold
    return ArmReply(
        arm=arm,
        query=f"{question.id}: {question.query}",
        gold=gold,
        output=None if result is None else json.dumps(result),
        wants_call=any(question.turns),
        **dict(_label(question, gold, result)),
    )


def _label(question: BfclQuestion, gold: GoldCall, result: Json) -> ReplyLabel:
    try:
        turns = read_calls(result, len(question.turns) if len(question.turns) > 1 else 1)
    except UnreadableCallsError as error:
        return ReplyLabel(err=True, problem=str(error), rules=OWN_RULES)
    calls = [call for turn in turns for call in turn]
    if not calls:
        return ReplyLabel(no_call=True, rules=OWN_RULES)
    problem, has_names = _compare(question.turns, turns)
    return ReplyLabel(
        api_match=has_names,
        args_correct=problem is None if has_names else None,
        called=gold.tool if has_names else " + ".join(call.name for call in calls),
        arguments=dict(calls[0].arguments) if len(calls) == 1 else {"calls": len(calls)},
        problem=problem,
        rules=OWN_RULES,
    )


def _compare(
    expected: Sequence[Sequence[ExpectedCall]], turns: Sequence[Sequence[BfclCall]]
) -> tuple[str | None, bool]:
    """The problem with the calls, if any, and True if at least all their names are right."""
    if [len(turn) for turn in turns] != [len(turn) for turn in expected]:
        return "there are more calls, or fewer, than expected", False
    pairs = [pair for own, given in zip(expected, turns, strict=True) for pair in zip(own, given, strict=True)]
    for wanted, call in pairs:
        if not wanted.has_name(call.name):
            return f"`{call.name}` is called, not `{wanted.name}`", False
    problems = (wanted.find_problem(call.arguments) for wanted, call in pairs)
    return next((problem for problem in problems if problem), None), True


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


def _expected_turns(
    name: str, truth: Sequence[Json], functions: Mapping[str, Json]
) -> tuple[tuple[ExpectedCall, ...], ...]:
    if not truth:
        return ((),)
    if isinstance(truth[0], dict):
        return (tuple(_expected_call(name, call, functions) for call in truth),)
    return tuple(tuple(_expected_literal(name, text, functions) for text in turn) for turn in truth)


def _expected_call(name: str, truth: Mapping[str, Json], functions: Mapping[str, Json]) -> ExpectedCall:
    ((function, values),) = truth.items()
    return ExpectedCall(function, _parameters(name, function, functions), values)


def _expected_literal(name: str, text: str, functions: Mapping[str, Json]) -> ExpectedCall:
    """An expected call from its Python text; an argument with a default may be left out, or be that."""
    try:
        function, positional, arguments = parse_python_call(ast.parse(text, mode="eval").body)
    except (SyntaxError, UnreadableCallsError) as error:
        raise WorkflowError(f"{name}: {text!r} is not a call ({error})") from error
    parameters = _parameters(name, function, functions)
    properties: Mapping[str, Json] = parameters.get("properties", {})
    given = {**dict(zip(properties, positional, strict=False)), **arguments}
    values = {key: [admit_only(value)] for key, value in given.items()}
    for key in properties.keys() - set(parameters.get("required", ())):
        default = [admit_only(properties[key]["default"])] if "default" in properties[key] else []
        if key not in given or values[key] == default:
            values[key] = [LEFT_OUT, *default]
    return ExpectedCall(function, parameters, values)


def _parameters(name: str, function: str, functions: Mapping[str, Json]) -> Mapping[str, Json]:
    if function not in functions:
        raise WorkflowError(f"{name}: the answer calls `{function}`, which is not offered: {', '.join(functions)}")
    parameters: Mapping[str, Json] = functions[function]["parameters"]
    return parameters


class _FunctionDocs:
    """The functions of the multi-turn classes, each file read once."""

    def __init__(self, questions: Path) -> None:
        self.questions = questions
        self.known: dict[str, list[Json]] = {}

    def functions_of(self, classes: Sequence[str]) -> list[Json]:
        return [function for name in classes for function in self._read(name)]

    def _read(self, name: str) -> list[Json]:
        if name not in CLASSES:
            raise WorkflowError(f"{self.questions}: unknown class {name!r}; known: {', '.join(sorted(CLASSES))}")
        if name not in self.known:
            above = self.questions.resolve().parent
            places = [folder / "func_doc" / f"{CLASSES[name]}.json" for folder in (above, above.parent)]
            places += [above / "multi_turn_func_doc" / f"{CLASSES[name]}.json"]
            found = next((place for place in places if place.is_file()), places[0])
            self.known[name] = read_checked_lines(found, FunctionLine, "expected one function a line")
        return self.known[name]
