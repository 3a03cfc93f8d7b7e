"""Arms of an experiment: variants that change a file together, over the command line's changes."""

from pathlib import Path

import pytest

from ste_graph.diagnostics import DiagnosticsError
from ste_graph.experiment import Experiment
from ste_graph.language.loading import parse_change

WORKFLOWS = Path(__file__).parents[2] / "workflows"


def test_without_names_the_arms_are_the_file_and_its_variants() -> None:
    arms = Experiment.load_arms("paper")
    names = ["no-long-term", "no-short-term", "no-feedback", "no-reflection", "placebo"]
    assert [arm.workflow.variant for arm in arms] == [None, *names]


def test_an_arm_may_combine_variants() -> None:
    (arm,) = Experiment.load_arms("paper", [("no-long-term", "no-reflection")])
    assert arm.workflow.variant == arm.workflow.lock["variant"] == "no-long-term+no-reflection"
    assert {"long_term", "reflect"} <= arm.workflow.off


def test_a_change_does_not_take_back_what_makes_an_arm() -> None:
    changes = [parse_change("memory.long_term.recall={diverse: 5}"), parse_change("params.trials=2")]
    base, placebo = Experiment.load_arms("paper", [(), ("placebo",)], set=changes)
    recalls = [arm.workflow.lock["workflow"]["memory"]["long_term"]["recall"] for arm in (base, placebo)]
    assert recalls == [{"diverse": 5}, "shuffled"]
    assert [arm.workflow.params["trials"] for arm in (base, placebo)] == [2, 2]


def test_all_unknown_variants_are_named_at_once_with_suggestions() -> None:
    with pytest.raises(DiagnosticsError) as refused:
        Experiment.load_arms("paper", [("placbo",), ("no-feedback", "no-reflect")])
    found = {(problem.code, problem.message, problem.suggestion) for problem in refused.value.diagnostics}
    assert found == {
        ("E401", "unknown variant `placbo`", "placebo"),
        ("E401", "unknown variant `no-reflect`", "no-reflection"),
    }


def test_variants_that_contradict_each_other_cannot_be_one_arm() -> None:
    with pytest.raises(DiagnosticsError) as refused:
        Experiment.load_arms("paper", [("no-long-term", "placebo"), ("no-long-term", "no-reflection")])
    (problem,) = refused.value.diagnostics
    assert problem.code == "E402"
    assert problem.message == "`no-long-term` and `placebo` cannot be combined: both change `memory.long_term`"


def test_variants_that_change_a_value_to_the_same_can_be_one_arm() -> None:
    (arm,) = Experiment.load_arms("explore", [("no-lessons", "no-short-term")])
    assert "lessons" in arm.workflow.off


def test_problems_of_all_arms_are_listed_at_once(tmp_path: Path) -> None:
    file = tmp_path / "own.yaml"
    file.write_text(
        "extends: paper\nname: own\nvariants: {silent: {nodes.call: off}, odd: {params.trials: many}, ok: {seed: 3}}\n"
    )
    with pytest.raises(DiagnosticsError) as refused:
        Experiment.load_arms(file, [(), ("silent",), ("odd",), ("ok",)])
    messages = [problem.message for problem in refused.value.diagnostics if problem.severity == "error"]
    assert any("in variant `silent`" in message for message in messages)
    assert any("in variant `odd`" in message for message in messages)
