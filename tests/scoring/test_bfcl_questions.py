"""Small questions of one turn: what is right, what is said of the rest, and what files are refused."""

from __future__ import annotations

import json

import pytest

from ste_graph.errors import WorkflowError
from ste_graph.scoring.bfcl.labels import label_result
from ste_graph.scoring.bfcl.questions import BfclQuestion, read_questions
from ste_graph.scoring.reply import ArmReply


def label(question: BfclQuestion, reply: object) -> ArmReply:
    return label_result(question, reply, arm="a")


TRIANGLE = {
    "id": "simple_0",
    "question": [[{"role": "user", "content": "How large is a triangle of base 10 and height 5?"}]],
    "function": [
        {
            "name": "geometry.area",
            "description": "Area of a triangle.",
            "parameters": {
                "type": "dict",
                "properties": {
                    "base": {"type": "integer"},
                    "height": {"type": "float"},
                    "unit": {"type": "string"},
                    "at": {"type": "tuple", "items": {"type": "float"}},
                },
                "required": ["base", "height"],
            },
        }
    ],
}
ANSWER = {
    "id": "simple_0",
    "ground_truth": [{"geometry.area": {"base": [10], "height": [5.0], "unit": ["Square cm", ""], "at": ["", [0, 1]]}}],
}


@pytest.fixture
def triangle(written) -> BfclQuestion:
    written("answers_small.json", ANSWER)
    (question,) = read_questions(written("small.json", TRIANGLE))
    return question


@pytest.mark.parametrize(
    "reply",
    [
        [{"geometry.area": {"base": 10, "height": 5}}],
        [{"geometry_area": '{"base": 10, "height": 5.0, "at": [0, 1.0]}'}],
        "[geometry.area(base=10, height=5, unit='square-CM', at=(0, 1))]",
        'Action: geometry.area\nAction Input: {"base": 10, "height": 5,}',
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"function": {"name": "geometry_area", "arguments": '{"base": 10, "height": 5}'}}],
        },
    ],
)
def test_a_right_call_passes_in_every_form(reply, triangle):
    assert label(triangle, reply).is_correct is True


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"base": 10}, "`height` is required, but missing"),
        ({"base": 10, "height": "5"}, "`height` is '5', expected float"),
        ({"base": True, "height": 5}, "`base` is True, expected integer"),
        ({"base": 10.0, "height": 5}, "`base` is 10.0, expected integer"),
        ({"base": 11, "height": 5}, "`base` is 11, which is not one of the admissible values"),
        ({"base": 10, "height": 5, "unit": "inch"}, "`unit` is 'inch', which is not one of the admissible values"),
        ({"base": 10, "height": 5, "colour": "red"}, "`colour` is not expected"),
    ],
)
def test_what_is_wrong_with_a_call_is_said(arguments, problem, triangle):
    reply_label = label(triangle, [{"geometry.area": arguments}])
    assert (reply_label.api_match, reply_label.args_correct, reply_label.problem) == (True, False, problem)


@pytest.fixture
def two_triangles(written) -> BfclQuestion:
    """A question for two calls; the values of the first admit those of the second too."""
    (small,) = ANSWER["ground_truth"]
    wide = {"geometry.area": {**small["geometry.area"], "base": [10, 20]}}
    written("answers_small.json", {**ANSWER, "ground_truth": [wide, small]})
    (question,) = read_questions(written("small.json", TRIANGLE))
    return question


@pytest.mark.parametrize("bases", [(10, 20), (20, 10), (10, 10)])
def test_each_call_stands_for_one_of_those_that_are_expected(bases, two_triangles):
    calls = [{"geometry.area": {"base": base, "height": 5}} for base in bases]
    assert label(two_triangles, calls).is_correct is True


@pytest.mark.parametrize(
    ("calls", "named", "problem"),
    [
        ([{"base": 20}, {"base": 20}], True, "`base` is 20, which is not one of the admissible values"),
        ([{"base": 30}, {"base": 40}], True, "no call of `geometry.area` has the arguments of the expected one"),
        ([{"base": 10}], False, "there are more calls, or fewer, than expected"),
    ],
)
def test_what_is_wrong_with_several_calls_is_said(calls, named, problem, two_triangles):
    found = label(two_triangles, [{"geometry.area": {"height": 5, **call}} for call in calls])
    assert (found.api_match, found.is_correct, found.problem) == (named, False, problem)


def test_of_several_calls_one_to_another_function_is_named(two_triangles):
    reply = [{"geometry.area": {"base": 10, "height": 5}}, {"geometry.circle": {"radius": 1}}]
    found = label(two_triangles, reply)
    assert (found.api_match, found.problem) == (False, "`geometry.circle` is called, not `geometry.area`")


def test_two_calls_are_not_the_one_that_is_expected(triangle):
    call = {"geometry.area": {"base": 10, "height": 5}}
    assert label(triangle, [call, call]).is_correct is False


