"""Faults in a file of predictions: each is named, and is wrong or refused."""

from __future__ import annotations

import json

import pytest

from ste_graph.errors import WorkflowError
from ste_graph.scoring.predictions import read_predictions


def item(number: int, output: str | None = "Action: add\nAction Input: {}", **more: object) -> dict[str, object]:
    found: dict[str, object] = {"query": f"request {number}", "action_input": f'{{"a": {number}}}', **more}
    return found if output is None else {**found, "model_output": output}


def call(tool: str, **arguments: object) -> str:
    return f"Action: {tool}\nAction Input: {json.dumps(arguments)}"


TEST = {"add": [item(1, None), item(2, None), item(3, None)], "multiply": [item(4, None)]}


def score(ste, *arguments):
    result = ste("score", *arguments, "--format", "json")
    assert result.code == 0, result.err
    return json.loads(result.out)


def test_a_missing_item_is_named_and_wrong_at_its_place(written, ste, tmp_path):
    gold = written("tool_test.json", TEST)
    file = written("p.json", {"add": [item(1, call("add", a=1)), item(3, call("add", a=3))], "multiply": [item(4)]})
    out = tmp_path / "items.json"
    found = score(ste, file, "--gold", gold, "--items", out)
    assert found["cases"] == 4
    assert found["correct"]["count"] == [2, 2]
    assert found["problems"] == ["add: no item for the request 'request 2'; it counts as wrong"]
    assert [entry["err"] for entry in json.loads(out.read_text())["add"]] == [False, True, False]


def test_a_tool_without_any_item_is_named_and_wrong_unless_only_a_part_is_scored(written, ste):
    gold = written("tool_test.json", TEST)
    file = written("p.json", {"multiply": [item(4, call("multiply", a=4))]})
    found = score(ste, file)
    assert (found["gold"], found["cases"], found["correct"]["count"]) == (str(gold), 4, [1, 1])
    assert found["problems"] == [
        "add: the file does not have this tool (3 cases counted as wrong; --partial leaves them out)"
    ]
    part = score(ste, file, "--partial")
    assert (part["cases"], part["correct"]["count"], part["problems"]) == (1, [1, 1], [])


def test_two_parts_of_a_test_are_compared_on_the_tools_that_both_have(written, ste):
    gold = written("tool_test.json", TEST)
    whole = written("whole.json", {"add": [item(n, call("add", a=n)) for n in (1, 2, 3)], "multiply": [item(4, "no")]})
    part = written("part.json", {"multiply": [item(4, call("multiply", a=4))]})
    found = score(ste, whole, part, "--gold", gold, "--partial")
    assert [sheet["cases"] for sheet in found["scores"]] == [1, 1]
    assert found["difference"]["won"] == 1


def test_two_files_whose_gold_calls_differ_are_not_compared(written, ste):
    first, second = (
        written(f"{name}.json", {"add": [{**item(1, call("add", a=1)), "action_input": json.dumps({"a": gold})}]})
        for name, gold in (("one", 1), ("other", "1"))
    )
    result = ste("score", first, second)
    assert result.code == 2
    assert "have different gold calls for 'request 1'" in result.err
    assert "score both files against one test with --gold" in result.err


@pytest.mark.parametrize(
    ("more", "what"), [({}, "there is no `model_output`"), ({"model_output": 5}, "`model_output` is not a text")]
)
def test_a_missing_reply_is_named_and_wrong(more, what, written, ste):
    found = score(ste, written("p.json", {"add": [item(1, None, **more), item(2, call("add", a=2))]}))
    assert (found["malformed"], found["correct"]["count"]) == (1, [1, 1])
    assert found["problems"] == [f"add #0: {what}; it counts as wrong"]


def test_labels_in_the_file_are_not_read_unless_asked_for(written, ste):
    file = written("p.json", {"search": [item(1, call("search", a="x"), args_correct="1", err="?")]})
    assert score(ste, file)["undecided"] == 1
    assert score(ste, file, "--stored-verdicts")["correct"]["count"] == [1, 1]


def test_a_stored_verdict_that_is_none_is_named_and_not_used(written, ste):
    found = score(
        ste, written("p.json", {"search": [item(1, call("search", a="x"), args_correct="yes")]}), "--stored-verdicts"
    )
    assert found["undecided"] == 1
    assert found["problems"] == ["search #0: `args_correct` is 'yes', expected 0 or 1; it is not used"]


def test_a_tool_with_no_case_is_named_and_does_not_count(written, ste):
    found = score(ste, written("p.json", {"add": [item(1, call("add", a=1))], "multiply": []}))
    assert (found["cases"], found["problems"]) == (1, ["multiply: no case"])
    assert found["correct"]["tools_like_these"]["tools"] == 1
    assert found["tools"]["multiply"]["cases"] == 0


