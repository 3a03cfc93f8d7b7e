from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError

from ste_graph.protocols.form import Parser
from ste_graph.records import RecordContext
from ste_graph.scoring.arms import ArmReplies
from ste_graph.scoring.case import GoldCall
from ste_graph.scoring.label import label_output
from ste_graph.scoring.reply import ArmReply, CaseReply
from ste_graph.scoring.rules import LabelRules
from ste_graph.scoring.subject import FormSource, FormsSubject

GOLD = {"tool": "add", "arguments": {"a": 1, "b": 2}}
GIVEN = {"arm": "baseline", "query": "Add 1 and 2.", "gold": GOLD, "offered": ["add", "echo"]}


def call(name: str, arguments: object) -> str:
    return f"Thought: so be it\nAction: {name}\nAction Input: {json.dumps(arguments)}"


def keep(output: str | None, models: dict[str, list[str]] | None = None, **more: Any) -> CaseReply:
    moment = RecordContext(id="r", item=None, models=models or {}, started="", ended="")
    return CaseReply.from_values({**GIVEN, "output": output, **more}, moment)


def test_the_journal_keeps_the_reply_as_it_came_and_what_rules_say_of_it() -> None:
    kept = keep(call("add", {"a": 1, "b": "2"}), {"output": ["simulated"]}, shown=["e1"]).model_dump(mode="json")
    assert kept == {
        "arm": "baseline",
        "query": "Add 1 and 2.",
        "n": 0,
        "kind": "call",
        "gold": GOLD,
        "output": 'Thought: so be it\nAction: add\nAction Input: {"a": 1, "b": "2"}',
        "form": "react",
        "subject": None,
        "model": "simulated",
        "offered": ["add", "echo"],
        "shown": ["e1"],
        "lessons": [],
        "shown_tokens": 0,
        "cost": None,
        "no_call": False,
        "err": False,
        "api_match": True,
        "args_correct": True,
        "called": "add",
        "arguments": {"a": 1, "b": "2"},
        "repairs": [],
        "problem": None,
        "rules": LabelRules().digest("add", ["add", "echo"]),
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
    reply = keep(output)
    assert (reply.no_call, reply.err, reply.api_match, reply.args_correct) == labels


def test_what_only_a_judge_can_tell_stays_open() -> None:
    gold = {"tool": "search", "arguments": {"q": "rivers"}}
    reply = keep(call("search", {"q": "the rivers"}), gold=gold, offered=["search"])
    assert (reply.api_match, reply.args_correct) == (True, None)


def test_the_label_that_a_node_gave_is_kept_and_only_once() -> None:
    gold = GoldCall(tool="add", arguments={"a": 9})
    given = label_output(gold, call("add", {"a": 9}), ["add"], LabelRules()).model_dump()
    kept = keep(call("add", {"a": 1}), label=given).model_dump(mode="json")
    assert (kept["args_correct"], kept["arguments"]) == (True, {"a": 9})
    assert "label" not in kept


def test_a_line_of_the_journal_reads_back_as_the_same_reply() -> None:
    subject = {"kind": "forms", "forms": {"exemplars": {"run_id": "7", "run": "runs/distil"}}}
    reply = keep(call("add", {}), {"output": ["a model"]}, subject=subject, arm="exemplars")
    again = CaseReply.model_validate(reply.model_dump(mode="json"))
    assert again == reply
    assert again.subject == FormsSubject(forms={"exemplars": FormSource(run_id="7", run="runs/distil")})
    assert (again.key, again.gold.arguments) == (("add", "Add 1 and 2."), {"a": 1, "b": 2})
    assert CaseReply.from_line({**reply.model_dump(mode="json"), "id": "r", "record": "reply"}) == reply


def test_a_model_that_is_named_is_kept_and_null_stands_for_what_is_not_there() -> None:
    reply = keep(call("add", {}), {"output": ["a model"]}, model="runs/student", subject=None, shown=None, label=None)
    assert (reply.model, reply.subject, reply.shown) == ("runs/student", None, ())


def test_an_unknown_subject_is_refused() -> None:
    with pytest.raises(ValidationError, match="'forms', 'model'"):
        keep("", subject={"kind": "hope"})


@pytest.mark.parametrize(
    ("rules", "anew"),
    [
        (LabelRules(), False),
        (LabelRules(judged=("echo",)), False),
        (LabelRules(judged=("add",)), True),
        (LabelRules(parser=Parser.paper), True),
        (LabelRules(exact_names=False), True),
    ],
)
def test_a_reply_is_labelled_anew_only_where_the_rules_differ(
    rules: LabelRules, anew: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = keep(call("add", {"a": 1, "b": 3})).model_dump(mode="json")
    labelled: list[str | None] = []

    def count(*given: Any, **named: Any) -> Any:
        labelled.append(given[1])
        return label_output(*given, **named)

    monkeypatch.setattr("ste_graph.scoring.reply.label_output", count)
    sheet = ArmReplies("baseline", (ArmReply.model_validate(kept),)).score(rules)
    assert bool(labelled) is anew
    assert sheet.replies[0].args_correct is (None if rules.judged == ("add",) else False)


@pytest.mark.parametrize("rules", [LabelRules(), LabelRules(exact_names=False)], ids=["as kept", "anew"])
def test_a_reply_is_read_in_the_form_that_was_asked_for_also_when_it_is_labelled_anew(rules: LabelRules) -> None:
    written = json.dumps({"action": "add", "arguments": {"a": 1, "b": 2}})
    repairs = {}
    for form in ("react", "json", "native"):
        kept = ArmReply.model_validate(keep(written, form=form).model_dump(mode="json"))
        (labelled,) = ArmReplies("baseline", (kept,)).score(rules).replies
        assert (kept.form, labelled.is_correct) == (form, True)
        repairs[form] = labelled.repairs
    assert repairs == {"react": ("call as JSON",), "json": (), "native": ("call in the text", "call as JSON")}


def test_a_reply_of_an_arm_that_was_asked_in_another_form_has_rules_of_its_own() -> None:
    reply = keep("I do not know.", form="native")
    asked_otherwise = ArmReply.model_validate({**reply.model_dump(mode="json"), "form": "react"})
    (labelled,) = ArmReplies("baseline", (asked_otherwise,)).score(LabelRules()).replies
    assert ((reply.no_call, reply.err), (labelled.no_call, labelled.err)) == ((True, False), (False, True))


def test_a_reply_that_no_rules_have_labelled_yet_is_labelled_in_an_evaluation() -> None:
    reply = ArmReply(arm="a", query="x", gold=GoldCall(tool="add"), output=call("add", {}))
    assert reply.rules is None
    (labelled,) = ArmReplies("a", (reply,)).score(LabelRules()).replies
    assert (labelled.is_correct, labelled.rules) == (True, LabelRules().digest("add", ["add"]))
