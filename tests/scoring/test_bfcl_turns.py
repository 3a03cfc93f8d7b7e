"""Questions of several turns: by the states that calls lead to, and call by call where BFCL's classes are missing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ste_graph.errors import WorkflowError
from ste_graph.scoring.bfcl.environment_process import EnvironmentProcess
from ste_graph.scoring.bfcl.labels import NOT_RUN, label_result, score_results
from ste_graph.scoring.bfcl.questions import BfclQuestion, read_questions

MKDIR = {"name": "mkdir", "parameters": {"properties": {"dir_name": {"type": "string"}}, "required": ["dir_name"]}}
LS = {"name": "ls", "parameters": {"properties": {"a": {"type": "boolean", "default": False}}, "required": []}}
CD = {"name": "cd", "parameters": {"properties": {"folder": {"type": "string"}}, "required": ["folder"]}}
DISK = {"root": {"home": {"type": "directory", "contents": {"notes": {"type": "directory", "contents": {}}}}}}

needs_classes = pytest.mark.skipif(
    not EnvironmentProcess.is_possible(),
    reason="BFCL's classes are not installed: pip install --no-deps bfcl-eval mpmath",
)


def write_question(folder: Path, truth: list[list[str]]) -> Path:
    """A question about folders with one turn for each list of calls."""
    (folder / "func_doc").mkdir(parents=True, exist_ok=True)
    functions = "\n".join(map(json.dumps, (MKDIR, LS, CD)))
    (folder / "func_doc" / "gorilla_file_system.json").write_text(functions, "utf-8")
    question = {
        "id": "multi_turn_base_0",
        "question": [[{"role": "user", "content": f"Turn {number}"}] for number in range(len(truth))],
        "initial_config": {"GorillaFileSystem": DISK},
        "involved_classes": ["GorillaFileSystem"],
    }
    path = folder / "multi_turn.json"
    path.write_text(json.dumps(question), "utf-8")
    (folder / "answers_multi_turn.json").write_text(json.dumps({"id": question["id"], "ground_truth": truth}), "utf-8")
    return path


@pytest.fixture
def asked(tmp_path):
    """A question about folders, from the calls of its answer."""

    def ask(*truth: list[str]) -> BfclQuestion:
        (question,) = read_questions(write_question(tmp_path / "bfcl", list(truth)))
        return question

    return ask


def label(question: BfclQuestion, reply: object, environment: EnvironmentProcess | None = None):
    return label_result(question, reply, arm="a", environment=environment)


# -- call by call ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["academichub", "Academic_Hub", "academic hub", "academic_hub.", "academic"])
def test_a_folder_of_almost_the_right_name_is_another_folder(name, asked):
    question = asked(["mkdir(dir_name='academic_hub')"])
    assert label(question, [[[{"mkdir": {"dir_name": "academic_hub"}}]]]).is_correct is True
    found = label(question, [[[{"mkdir": {"dir_name": name}}]]])
    assert (found.api_match, found.is_correct) == (True, False)
    assert found.problem == f"`dir_name` is {name!r}, expected 'academic_hub'"


@pytest.mark.parametrize(
    ("truth", "arguments", "problem"),
    [
        ("ls()", {}, None),
        ("ls()", {"a": False}, None),
        ("ls(a=False)", {}, None),
        ("ls(a=True)", {}, "`a` is False, expected True"),
        ("ls()", {"a": True}, "`a` is True, expected False"),
        ("ls()", {"all": True}, "`all` is not expected"),
        ("cd('notes')", {}, "`folder` is missing"),
        ("cd('notes')", {"folder": "notes"}, None),
        ("cd('')", {"folder": ""}, None),
        ("cd('')", {}, "`folder` is missing"),
    ],
)
def test_an_argument_may_be_left_out_where_it_has_its_default(truth, arguments, problem, asked):
    found = label(asked([truth]), [[[{truth.partition("(")[0]: arguments}]]])
    assert (found.is_correct, found.problem) == (problem is None, problem)


ONE_TURN = [
    [[[{"cd": {"folder": "notes"}}, {"ls": {}}]]],
    [[[{"cd": '{"folder": "notes"}'}], [{"ls": "{}"}]]],
    [[[{"cd": {"folder": "notes"}}], "[ls()]", "Here is what I found."]],
    [["[cd(folder='notes'), ls()]", "There is nothing in it."]],
    [["[cd(folder='notes')]", "[ls()]", "[ls("]],
    ["[cd(folder='notes'), ls()]"],
    [[{"cd": {"folder": "notes"}}, {"ls": {}}]],
    [[{"role": "assistant", "content": "[cd(folder='notes')]"}, {"role": "assistant", "content": "[ls()]"}]],
]


@pytest.mark.parametrize("reply", ONE_TURN)
def test_a_question_of_one_turn_is_answered_in_the_form_of_several(reply, asked):
    assert label(asked(["cd('notes')", "ls()"]), reply).is_correct is True
    assert label(asked(["cd('notes')", "ls()"], []), [*reply, ["Done."]]).is_correct is True
    assert label(asked(["cd('notes')", "ls()"], []), [[], *reply]).is_correct is False


@pytest.mark.parametrize(
    ("reply", "problem"),
    [
        ("[cd(folder='notes'), ls()]", "expected a list with the replies of 1 turn"),
        ([["[ls()]"], ["[ls()]"]], "expected a list with the replies of 1 turn"),
        ([["[ls("]], "The reply has neither"),
        (None, "expected a list"),
    ],
)
def test_a_result_of_another_form_is_no_reply(reply, problem, asked):
    found = label(asked(["cd('notes')", "ls()"]), reply)
    assert (found.err, found.is_correct) == (True, False)
    assert found.problem.startswith(problem)


def test_questions_about_other_classes_are_refused_by_name(tmp_path):
    path = write_question(tmp_path / "bfcl", [["ls()"]])
    path.write_text(path.read_text("utf-8").replace('["GorillaFileSystem"]', '["WebSearchAPI"]'), "utf-8")
    with pytest.raises(WorkflowError, match="Questions about WebSearchAPI are not scored, only those about Gorilla"):
        read_questions(path)


def test_words_in_every_turn_make_no_call(asked):
    found = label(asked(["ls()"], ["ls()"]), [["I cannot do this."], "Nor this."])
    assert (found.err, found.no_call, found.is_correct) == (False, True, False)


def test_gold_of_every_question_is_right(data):
    for question in read_questions(data("bfcl/BFCL_v4_multi_turn_base.json")):
        gold = [[[{call.name: call.gold_arguments} for call in turn]] for turn in question.turns]
        assert label(question, gold).is_correct is True, question.id
        assert label(question, gold[:-1]).is_correct is False


def test_a_score_without_the_classes_says_so(tmp_path, monkeypatch):
    path = write_question(tmp_path / "bfcl", [["ls()"]])
    replies = tmp_path / "replies.jsonl"
    replies.write_text(json.dumps({"id": "multi_turn_base_0", "result": [["[ls()]"]]}), "utf-8")
    monkeypatch.setattr(EnvironmentProcess, "is_possible", lambda: False)
    sheet = score_results(read_questions(path), replies)
    assert sheet.problems == (NOT_RUN,)
    assert sheet.correctness.lower == 1


# -- by the states ---------------------------------------------------------------------------------------------------


MADE = ["mkdir(dir_name='a')", "mkdir(dir_name='b')"]


@needs_classes
@pytest.mark.parametrize(
    ("turns", "problem"),
    [
        ([["[mkdir(dir_name='a'), mkdir(dir_name='b')]"], [], ["[cd(folder='a')]"]], None),
        ([["[mkdir(dir_name='b')]", "[mkdir(dir_name='a')]", "Done."], [], ["[cd(folder='a')]"]], None),
        ([["[ls(), mkdir(dir_name='b'), mkdir(dir_name='a')]"], ["[ls()]"], ["[ls(), cd(folder='a')]"]], None),
        (
            [["[mkdir(dir_name='a'), mkdir(dir_name='B')]"], [], ["[cd(folder='a')]"]],
            "turn 1: `GorillaFileSystem.root` is not as the expected calls leave it",
        ),
        (
            [["[mkdir(dir_name='a'), mkdir(dir_name='b')]"], [], ["[cd(folder='b')]"]],
            "turn 3: the result of the expected call of `cd` is missing",
        ),
        ([["[mkdir(dir_name='a'), mkdir(dir_name='b')]"], ["[cd(folder='a')]"], []], "turn 3: no call is made"),
        (
            [["[mkdir(dir_name='a'), mkdir(dir_name='b')]"], [], ["[chdir(folder='a')]"]],
            "turn 3: the result of the expected call of `cd` is missing",
        ),
    ],
)
def test_what_the_calls_have_done_decides(turns, problem, asked):
    with EnvironmentProcess() as environment:
        found = label(asked(MADE, [], ["cd(folder='a')"]), turns, environment)
        assert (found.problem, found.is_correct) == (problem, problem is None)


@needs_classes
def test_no_text_of_a_reply_is_evaluated(asked, tmp_path):
    mark = tmp_path / "mark"
    calls = [[[{f"open({str(mark)!r}, 'w').close() or ls": {}}, {"ls": {"a": f"open({str(mark)!r}, 'w')"}}]]]
    with EnvironmentProcess() as environment:
        label(asked(["ls()"]), calls, environment)
    assert not mark.exists()


@needs_classes
def test_the_score_of_a_file_goes_by_the_states(tmp_path):
    path = write_question(tmp_path / "bfcl", [MADE])
    replies = tmp_path / "replies.jsonl"
    result = [["[mkdir(dir_name='b')]", "[mkdir(dir_name='a')]"]]
    replies.write_text(json.dumps({"id": "multi_turn_base_0", "result": result}), "utf-8")
    sheet = score_results(read_questions(path), replies)
    assert sheet.problems == ()
    assert sheet.correctness.lower == 1


STAND_IN = """
import os, time

