from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError

from ste_graph.records import Circumstances
from ste_graph.scoring.case import Case
from ste_graph.scoring.replied import Replied, labels_of, scored
from ste_graph.scoring.subject import OfExemplars

GOLD = {"tool": "add", "arguments": {"a": 1, "b": 2}}
GIVEN = {"arm": "baseline", "query": "Add 1 and 2.", "gold": GOLD, "offered": ["add", "echo"]}


def call(name: str, arguments: object) -> str:
    return f"Thought: so be it\nAction: {name}\nAction Input: {json.dumps(arguments)}"


def made(output: str | None, models: dict[str, list[str]] | None = None, **more: Any) -> Replied:
    moment = Circumstances(id="r", item=None, models=models or {}, started="", ended="")
    return Replied.made({**GIVEN, "output": output, **more}, moment)


def test_the_journal_keeps_the_reply_as_it_came_and_what_rules_say_of_it() -> None:
    kept = made(call("add", {"a": 1, "b": "2"}), {"output": ["simulated"]}, shown=["e1"]).model_dump(mode="json")
    assert kept == {
        "arm": "baseline",
        "query": "Add 1 and 2.",
        "gold": GOLD,
        "output": 'Thought: so be it\nAction: add\nAction Input: {"a": 1, "b": "2"}',
        "subject": None,
        "model": "simulated",
        "offered": ["add", "echo"],
        "shown": ["e1"],
        "lessons": [],
        "no_call": False,
        "err": False,
        "api_match": True,
        "args_correct": True,
        "called": "add",
        "arguments": {"a": 1, "b": "2"},
        "repairs": [],
        "problem": None,
    }


@pytest.mark.parametrize(
    ("output", "labels"),
    [
        (call("add", {"a": 1, "b": 3}), (False, False, True, False)),
        (call("echo", {"text": "1"}), (False, False, False, None)),
        ("Final Answer: 3", (True, False, None, None)),
        ("Three.", (False, True, None, None)),
        (None, (False, True, None, None)),
    ],
)
def test_a_reply_without_a_label_is_labelled_by_rule(output: str | None, labels: tuple[bool | None, ...]) -> None:
    one = made(output)
    assert (one.no_call, one.err, one.api_match, one.args_correct) == labels


def test_what_only_a_judge_can_tell_stays_open() -> None:
    gold = {"tool": "search", "arguments": {"q": "rivers"}}
    one = made(call("search", {"q": "the rivers"}), gold=gold, offered=["search"])
    assert (one.api_match, one.args_correct) == (True, None)


def test_a_label_that_a_node_gave_stands_and_is_not_kept_twice() -> None:
    given = labels_of(scored(Case("add", "", {"a": 9}), call("add", {"a": 9}), ["add"]))
    kept = made(call("add", {"a": 1}), label=given).model_dump(mode="json")
    assert (kept["args_correct"], kept["arguments"]) == (True, {"a": 9})
    assert "label" not in kept


def test_a_line_of_the_journal_reads_back_as_the_same_reply() -> None:
    subject = {"kind": "exemplars", "run_id": "7", "run": "runs/distil"}
    one = made(call("add", {}), {"output": ["a model"]}, subject=subject, arm="exemplars")
    again = Replied.model_validate(one.model_dump(mode="json"))
    assert again == one
    assert again.subject == OfExemplars(run_id="7", run="runs/distil")
    assert again.predicted.case == Case("add", "Add 1 and 2.", {"a": 1, "b": 2})


def test_a_model_that_is_named_is_kept_and_null_stands_for_what_is_not_there() -> None:
    one = made(call("add", {}), {"output": ["a model"]}, model="runs/student", subject=None, shown=None, label=None)
    assert (one.model, one.subject, one.shown) == ("runs/student", None, [])


def test_an_unknown_subject_is_refused() -> None:
    with pytest.raises(ValidationError, match="'exemplars', 'lessons', 'both', 'model'"):
        made("", subject={"kind": "hope"})
