from __future__ import annotations

import json

import pytest

from ste_graph.errors import WorkflowError
from ste_graph.scoring.case import GoldCall
from ste_graph.scoring.predictions import Predictions
from ste_graph.scoring.reply import ArmReply
from ste_graph.scoring.score_sheet import score_predictions
from ste_graph.scoring.verdict import Question, read_verdicts

CALL = "Action: search\nAction Input: "


def predictions(*given: str, verdict: bool | None = None) -> Predictions:
    own = tuple(
        ArmReply(
            arm="p",
            query=f"request {number}",
            gold=GoldCall(tool="search", arguments={"q": "weather"}),
            output=CALL + json.dumps({"q": q}),
            verdict=verdict,
        )
        for number, q in enumerate(given)
    )
    return Predictions("p.json", "p.json", {"search": own})


def test_without_verdicts_there_are_bounds_and_with_them_they_meet():
    found = predictions("weather", "Wetter", "tea")
    sheet = score_predictions(found)
    assert (sheet.correctness.lower, sheet.correctness.upper, len(sheet.questions)) == (1, 3, 2)
    verdicts = {question.key: question.given["q"] == "Wetter" for question in sheet.questions}
    sheet = score_predictions(found, verdicts=verdicts)
    assert (sheet.correctness.lower, sheet.correctness.upper, sheet.judged_count) == (2, 2, 2)


def test_a_verdict_kept_next_to_the_reply_comes_first():
    (question,) = score_predictions(predictions("tea")).questions
    sheet = score_predictions(predictions("tea", verdict=True), verdicts={question.key: False})
    assert (sheet.correctness.lower, sheet.judged_count) == (1, 1)


def test_the_judge_is_not_asked_what_rules_can_tell():
    assert score_predictions(predictions("weather", " weather ")).questions == []
    assert [question.gold for question in score_predictions(predictions("tea")).questions] == [{"q": "weather"}]


def test_a_question_is_the_same_whatever_the_order_of_its_arguments():
    question = Question("search", "x", {"a": 1, "b": 2}, {"c": 1})
    assert question.key == Question("search", "x", {"b": 2.0, "a": 1}, {"c": 1}).key
    assert question.key != Question("search", "y", {"a": 1, "b": 2}, {"c": 1}).key


def test_verdicts_are_read_from_a_file_and_each_line_that_is_not_one_is_named(tmp_path, ste):
    file = tmp_path / "verdicts.jsonl"
    file.write_text('{"key": "a", "right": true}\n{"key": "b", "right": null}\n{"key": "c", "right": false}', "utf-8")
    assert read_verdicts(file) == {"a": True, "c": False}
    file.write_text('{"key": "a", "right": "yes"}\n[1]\n', "utf-8")
    with pytest.raises(WorkflowError) as error:
        read_verdicts(file)
    assert str(error.value).splitlines() == [
        f"{file}: 2 problems; expected `key` (text) and `right` (true, false, or null for no verdict); correct or "
        "delete them (the judge is then asked again)",
        "  line 1",
        "  line 2",
    ]
    file.write_text('{"key": "b", "right": null}\n', "utf-8")
    with pytest.raises(WorkflowError, match="holds no verdict"):
        read_verdicts(file)
    file.write_text('{"key": "a", "ri', "utf-8")
    with pytest.raises(WorkflowError, match=r"verdicts.jsonl:1: not JSON"):
        read_verdicts(file)


def test_a_question_is_given_to_a_prompt_as_plain_data():
    question = Question("search", "x", {"b": 2, "a": (1,)}, {})
    assert question.to_json() == {
        "key": question.key, "tool": "search", "query": "x", "gold": {"b": 2, "a": [1]}, "given": {},
    }  # fmt: skip