def test_gold_that_is_close_by_but_about_something_else_is_not_taken(written, ste):
    written("tool_test.json", {"add": [{"query": "another", "action_input": "{}"}]})
    file = written("p.json", {"add": [item(1, call("add", a=1))]})
    assert score(ste, file)["gold"] == str(file)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "{file}: the file is empty; expected JSON"),
        ("{}", "{file}: no items found"),
        ('{"add": []}', "{file}: no items found"),
        ("[]", "{file}: expected one object that gives each tool a list of items: {{TOOL: [{{…}}, …]}}"),
        ('{"add": {}}', "{file}: expected one object that gives each tool a list of items: {{TOOL: [{{…}}, …]}}"),
        (
            '{"add": [{"query": "x",]}',
            "{file}: not JSON: Illegal trailing comma before end of object at line 1 column 23",
        ),
        (
            '{"add": [1], "add": []}',
            '{file}: not JSON to rely on: duplicate key "add" in one object',
        ),
    ],
    ids=["empty", "no tool", "no item", "a list", "no lists", "broken", "twice"],
)
def test_a_file_that_is_none_is_refused(content, message, written, ste):
    file = written("p.json", content)
    result = ste("score", file)
    assert result.code == 2
    if "trailing comma" in message:  # Python words it anew in 3.13
        assert result.err.startswith(f"{file}: not JSON: ")
    else:
        assert result.err == message.format(file=file) + "\n"


def test_items_that_cannot_be_scored_are_all_named(written, ste):
    file = written(
        "p.json",
        {
            "add": [
                5,
                {"action_input": "{}", "model_output": ""},
                {"query": "a", "model_output": ""},
                {"query": "b", "action_input": "{", "model_output": ""},
                {"query": "c", "action_input": "[]", "model_output": ""},
                item(1, action="other"),
                item(2),
                item(2),
            ]
        },
    )
    result = ste("score", file)
    assert result.code == 2
    assert result.err.splitlines() == [
        f"{file}: 7 problems; the gold calls are those of the file itself",
        "  add #0: not an object",
        "  add #1: has no `query`",
        "  add #2: has no `action_input`, the arguments of the gold call",
        "  add #3: `action_input`: not JSON: Expecting property name enclosed in double quotes at line 1 column 2",
        "  add #4: its `action_input` is not one JSON object",
        "  add #5: its `action` is 'other', but it is listed under 'add'",
        "  add #7: the request appears twice: 'request 2'",
    ]


def test_requests_that_are_not_in_the_test_are_refused(written):
    gold = written("gold.json", TEST)
    file = written("p.json", {"add": [item(1), item(9)], "divide": [item(1)]})
    with pytest.raises(WorkflowError) as error:
        read_predictions(file, gold)
    assert str(error.value).splitlines() == [
        f"{file}: 2 problems; the gold calls are those of {gold}",
        "  add #1: the gold has no such request: 'request 9'",
        "  divide: the gold has no such tool",
    ]


def test_a_test_with_a_broken_case_is_refused(written):
    gold = written("gold.json", {"add": [{"query": "x"}, item(1, None), item(1, None)]})
    with pytest.raises(WorkflowError) as error:
        read_predictions(written("p.json", {"add": [item(1)]}), gold)
    assert str(error.value).splitlines() == [
        f"{gold}: 2 problems; every case needs a request of its own and a gold call",
        "  add #0: has no `action_input`, the arguments of the gold call",
        "  add: 'request 1' appears twice",
    ]


def test_a_file_that_is_not_there_is_refused(ste, tmp_path):
    result = ste("score", tmp_path / "none.json")
    assert (result.code, result.err) == (2, f"{tmp_path / 'none.json'}: file not found\n")


def test_replies_with_half_characters_and_control_characters_can_be_scored_and_shown(written, ste, tmp_path):
    reply = 'Action: add\nAction Input: {"a": "\\ud83d", "\x1b[2J": 1}'
    file = written("p.json", {"add": [item(1, reply), item(2, "\udcff")]})
    for parser in ("paper", "tolerant"):
        result = ste("score", file, "--parser", parser, "--items", tmp_path / "items.json")
        assert result.code == 0, result.err
        assert "\x1b" not in result.out


def test_a_name_that_no_tool_has_stands_for_the_closest_one_as_in_the_paper_unless_names_are_exact(written, ste):
    file = written("p.json", {"add": [item(1, call("adding", a=1))], "multiply": [item(2, call("multiply", a=2))]})
    for parser in ("paper", "tolerant"):
        assert score(ste, file, "--parser", parser)["correct"]["count"] == [2, 2]
    assert score(ste, file)["repaired"] == {"calls": 1, "repairs": {"closest name": 1}}
    exact = score(ste, file, "--exact-names")
    assert (exact["correct"]["count"], exact["wellformed"]["count"]) == ([1, 1], [2, 2])
    assert exact["confusion"] == [{"gold": "add", "called": "adding", "count": 1}]
    assert score(ste, file, "--exact-names", "--parser", "paper")["wellformed"]["count"] == [1, 1]


def test_the_tools_that_need_a_judge_can_be_named(written, ste):
    file = written("p.json", {"search": [item(1, call("search", a=2))], "add": [item(1, call("add", a=2))]})
    assert score(ste, file)["undecided"] == 1
    assert score(ste, file, "--judged", "add", "--judged", "search")["undecided"] == 2
    assert score(ste, file, "--judged", "")["undecided"] == 0


@pytest.mark.parametrize("number", ["NaN", "1e999", "-Infinity"])
def test_a_gold_call_with_a_number_that_no_reply_can_equal_is_refused(number, written, ste):
    file = written("p.json", {"add": [item(1) | {"action_input": f'{{"a": [{number}]}}'}]})
    result = ste("score", file)
    assert result.code == 2
    assert "  add #0: its `action_input` holds a number that is not finite, which no reply can equal" in result.err
