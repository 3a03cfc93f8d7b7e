"""The gates on planted trials, good and bad; precision and recall as docs/distil.md states them."""

import sys
from pathlib import Path
from random import Random
from typing import Any

from ste_graph.distil.gates import (
    drift_fault,
    execution_fault,
    format_fault,
    grounding_fault,
    required_calls,
    value_sources,
)

sys.path.insert(0, str(Path(__file__).parent))
from planted import PARAMETERS, TOOL, bad, good, reworded, trial


def stopped_by(of: dict[str, Any]) -> str | None:
    """The first gate that a trial does not pass."""
    steps = of["steps"]
    if format_fault(steps, of["answer"], TOOL, PARAMETERS):
        return "format"
    if execution_fault(steps):
        return "execution"
    return (
        "grounding" if grounding_fault(value_sources(of["query"], steps, PARAMETERS), steps[-1]["arguments"]) else None
    )


def test_the_gates_pass_every_planted_good_trial_and_stop_every_bad_one_at_its_own_gate() -> None:
    random = Random(7)
    trials = list(good(200, seed=1))
    planted = [(gate, one) for of in trials for gate, one in bad(of, random)]
    passed = [one for one in trials if stopped_by(one) is None]
    wrongly = [one for _, one in planted if stopped_by(one) is None]
    precision, recall = len(passed) / (len(passed) + len(wrongly)), len(passed) / len(trials)
    assert (precision, recall) == (1.0, 1.0)
    assert [one["id"] for gate, one in planted if stopped_by(one) != gate] == []
    assert len(planted) == 2200


def test_the_drift_gate_keeps_every_faithful_rewording_and_drops_every_drifted_one() -> None:
    kept = dropped = 0
    for of in good(200, seed=2):
        arguments = of["steps"][-1]["arguments"]
        sources = value_sources(of["query"], of["steps"], PARAMETERS)
        stated_values = [name for name, source in sources.items() if source == "request"]
        for fine, query in reworded(of):
            fault = drift_fault(of["query"], query, arguments, PARAMETERS, stated_values)
            assert (fault is None) is fine, (of["query"], query, fault)
            kept, dropped = kept + fine, dropped + (not fine)
    assert (kept, dropped) == (400, 800)


def test_each_refusal_says_what_is_wrong() -> None:
    paris = {"day": "2024-05-03", "guests": 2, "city": "Paris"}
    of = trial("t", "Two of us in Oslo on 3 May 2024", paris)
    sources = value_sources(of["query"], of["steps"], PARAMETERS)
    assert grounding_fault(sources, paris) == 'neither the request nor an earlier observation says `city`: "Paris"'
    assert format_fault([], "Done.", TOOL, PARAMETERS) == "the trial ended without a call"
    assert format_fault(of["steps"], None, TOOL, PARAMETERS) == "the trial ended without an answer"
    assert format_fault(of["steps"], "Done.", "other", {}) == "the last call is of `book_room`, not of `other`"
    seen = {"ok": False, "kind": "timeout", "text": "no answer within 30 s"}
    assert execution_fault([{**of["steps"][0], "observation": seen}]) == (
        "the last call ended as timeout: no answer within 30 s"
    )
    assert drift_fault("Two in Paris", "Two in Paris, room 12", {"city": "Paris"}, {}, ["city"]) == (
        "it says 12, which the original request does not"
    )


def test_an_example_keeps_the_last_call_alone_unless_it_rests_on_what_an_earlier_one_gave() -> None:
    def step(arguments: dict[str, Any], text: str, ok: bool = True) -> dict[str, Any]:
        seen = {"ok": ok, "kind": "ok" if ok else "tool_error", "text": text}
        return {"thought": "…", "action": TOOL, "arguments": arguments, "observation": seen, "repairs": []}

    def kept(query: str, *steps: dict[str, Any]) -> list[Any]:
        return [one["arguments"] for one in required_calls(steps, value_sources(query, steps, {}))]

    mended = [step({"city": "Pari"}, "unknown; did you mean Paris?", ok=False), step({"city": "Paris"}, "fine")]
    assert kept("a room in Pari", *mended) == [{"city": "Paris"}]
    chain = [step({"city": "Paris"}, "room r17 is free"), step({"room": "r17"}, "booked")]
    assert kept("a room in Paris", *chain) == [{"city": "Paris"}, {"room": "r17"}]
    again = [step({"city": "Paris"}, "room r17 is free"), step({"city": "Oslo"}, "fine")]
    assert kept("a room in Paris or Oslo", *again) == [{"city": "Oslo"}]
