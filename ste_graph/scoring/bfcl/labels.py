"""Labels of replies to questions of BFCL, by the leaderboard's own rules."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from ste_graph.contracts import Json
from ste_graph.scoring.bfcl.calls import BfclCall, UnreadableCallsError, read_calls, read_turns
from ste_graph.scoring.bfcl.environment_process import EnvironmentProcess
from ste_graph.scoring.bfcl.questions import BfclQuestion, ExpectedCall, read_bfcl_results
from ste_graph.scoring.label import OWN_RULES, ReplyLabel
from ste_graph.scoring.reply import ArmReply
from ste_graph.scoring.score_sheet import ScoreSheet

NOT_RUN = (
    "the calls of several turns were compared one by one, as `bfcl-eval` and `mpmath` are not installed, whose classes "
    "run them"
)


def score_results(questions: Sequence[BfclQuestion], path: Path, *, gold: str = "") -> ScoreSheet:
    """The score of a file of replies, see `read_bfcl_results`; `gold` names the file of the answers.

    Every question without a reply is wrong and named.
    """
    results = read_bfcl_results(questions, path)
    problems = [f"{item.id}: no reply; it counts as wrong" for item in questions if item.id not in results]
    if any(question.scenario for question in questions) and not EnvironmentProcess.is_possible():
        problems.append(NOT_RUN)
    by_tool: dict[str, list[ArmReply]] = {}
    for reply in label_results(questions, results, arm=str(path)):
        by_tool.setdefault(reply.gold.tool, []).append(reply)
    return ScoreSheet(
        {tool: tuple(own) for tool, own in by_tool.items()}, source=str(path), gold=gold, problems=tuple(problems)
    )


def label_results(questions: Sequence[BfclQuestion], results: Mapping[str, Json], *, arm: str) -> list[ArmReply]:
    """The labelled reply to each question, those of several turns by the states that their calls lead to.

    Where the classes of these questions are not installed, their calls must be the answer's, in its order.
    """
    if not EnvironmentProcess.is_possible():
        return [label_result(question, results.get(question.id), arm=arm) for question in questions]
    with EnvironmentProcess() as environment:
        return [
            label_result(question, results.get(question.id), arm=arm, environment=environment) for question in questions
        ]


def label_result(
    question: BfclQuestion, result: Json, *, arm: str, environment: EnvironmentProcess | None = None
) -> ArmReply:
    """The labelled reply to a question; the request begins with its id, as no two need be worded differently.

    Where no call is expected, a reply that declines is right, and so is any call where any is.

    Differs: BFCL takes whatever it cannot read for a refusal (ShishirPatil/gorilla #443), also a broken call and an
    empty text.

    Args:
        question: The question.
        result: The reply.
        arm: The name of the arm.
        environment: The process that runs the calls of several turns; None: they are compared one by one.
    """
    return ArmReply(
        arm=arm,
        query=f"{question.id}: {question.query}",
        gold=question.gold,
        output=None if result is None else json.dumps(result),
        wants_call=question.wants_call,
        **dict(_label(question, result, environment)),
    )


def _label(question: BfclQuestion, result: Json, environment: EnvironmentProcess | None) -> ReplyLabel:
    scenario = question.scenario
    try:
        if scenario is not None:
            turns = read_turns(result, len(question.turns), question.tools)
        else:
            turns = [read_calls(result, question.tools)]
    except UnreadableCallsError as error:
        return ReplyLabel(err=True, problem=str(error), rules=OWN_RULES)
    calls = [call for turn in turns for call in turn]
    if not calls:
        return ReplyLabel(no_call=True, rules=OWN_RULES)
    problem, has_names = _compare(question, turns)
    if scenario is not None and environment is not None:
        problem = environment.find_difference(
            scenario,
            [[(call.name, call.gold_arguments) for call in turn] for turn in question.turns],
            [[(call.name, call.arguments) for call in turn] for turn in turns],
        )
        has_names = has_names or problem is None
    return ReplyLabel(
        api_match=has_names,
        args_correct=problem is None if has_names else None,
        called=question.gold.tool if has_names else " + ".join(call.name for call in calls),
        arguments=dict(calls[0].arguments) if len(calls) == 1 else {"calls": len(calls)},
        repairs=tuple(dict.fromkeys(repair for call in calls for repair in call.repairs)),
        problem=problem,
        rules=OWN_RULES,
    )


def _compare(question: BfclQuestion, turns: Sequence[Sequence[BfclCall]]) -> tuple[str | None, bool]:
    """The problem with the calls, if any, and True if at least all their names are right."""
    if question.any_call:
        return None, True
    if [len(turn) for turn in turns] != [len(turn) for turn in question.turns]:
        return "there are more calls, or fewer, than expected", False
    if question.scenario is not None:
        return _compare_in_order(
            [call for turn in question.turns for call in turn], [call for turn in turns for call in turn]
        )
    return _compare_in_any_order(question.turns[0], turns[0])


def _compare_in_order(expected: Sequence[ExpectedCall], calls: Sequence[BfclCall]) -> tuple[str | None, bool]:
    pairs = list(zip(expected, calls, strict=True))
    for wanted, call in pairs:
        if not _has_name(wanted, call):
            return f"`{call.name}` is called, not `{wanted.name}`", False
    problems = (wanted.find_problem(call.arguments) for wanted, call in pairs)
    return next((problem for problem in problems if problem), None), True


def _compare_in_any_order(expected: Sequence[ExpectedCall], calls: Sequence[BfclCall]) -> tuple[str | None, bool]:
    """As `_compare`, for calls that are made at once.

    Differs: BFCL gives each expected call the first that fits, even if another one then has none.
    """
    by_name = _match(expected, calls, _has_name)
    if None in by_name:
        called = next(call.name for index, call in enumerate(calls) if index not in by_name)
        return f"`{called}` is called, not `{expected[by_name.index(None)].name}`", False
    matched = _match(
        expected, calls, lambda wanted, call: _has_name(wanted, call) and wanted.find_problem(call.arguments) is None
    )
    if None not in matched:
        return None, True
    wanted = expected[matched.index(None)]
    rest = [call for index, call in enumerate(calls) if index not in matched and _has_name(wanted, call)]
    if len(rest) == 1:
        return wanted.find_problem(rest[0].arguments), True
    return f"no call of `{wanted.name}` has the arguments of the expected one", True


def _match(
    expected: Sequence[ExpectedCall],
    calls: Sequence[BfclCall],
    fits: Callable[[ExpectedCall, BfclCall], bool],
) -> list[int | None]:
    """For each expected call the index of one that fits, each given once, so that most of them have one.

    Calls that were given are given anew where that helps (augmenting paths).
    """
    fitting = [[index for index, call in enumerate(calls) if fits(wanted, call)] for wanted in expected]
    taken: dict[int, int] = {}

    def give(number: int, seen: set[int]) -> bool:
        for index in fitting[number]:
            if index not in seen:
                seen.add(index)
                if index not in taken or give(taken[index], seen):
                    taken[index] = number
                    return True
        return False

    for number in range(len(expected)):
        give(number, set())
    found = {number: index for index, number in taken.items()}
    return [found.get(number) for number in range(len(expected))]


def _has_name(expected: ExpectedCall, call: BfclCall) -> bool:
    """True if a call has the function's name; servers that allow no dot in names get an underscore."""
    return call.name in (expected.name, expected.name.replace(".", "_"))
