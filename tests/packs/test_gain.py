"""The verdict on a gain that was measured again: it holds, it is lost, or there are too few cases to say."""

from __future__ import annotations

import json
from types import SimpleNamespace
from xml.etree import ElementTree

import pytest

from ste_graph.packs.gain import judge_gain, plan_test
from ste_graph.packs.outcome import GONE, PackOutcome


def evaluation(mean: float, low: float, high: float, *, cases: int, won: int, lost: int, **candidate):
    gain = {"least": {"mean": mean, "low": low, "high": high}, "won": won, "lost": lost}
    return SimpleNamespace(
        gains={"exemplars": gain}, arms={"exemplars": {"cases": cases, "models": ["m"]}}, simulated=True,
        candidates={"exemplars": {"harmed": [], "restraint": None, **candidate}},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("found", "status"),
    [
        (evaluation(0.3, 0.1, 0.5, cases=60, won=20, lost=2), "holds"),
        (evaluation(0.1, -0.1, 0.3, cases=200, won=30, lost=10), "lost"),
        (evaluation(-0.3, -0.5, -0.1, cases=10, won=0, lost=3), "lost"),
        (evaluation(0.2, -0.3, 0.6, cases=5, won=2, lost=1), "unknown"),
        (evaluation(1.0, -0.4, 1.0, cases=2, won=2, lost=0), "unknown"),
    ],
)
def test_a_gain_is_lost_only_if_the_cases_would_have_shown_it(pack, found, status) -> None:
    checked = judge_gain(pack, found)
    assert checked.status == status
    assert f"{100 * found.gains['exemplars']['least']['mean']:+.1f} points" in checked.text
    if status == "unknown":
        assert "these are too few cases to say" in checked.text


GOOD = {"mean": 0.3, "low": 0.1, "high": 0.5, "cases": 60, "won": 20, "lost": 2}


def test_a_tool_that_is_harmed_now_is_a_loss_whatever_the_others_gain(pack) -> None:
    checked = judge_gain(pack, evaluation(**GOOD, harmed=["notes"]))
    assert (checked.status, "and now harms `notes`" in checked.text) == ("lost", True)


@pytest.mark.parametrize(
    ("high", "status", "said"), [(-0.1, "lost", "it calls more often"), (0.2, "holds", "not shown to be worse")]
)
def test_cases_in_which_no_call_is_right_must_fare_no_worse(pack, high, status, said) -> None:
    found = {"mean": -0.2, "low": -0.5, "high": high, "cases": 30}
    checked = judge_gain(pack, evaluation(**GOOD, restraint=found))
    assert (checked.status, checked.restraint[0]) == ("holds", status)
    assert (
        f"where no call is right, -20.0 points (95 % -50.0..{100 * high:+.1f}) on 30 cases: {said}"
        in checked.restraint[1]
    )
    assert judge_gain(pack, evaluation(**GOOD)).restraint is None


def test_the_test_is_that_of_the_pack_with_its_own_arm_and_settings(pack) -> None:
    changes = plan_test(pack, {"models.main": {"use": "simulated"}}, 3)
    shown = {"exemplars": "nearest", "lessons": True}
    assert changes["params.arms"] == [{"name": "baseline"}, {"name": "exemplars", **shown}]
    assert (changes["data.test.run"], changes["nodes.recall.k"], changes["params.cases"]) == (str(pack.path), 8, 3)
    assert (changes["data.guidelines.run"], changes["params.room"]) == (None, 500)


@pytest.mark.parametrize(
    ("statuses", "code"),
    [(["holds", "note"], 0), (["holds", "unknown"], 3), (["unknown", "lost"], 1), (["note"], 3), ([], 3)],
)
def test_the_exit_code_is_that_of_the_worst_finding(statuses, code) -> None:
    outcome = PackOutcome("p")
    for status in statuses:
        outcome.add("tools", "t", status, "x")
    assert outcome.exit_code == code


def test_a_report_survives_what_tools_say() -> None:
    outcome = PackOutcome("p")
    outcome.add("calls", "a:b,c 5 %", "lost", "100 %\nline two \x1b[31m<&>")
    _, found = outcome.render("github").splitlines()
    assert found == "::error title=pack%2C calls%3A a%3Ab%2Cc 5 %25::100 %25%0Aline two \ufffd[31m<&>"
    assert "&lt;&amp;&gt;" in outcome.render("junit")
    assert "simulated" not in outcome.render("text")


@pytest.mark.parametrize(
    ("check", "status", "step"),
    [
        ("tools", "lost", "explore the tools that have changed, and decide again: ste run gain --set 'tools=[…]'"),
        ("calls", "lost", "find out why these calls fail; if they are to fail, explore and decide again: ste run gain"),
        ("gain", "lost", "do not use it with this model; to find out what helps that one: ste run gain"),
        (
            "gain",
            "unknown",
            "test with all cases (without --cases); if they are too few, explore more for the next pack: ",
        ),
        ("tools", "holds", None),
        ("calls", "note", None),
    ],
)
def test_each_format_says_how_it_stands_and_what_to_do(check, status, step) -> None:
    outcome = PackOutcome("my pack")
    outcome.add("tools", "t", "holds", "x")
    outcome.add(check, "u", status, "y")
    outcome.add(check, "v", status, "z")
    found = json.loads(outcome.render("json"))
    assert (found["status"], found["exit_code"]) == (outcome.status, outcome.exit_code)
    texts = [outcome.render("text"), outcome.render("github").splitlines()[0].replace("%0A", "\n")]
    texts.append("".join(ElementTree.fromstring(outcome.render("junit")).itertext()))
    if step is None:
        assert (found["next"], ["next:" in text for text in texts]) == ([], [False] * 3)
    else:
        assert found["next"][0].startswith(step)
        assert len(found["next"]) == 1
        assert all(f"next: {step}" in text for text in texts)
        assert ElementTree.fromstring(outcome.render("junit"))[0][1][0].text == found["next"][0]


def test_a_tool_that_is_gone_needs_another_step_than_one_that_has_changed() -> None:
    outcome = PackOutcome("my pack")
    outcome.add("tools", "t", "lost", "x", changes=GONE)
    outcome.add("tools", "u", "lost", "y", changes=["description has other words"])
    gone, changed = outcome.next_steps
    assert gone.startswith("put the tool back, or name the file that has it; the pack still serves the others, and")
    assert gone.endswith("ste run gain --set 'tools=[…]'")
    assert changed.endswith("ste run gain --set 'tools=[…]' --since 'my pack'")
    del outcome.findings[1]
    (alone,) = outcome.next_steps
    assert alone.startswith("does --tools name the right file? These are other tools")
