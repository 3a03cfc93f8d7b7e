"""The rules against BFCL's own questions and answers: what they admit passes, what they do not fails."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ste_graph.scoring.bfcl.admissible import AdmissibleCall, to_json_schema
from ste_graph.scoring.bfcl.labels import label_result
from ste_graph.scoring.bfcl.questions import BfclQuestion, read_questions
from ste_graph.scoring.reply import ArmReply
from ste_graph.tools.arguments import ArgumentChecker
from tests.bench.bench_bfcl import PARALLEL
from tests.bench.bfcl_replies import Calls, gold_call, plain

Turns = list[Calls]
FILES = ("simple_python", "multiple", "parallel", "parallel_multiple", "multi_turn_base")


def gold(question: BfclQuestion) -> Turns:
    """The calls of the answer, turn by turn: every argument that may not be left out, with its first value."""
    return [
        [
            gold_call({call.name: dict(call.values)}, dict(call.parameters))
            if isinstance(call, AdmissibleCall)
            else {call.name: call.gold_arguments}
            for call in turn
        ]
        for turn in question.turns
    ]


def result(question: BfclQuestion, turns: Turns) -> Any:
    return turns if question.scenario else turns[0]


def label(question: BfclQuestion, reply: Any) -> ArmReply:
    return label_result(question, reply, arm="a")


def right(question: BfclQuestion, turns: Turns) -> bool:
    return label(question, result(question, turns)).is_correct is True


def changed(value: Any) -> Any:
    match value:
        case bool():
            return not value
        case int() | float():
            return value + 7919
        case str():
            return f"{value} or something else"
        case list():
            return [*value, "one more"]
        case dict():
            return {**value, "one more": 1}
    return "something else"


def renamed(turns: Turns) -> Iterator[Turns]:
    for t, turn in enumerate(turns):
        for c, call in enumerate(turn):
            wrong = copy.deepcopy(turns)
            wrong[t][c] = {f"{name}_anew": arguments for name, arguments in call.items()}
            yield wrong


def arguments_changed(turns: Turns, change: Callable[[dict[str, Any]], Iterator[dict[str, Any]]]) -> Iterator[Turns]:
    for t, turn in enumerate(turns):
        for c, call in enumerate(turn):
            ((name, arguments),) = call.items()
            for other in change(arguments):
                wrong = copy.deepcopy(turns)
                wrong[t][c] = {name: other}
                yield wrong


@pytest.fixture(params=FILES)
def questions(request: pytest.FixtureRequest, data) -> list[BfclQuestion]:
    found = read_questions(data(f"bfcl/BFCL_v4_{request.param}.json"))
    assert len(found) in (200, 400)
    return found[::5]  # `python -m tests.bench bfcl` takes all


def test_every_gold_answer_passes(questions):
    assert [question.id for question in questions if not right(question, gold(question))] == []


def test_every_admissible_value_passes(questions):
    for question in questions:
        for t, turn in enumerate(question.turns):
            for c, wanted in enumerate(turn):
                for name, values in wanted.values.items() if isinstance(wanted, AdmissibleCall) else ():
                    may_go = "" in values and name not in wanted.parameters.get("required", ())
                    for value in [value for value in values if value != ""] + [None] * may_go:
                        turns = gold(question)
                        turns[t][c][wanted.name].pop(name, None)
                        if value is not None:
                            turns[t][c][wanted.name][name] = plain(value)
                        assert right(question, turns), (question.id, name, value)


@pytest.mark.parametrize("name", PARALLEL)
def test_the_gold_calls_of_one_turn_are_right_in_any_order(name, data):
    for question in read_questions(data(f"bfcl/BFCL_v4_{name}.json")):
        (calls,) = gold(question)
        assert len(calls) > 1
        for order in (calls[::-1], [*calls[1:], calls[0]]):
            assert right(question, [order]), question.id


def test_calls_of_one_turn_are_all_needed_once(questions):
    for question in questions:
        (calls, *rest) = gold(question)
        if len(calls) > 1:
            assert not right(question, [calls[1:], *rest])
            assert not right(question, [[*calls, calls[0]], *rest])


def test_a_renamed_function_fails(questions):
    assert [item.id for item in questions for wrong in renamed(gold(item)) if right(item, wrong)] == []


def test_a_dropped_required_argument_fails(questions):
    for question in questions:
        for t, turn in enumerate(question.turns):
            for c, wanted in enumerate(turn):
                for name in question.functions[wanted.name]["parameters"].get("required", ()):
                    turns = gold(question)
                    del turns[t][c][wanted.name][name]
                    assert not right(question, turns), (question.id, name)


def test_an_unknown_argument_fails(questions):
    def added(arguments: dict[str, Any]) -> Iterator[dict[str, Any]]:
        yield {**arguments, "no_such_argument": 1}

    assert [item.id for item in questions for wrong in arguments_changed(gold(item), added) if right(item, wrong)] == []


def test_a_wrong_value_fails(questions):
    def altered(arguments: dict[str, Any]) -> Iterator[dict[str, Any]]:
        for name, value in arguments.items():
            yield {**arguments, name: changed(value)}

    passed = []
    for question in questions:
        for wrong in arguments_changed(gold(question), altered):
            if right(question, wrong):
                passed.append((question.id, wrong))
    assert passed == []


def test_types_written_the_python_way_become_json_schema(questions):
    functions = {item["name"]: item for question in questions for item in question.functions.values()}
    for function in functions.values():
        assert not ArgumentChecker(function["name"], to_json_schema(function["parameters"])).faults