class GorillaFileSystem:
    def _load_scenario(self, initial, long_context=False):
        self.made = []
    def mkdir(self, dir_name):
        print("a class may print")
        if dir_name == "slow":
            time.sleep(600)
        if dir_name == "dead":
            os._exit(1)
        if dir_name == "broken":
            del self.made
        self.made.append(dir_name)
"""
"""A class with the faults that BFCL's own cannot be made to show within a test's time."""


@pytest.fixture
def stand_in(tmp_path, monkeypatch):
    folder = tmp_path / "packages" / "bfcl_eval" / "eval_checker" / "multi_turn_eval" / "func_source_code"
    folder.mkdir(parents=True)
    (folder / "gorilla_file_system.py").write_text(STAND_IN, "utf-8")
    for package in (folder, *list(folder.parents)[:3]):
        (package / "__init__.py").touch()
    monkeypatch.syspath_prepend(str(tmp_path / "packages"))


@pytest.mark.usefixtures("stand_in")
def test_calls_that_never_end_or_end_the_process_are_wrong_and_the_next_question_goes_on(asked):
    question = asked(["mkdir(dir_name='a')"])
    with EnvironmentProcess() as environment:
        for name in ("a", "dead", "a"):
            found = label(question, [[[{"mkdir": {"dir_name": name}}]]], environment)
            assert found.is_correct is (name == "a")
    with EnvironmentProcess(timeout_s=0.5) as environment:
        found = label(question, [[[{"mkdir": {"dir_name": "slow"}}]]], environment)
        assert found.problem == "the calls took longer than 0.5 s, or more memory than there is"


@pytest.mark.usefixtures("stand_in")
def test_classes_that_cannot_be_run_are_named(asked):
    with (
        EnvironmentProcess() as environment,
        pytest.raises(WorkflowError, match=r"bfcl-eval: the classes .* cannot"),
    ):
        label(asked(["mkdir(dir_name='a')"]), [[[{"mkdir": {"dir_name": "broken"}}]]], environment)
