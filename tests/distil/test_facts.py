"""The facts of a trial beside the model's verdict, and what is said where the two differ."""

from typing import Any

import pytest

from ste_graph.contracts.failure import has_succeeded
from ste_graph.distil.facts import FactCounts, read_run_facts, read_trial_facts
from ste_graph.records import RecordContext, Trial

SCHEMA = {"type": "object", "properties": {"days": {"type": "integer"}}, "required": ["days"]}


def step(days: int, kind: str = "ok", text: str = "2024-05-04", doubt: str | None = None) -> dict[str, Any]:
    seen = {"ok": kind == "ok", "kind": kind, "text": text, "doubt": doubt}
    return {"thought": None, "action": "add_days", "arguments": {"days": days}, "observation": seen}


def trial(*steps: dict[str, Any], solved: bool | None = True) -> dict[str, Any]:
    return {"query": "What day is it in 3 days?", "steps": list(steps), "answer": "Saturday.", "solved": solved}


@pytest.mark.parametrize(
    ("steps", "text"),
    [
        ([], "no call succeeded"),
        ([step(3, "tool_error", "no")], "no call succeeded"),
        ([step(3, text="Day not found", doubt="it says `not found`")], "no call succeeded"),
        ([step(3), step(4, "timeout", "late")], "a call succeeded, the last one did not"),
        ([step(5)], "the last call succeeded, not grounded"),
        ([step(99, "tool_error", "at most 3"), step(3)], "the last call succeeded, grounded"),
    ],
)
def test_the_facts_are_what_the_calls_show(steps: list[dict[str, Any]], text: str) -> None:
    facts = read_trial_facts(trial(*steps), SCHEMA)
    assert facts.text == text
    assert facts.contradicts == (not facts.grounded)


def count(*trials: dict[str, Any]) -> FactCounts:
    counts = FactCounts()
    for each in trials:
        counts.add(read_run_facts(each, {"schemas": {"add_days": SCHEMA}}))
    return counts


def test_verdicts_without_a_call_behind_them_are_said_aloud() -> None:
    counts = count(*(trial() for _ in range(10)))
    assert counts.text == "0 with a call that succeeded, 0 with the last; 0 grounded"
    assert counts.warning == "10 solved by the model's word; 0 of them with a call that succeeded"
    counts = count(trial(step(3)), trial(step(4)), trial(step(4), solved=False))
    assert counts.warning == "2 solved by the model's word; 1 of them not grounded"
    assert count(trial(step(3)), trial(solved=False)).warning is None
    assert FactCounts().warning is None


def test_a_record_keeps_the_fact_beside_the_verdict_and_an_answer_without_a_call_is_no_success() -> None:
    context = RecordContext(id="1", item={}, models={}, started="", ended="")
    bare = Trial.from_values(trial(), context)
    assert (bare.solved, bare.call_succeeded) == (True, False)
    assert bare.summary == "Query: What day is it in 3 days? | Solved: No"
    called = Trial.from_values(trial({**step(3), "finished": False}), context)
    assert called.summary.endswith("Solved: Yes")


def test_a_result_that_may_report_a_failure_is_no_success() -> None:
    assert has_succeeded({"ok": True, "kind": "ok", "text": "User not found", "doubt": None})
    assert not has_succeeded({"ok": True, "kind": "ok", "text": "User not found", "doubt": "it says `not found`"})
    assert not has_succeeded({"ok": False, "kind": "tool_error", "text": "Error: no"})
