"""`make real` without a real model: its stages are workflows that load, and its figures are those of the journals."""

import json
from pathlib import Path

import pytest

import ste_graph as ste
from tests.real.figures import Row, arm_rows, compare, distil_rows, explore_rows, judge_rows, render_table
from tests.real.stages import ALL, POOL_TOOLS, QUICK, TOOLS, Size, plan_stages, record_pool


@pytest.mark.parametrize("tools", TOOLS)
def test_every_stage_is_a_bundled_workflow_that_loads(tools, tmp_path):
    (tmp_path / "config.json").write_text("{}")
    stages = plan_stages(ALL, Size(tools, 4, 6, 8), 100, tmp_path, str(tmp_path))
    assert [stage.name for stage in stages if stage.part in QUICK][:2] == ["explore", "distil"]
    made = set()
    for stage in stages:
        assert set(stage.after) <= made
        made.add(stage.name)
        recording = record_pool(stage, tmp_path / "pool.jsonl", POOL_TOOLS, "http://localhost/v1", "some model")
        for each in (stage, recording):
            ste.load(each.workflow, variant=each.variant, set=each.changes)
        line = stage.command(Path("ste"), tmp_path)
        assert line[-2:] == ["--out", str(tmp_path / stage.name)]


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """The stages of requests of a simulated exploration, answered by the simulated model."""
    out = tmp_path_factory.mktemp("real")
    for stage in plan_stages(("simulated",), Size("quick", 2, 3, 2), 3, out, ""):
        simulated = {} if stage.variant else {"models.main": {"use": "simulated"}}
        summary = ste.load(stage.workflow, variant=stage.variant, set={**stage.changes, **simulated}).run(
            out / stage.name
        )
        assert summary.complete
    return out


def test_figures_of_an_exploration_are_counted_over_all_trials_that_were_planned(runs):
    trials = ste.open_run(runs / "simulated-explore").trials()
    calls, unread = explore_rows(runs / "simulated-explore", trials_per_tool=10)
    assert (calls.count, calls.of) == (sum(trial.call_succeeded for trial in trials), 30)
    assert "12 trials were not made" in calls.remark
    assert unread.count == sum(step.action is None for trial in trials for step in trial.steps)
    assert unread.of >= len(trials)


def test_figures_of_the_gates_count_what_was_kept_and_how_much_of_it_differs(runs):
    kept, distinct = distil_rows(runs / "simulated-distil", runs / "simulated-explore")
    (judged,) = judge_rows(runs / "simulated-distil")
    assert 0 < kept.count <= kept.of == 18
    assert 0 < distinct.count <= distinct.of == kept.count == judged.count <= judged.of


def test_each_arm_has_a_row_and_all_but_the_first_a_decision(runs):
    baseline, exemplars, unread = arm_rows(runs / "simulated-icl", "icl")
    assert baseline.of == exemplars.of > 0
    assert baseline.remark == ""
    assert "mid-p" in exemplars.remark
    assert unread.of == 2 * baseline.of
    assert len(render_table([baseline, exemplars, unread]).splitlines()) == 5


def test_arms_are_compared_over_cases_that_both_have():
    right, wrong = {"api_match": True, "args_correct": True}, {"api_match": True, "args_correct": False}
    first = {number: wrong for number in range(8)} | {"alone": right}
    second = {number: right for number in range(7)} | {7: wrong}
    assert compare(first, second).startswith("+88 points, 7 won, 0 lost, mid-p 0.00781: better")
    assert "no difference shown" in compare(first, dict(first))
    assert compare({}, second) == "no case in common"


def test_a_row_has_an_interval_or_says_that_there_is_nothing():
    assert "75.0 % (41-93), 6 of 8" in Row("some", 6, 8).text()
    assert "| none |" in Row("some", 0, 0).text()
    assert json.loads(json.dumps(Row("some", 6, 8).to_json()))["share"] == 75.0