def test_the_command_line_scores_replies_and_names_those_that_are_missing(written, ste):
    written("answers_small.json", [ANSWER][0])
    questions = written("small.json", "\n".join(json.dumps({**TRIANGLE, "id": name}) for name in ("a", "b", "c")))
    answers = written("truth.json", "\n".join(json.dumps({**ANSWER, "id": name}) for name in ("a", "b", "c")))
    good, bad = [{"geometry.area": {"base": 10, "height": 5}}], [{"geometry.area": {"base": 1, "height": 5}}]
    replies = written("r.jsonl", f"{json.dumps({'id': 'b', 'result': bad})}\n{json.dumps({'id': 'a', 'result': good})}")
    result = ste("score", replies, "--gold", questions, "--answers", answers, "--format", "json")
    assert result.code == 0, result.err
    found = json.loads(result.out)
    assert (found["correct"]["count"], found["cases"]) == ([1, 1], 3)
    assert found["problems"] == ["c: no reply; it counts as wrong"]
    text = ste("score", replies, "--gold", questions, "--answers", answers).out
    assert text.startswith(f"{replies}: 3 cases of 1 tool, against {questions}\n")


def test_a_reply_to_no_question_is_refused(written, ste):
    written("answers_small.json", ANSWER)
    questions = written("small.json", TRIANGLE)
    replies = written("r.jsonl", {"id": "other", "result": []})
    result = ste("score", replies, "--gold", questions)
    assert result.code == 2
    assert result.err == (
        f'{replies}: 1 problem; expected one {{"id", "result"}} a line for each question\n'
        "  line 1: there is no question 'other'\n"
    )


def test_questions_without_answers_are_refused(written):
    path = written("small.json", TRIANGLE)
    with pytest.raises(WorkflowError, match="its answers are neither"):
        read_questions(path)
    answers = written("truth.json", {**ANSWER, "id": "other"})
    with pytest.raises(WorkflowError, match="1 problem; these questions have no answer\n  simple_0"):
        read_questions(path, answers)


DOUBLE = {
    "id": "q",
    "question": [[{"role": "user", "content": "Double 4."}]],
    "function": [{"name": "double", "parameters": {"type": "dict", "properties": {"n": {"type": "integer"}}}}],
}
DOUBLED = {"id": "q", "ground_truth": [{"double": {"n": [4]}}]}


@pytest.mark.parametrize(
    ("question", "answer", "message"),
    [
        ({"function": None}, {}, "x.json: 1 problem; expected one question of BFCL a line\n"
                                 "  line 1: has neither `function` nor `involved_classes`"),
        ({"function": ["double"]}, {}, "line 1: `function.0`: input should be an object"),
        ({"function": [{"name": "double"}]}, {}, "line 1: `function.0.parameters`: field required"),
        ({"question": [{"role": "user"}]}, {}, "line 1: `question.0`: input should be a valid array"),
        ({}, {"ground_truth": None}, 'expected one {"id", "ground_truth"} a line'),
        ({}, {"ground_truth": [{"double": {"n": 4}}]}, "`ground_truth.0.double.n`: input should be a valid array"),
        ({}, {"ground_truth": [{"double": {}, "halve": {}}]}, "line 1: `ground_truth.0`: "),
    ],
)  # fmt: skip
def test_a_line_that_is_no_question_or_no_answer_is_named(question, answer, message, tmp_path):
    for name, line in (("x.json", {**DOUBLE, **question}), ("answers_x.json", {**DOUBLED, **answer})):
        (tmp_path / name).write_text(json.dumps(line), "utf-8")
    with pytest.raises(WorkflowError) as error:
        read_questions(tmp_path / "x.json")
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("name", "question"),
    [
        ("BFCL_v4_simple_java.json", {}),
        ("BFCL_v4_simple_javascript.json", {}),
        ("x.json", {"id": "simple_java_0"}),
        ("x.json", {"function": [{"name": "f", "parameters": {"properties": {"names": {"type": "ArrayList"}}}}]}),
        ("x.json", {"function": [{"name": "f", "parameters": {"properties": {
            "names": {"type": "array", "items": {"type": "String"}}}}}]}),
    ],
)  # fmt: skip
def test_questions_in_java_and_javascript_are_refused_by_name(name, question, tmp_path):
    (tmp_path / name).write_text(json.dumps({**DOUBLE, **question}), "utf-8")
    with pytest.raises(WorkflowError, match="Questions in Java and JavaScript are not scored"):
        read_questions(tmp_path / name)


def test_an_answer_of_another_kind_of_question_is_refused(tmp_path):
    (tmp_path / "x.json").write_text(json.dumps(DOUBLE), "utf-8")
    (tmp_path / "answers_x.json").write_text(json.dumps({"id": "q", "ground_truth": [["double(n=4)"]]}), "utf-8")
    with pytest.raises(WorkflowError, match="q: its answer is of another kind of question"):
        read_questions(tmp_path / "x.json")


def test_two_questions_of_one_id_are_refused(tmp_path):
    (tmp_path / "irrelevance.json").write_text(f"{json.dumps(DOUBLE)}\n" * 2, "utf-8")
    with pytest.raises(WorkflowError, match="line 2: a second line with the id 'q'"):
        read_questions(tmp_path / "irrelevance.json")
