from __future__ import annotations

import json

import pytest

from ste_graph.errors import WorkflowError
from ste_graph.scoring.case import Case, Predicted
from ste_graph.scoring.judging import Question, Verdicts, judged
from ste_graph.scoring.parser import Parser
from ste_graph.scoring.predictions import Predictions
from ste_graph.scoring.score import Score
from ste_graph.scoring.verdict import known_verdicts

CALL = "Action: search\nAction Input: "


class ScriptedJudge:
    """Answers by a table, counts the questions, and raises where it has no answer."""

    def __init__(self, **answers: object) -> None:
        self.answers = answers
        self.asked: list[Question] = []

    async def __call__(self, question: Question) -> bool | None:
        self.asked.append(question)
        return self.answers[question.given["q"]]  # type: ignore[return-value]


def predictions(*given: str) -> Predictions:
    gold = [Case("search", f"request {number}", {"q": "weather"}) for number in range(len(given))]
    own = tuple(Predicted(case, CALL + json.dumps({"q": q})) for case, q in zip(gold, given, strict=True))
    return Predictions("p.json", "p.json", {"search": own})


async def test_without_a_judge_there_are_bounds_and_with_one_they_meet():
    found = predictions("weather", "Wetter", "tea")
    score = Score.of(found)
    assert (score.correct.lower, score.correct.upper, len(score.questions)) == (1, 3, 2)
    verdicts = Verdicts()
    assert await judged(ScriptedJudge(Wetter=True, tea=False), score.questions, verdicts) == 0
    score = Score.of(found, verdicts=verdicts)
    assert (score.correct.lower, score.correct.upper, score.judge) == (2, 2, 2)


async def test_the_judge_is_not_asked_what_rules_can_tell():
    found = predictions("weather", " weather ")
    assert Score.of(found).questions == []
    strict = Score.of(predictions("tea"), Parser.tolerant)
    assert [question.gold for question in strict.questions] == [{"q": "weather"}]


@pytest.mark.parametrize("nonsense", [None, "maybe", 1])
async def test_an_answer_that_is_neither_yes_nor_no_decides_nothing_and_is_not_kept(nonsense, tmp_path):
    score = Score.of(predictions("tea", "coffee"))
    verdicts = Verdicts.at(tmp_path / "verdicts.jsonl")
    assert await judged(ScriptedJudge(tea=nonsense, coffee=True), score.questions, verdicts) == 1
    verdicts.close()
    again = Score.of(predictions("tea", "coffee"), verdicts=Verdicts.at(tmp_path / "verdicts.jsonl"))
    assert (again.correct.lower, again.correct.upper) == (1, 2)


async def test_verdicts_are_kept_and_nothing_is_asked_twice(tmp_path):
    questions = Score.of(predictions("tea", "coffee")).questions
    judge = ScriptedJudge(tea=False, coffee=True)
    verdicts = Verdicts.at(tmp_path / "verdicts.jsonl")
    await judged(judge, [*questions, *questions], verdicts)
    verdicts.close()
    await judged(judge, questions, Verdicts.at(tmp_path / "verdicts.jsonl"))
    assert len(judge.asked) == 2
    line = json.loads((tmp_path / "verdicts.jsonl").read_text().splitlines()[0])
    assert line == {
        "key": questions[0].key, "right": False, "tool": "search", "query": "request 0",
        "gold": {"q": "weather"}, "given": {"q": "tea"},
    }  # fmt: skip


def test_a_damaged_verdict_is_refused(tmp_path):
    file = tmp_path / "verdicts.jsonl"
    file.write_text('{"key": "a", "right": "yes"}\n')
    with pytest.raises(WorkflowError) as fault:
        Verdicts.at(file)
    assert str(fault.value) == (
        f"{file}:1: not a verdict; expected `key` (text) and `right` (true or false); "
        "mend or delete the line (the judge is then asked again)"
    )


def test_a_question_is_the_same_whatever_the_order_of_its_arguments():
    one = Question("search", "x", {"a": 1, "b": 2}, {"c": 1})
    assert one.key == Question("search", "x", {"b": 2.0, "a": 1}, {"c": 1}).key
    assert one.key != Question("search", "y", {"a": 1, "b": 2}, {"c": 1}).key


def test_verdicts_are_read_from_a_file_and_each_line_that_is_none_is_named(tmp_path, ste):
    file = tmp_path / "verdicts.jsonl"
    file.write_text('{"key": "a", "right": true}\n{"key": "b", "right": null}\n{"key": "c", "right": false}', "utf-8")
    assert known_verdicts(file) == {"a": True, "c": False}
    file.write_text('{"key": "a", "right": "yes"}\n[1]\n', "utf-8")
    with pytest.raises(WorkflowError) as fault:
        known_verdicts(file)
    assert str(fault.value).splitlines() == [
        f"{file}: 2 problems; expected `key` (text) and `right` (true, false, or null for no verdict); mend or delete "
        "them (the judge is then asked again)",
        "  line 1",
        "  line 2",
    ]
    file.write_text('{"key": "b", "right": null}\n', "utf-8")
    with pytest.raises(WorkflowError, match="holds no verdict"):
        known_verdicts(file)
    file.write_text('{"key": "a", "ri', "utf-8")
    with pytest.raises(WorkflowError, match=r"verdicts.jsonl:1: not JSON"):
        known_verdicts(file)


def test_the_same_question_is_given_to_a_prompt_as_plain_data():
    question = Question("search", "x", {"b": 2, "a": (1,)}, {})
    assert question.to_json() == {
        "key": question.key, "tool": "search", "query": "x", "gold": {"b": 2, "a": [1]}, "given": {},
    }  # fmt: skip
