"""An ablation: arms that can be compared, planned in all, run under one budget, and reused."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
import yaml

from ste_graph.errors import WorkflowError
from ste_graph.finished import open_run
from ste_graph.lab.ablation import Ablation, plan_ablation, run_ablation
from ste_graph.lab.ablation_text import result_text
from ste_graph.lab.arms import compose_arms
from ste_graph.lab.result import AblationResult, read_result
from ste_graph.language.loading import parse_change
from ste_graph.run.folder import RunFolder

OUT = Path("out")
SERVERS = Path(__file__).parents[1] / "servers"


def plan(
    *changes: str,
    variants: Sequence[str] | None = None,
    seeds: int = 1,
    factorial: bool = False,
    start: bool = True,
) -> Ablation:
    parsed = [parse_change(change) for change in changes]
    arms = compose_arms(Path("small.yaml"), variants, factorial=factorial, seeds=seeds, changes=parsed)
    return plan_ablation(arms, OUT, start=start)


def run(ablation: Ablation) -> AblationResult:
    return read_result(ablation, run_ablation(ablation))


def states(ablation: Ablation) -> dict[str, dict[str, tuple[str, str | None]]]:
    return {run.title: {own.unit: (own.state, own.reason) for own in run.reuse.units or ()} for run in ablation.runs}


def set_variants(folder: Path, **variants: object) -> None:
    text, _, _ = (folder / "small.yaml").read_text().partition("variants:")
    (folder / "small.yaml").write_text(f"{text}variants: {json.dumps(variants)}\n")


def test_arms_are_paired_by_tools_seeds_and_random_choices(folder: Path) -> None:
    ablation = plan(seeds=2)
    assert [found.title for found in ablation.runs] == [
        f"{arm}, seed {seed}" for seed in (0, 1) for arm in ("base", "blind", "no-reflection")
    ]
    run(ablation)
    first = {
        found.title: {kept.tool: kept.query for kept in open_run(found.folder).trials() if kept.loops["trial"] == 0}
        for found in ablation.runs
    }
    for seed in (0, 1):  # nothing differs before the first observation, so the first requests are the same
        assert first[f"base, seed {seed}"] == first[f"blind, seed {seed}"] == first[f"no-reflection, seed {seed}"]
    assert first["base, seed 0"] != first["base, seed 1"]
    assert set(first["base, seed 0"]) == {"double", "half"}


def test_what_is_finished_is_reused_and_nothing_is_called_again(folder: Path) -> None:
    before = run(plan())
    logs = {file: file.read_bytes() for file in OUT.rglob("units/*.jsonl")}
    assert len(logs) == 6
    again = plan()
    assert again.is_finished
    assert all(own == ("reused", None) for units in states(again).values() for own in units.values())
    assert (again.most.model_calls, again.most.tool_calls) == (0, 0) if again.most else False
    assert run(again).to_json() == before.to_json()
    assert {file: file.read_bytes() for file in OUT.rglob("units/*.jsonl")} == logs


def test_a_further_arm_or_seed_runs_only_that(folder: Path) -> None:
    run(plan(variants=["blind"]))
    more = states(plan(variants=["blind", "no-reflection"], seeds=2))
    assert {title for title, units in more.items() if all(own[0] == "reused" for own in units.values())} == {
        "base, seed 0",
        "blind, seed 0",
    }
    assert more["no-reflection, seed 0"]["half"] == ("to run", "it was not run before")


def test_a_change_of_one_variant_runs_only_its_arm_anew_and_keeps_the_old_run(folder: Path) -> None:
    set_variants(folder, longer={"params.turns": 3}, blind={"nodes.observe.use": "observe.withheld"})
    run(plan())
    old = (OUT / "longer/seed-0/journal.jsonl").read_bytes()
    set_variants(folder, longer={"params.turns": 4}, blind={"nodes.observe.use": "observe.withheld"})
    changed = plan()
    found = states(changed)
    why = "workflow.params.turns: 3, now 4"
    assert found["longer, seed 0"] == {"double": ("to run", why), "half": ("to run", why)}
    assert {own[0] for title in ("base, seed 0", "blind, seed 0") for own in found[title].values()} == {"reused"}
    assert run(changed).is_complete
    assert (OUT / "replaced/longer.seed-0.1/journal.jsonl").read_bytes() == old
    assert plan().is_finished


def test_a_further_tool_is_run_and_the_units_of_the_others_are_carried_over(folder: Path) -> None:
    run(plan("tools.0.include=[double]", variants=["blind"]))
    before = {kept.id: kept.line for kept in open_run(OUT / "base/seed-0").trials()}
    changed = plan(variants=["blind"])
    new = ("to run", "unit `half` is new; tool `half` is new")
    assert states(changed) == {
        title: {"double": ("reused", None), "half": new} for title in ("base, seed 0", "blind, seed 0")
    }
    assert run(changed).is_complete
    after = {kept.id: kept.line for kept in open_run(OUT / "base/seed-0").trials()}
    assert len(after) == 2 * len(before)
    assert {id: after[id] for id in before} == before
    assert plan(variants=["blind"]).is_finished


def test_a_tool_that_has_changed_is_explored_anew_and_the_others_are_not(folder: Path) -> None:
    run(plan(variants=["blind"]))
    lock = yaml.safe_load((OUT / "base/seed-0/workflow.lock.yaml").read_text())
    lock["units"]["half"] = lock["tools"]["half"] = "another"
    (OUT / "base/seed-0/workflow.lock.yaml").write_text(yaml.safe_dump(lock))
    changed = states(plan(variants=["blind"]))
    assert changed["base, seed 0"]["double"] == ("reused", None)
    assert changed["base, seed 0"]["half"] == ("to run", "unit `half` has changed; tool `half` has changed")
    assert changed["blind, seed 0"]["half"] == ("reused", None)


def test_tools_of_a_server_are_known_once_it_has_started_and_seen_to_have_changed(folder: Path) -> None:
    pytest.importorskip("mcp_types", reason="the mcp extra is not installed")
    server = {"use": "mcp", "command": sys.executable, "args": [str(SERVERS / "modern.py")], "include": ["add"]}
    changes = [f"tools={json.dumps([server])}", "params.trials=1"]
    assert [found.reuse.units for found in plan(*changes, variants=["blind"], start=False).runs] == [None, None]
    assert run(plan(*changes, variants=["blind"])).is_complete
    lock = yaml.safe_load((OUT / "base/seed-0/workflow.lock.yaml").read_text())
    lock["units"]["add"] = lock["tools"]["add"] = "another"
    (OUT / "base/seed-0/workflow.lock.yaml").write_text(yaml.safe_dump(lock))
    why = "unit `add` has changed; tool `add` has changed"
    assert states(plan(*changes, variants=["blind"])) == {
        "base, seed 0": {"add": ("to run", why)},
        "blind, seed 0": {"add": ("reused", None)},
    }


def test_units_that_share_a_memory_are_not_carried_over(folder: Path) -> None:
    text = (folder / "small.yaml").read_text()
    text = text.replace("memory:\n", "memory:\n  found: {use: values}\n", 1)
    text = text.replace("nodes:\n", "nodes:\n  values: {use: values, memory: found}\n", 1)
    text = text.replace("              - imagine\n", "              - values\n              - imagine\n", 1)
    (folder / "small.yaml").write_text(text)
    run(plan(variants=["blind"]))
    lock = yaml.safe_load((OUT / "base/seed-0/workflow.lock.yaml").read_text())
    lock["units"]["half"] = lock["tools"]["half"] = "another"
    (OUT / "base/seed-0/workflow.lock.yaml").write_text(yaml.safe_dump(lock))
    state, reason = states(plan(variants=["blind"]))["base, seed 0"]["double"]
    assert state == "to run"
    assert reason is not None
    assert reason.endswith("tool `half` has changed, and the units share memory `found`")


def test_a_budget_holds_for_all_arms_together_and_raising_it_goes_on(folder: Path) -> None:
    undisturbed = run(plan())
    total = sum(arm.conduct.used.model_calls for arm in undisturbed.arms)
    (folder / "whole").mkdir()
    OUT.rename(folder / "whole/out")
    budget = f"budget.model_calls={total // 2}"
    stopped = plan(budget)
    summaries = run_ablation(stopped)
    assert summaries[-1].stopped_by == "budget"
    assert sum(summary.used.model_calls for summary in summaries) <= total // 2
    half = read_result(stopped, summaries)
    assert not half.is_complete
    assert half.left_out
    once_more = run_ablation(plan(budget))  # what was used before counts
    assert once_more[-1].stopped_by == "budget"
    assert sum(summary.used.model_calls for summary in once_more) <= total // 2
    whole = plan(f"budget.model_calls={total}")
    assert {own[0] for units in states(whole).values() for own in units.values()} >= {"reused", "to run"}
    assert run(whole).to_json() == undisturbed.to_json()


def test_a_unit_that_was_cut_off_goes_on(folder: Path) -> None:
    undisturbed = run(plan(variants=["blind"])).to_json()
    log = OUT / "blind/seed-0/units/half.jsonl"
    lines = log.read_bytes().splitlines(keepends=True)
    log.write_bytes(b"".join(lines[: len(lines) // 2]))
    state, reason = states(plan(variants=["blind"]))["blind, seed 0"]["half"]
    assert state == "continues"
    assert reason is not None
    assert reason.startswith("it was stopped after ")
    assert run(plan(variants=["blind"])).to_json() == undisturbed


def test_arms_with_other_tools_or_seeds_are_refused_with_what_differs(folder: Path) -> None:
    set_variants(
        folder,
        fewer={"tools.0.include": ["double"]},
        more={"tools.0.include": ["double", "half", "shout"]},
        lucky={"seed": 7},
        blind={"nodes.observe.use": "observe.withheld"},
    )
    with pytest.raises(WorkflowError) as refused:
        plan()
    text = str(refused.value)
    assert "3 arms cannot be compared with `base`" in text
    assert "fewer: it lacks the tool half" in text
    assert "more: it also has shout" in text
    assert "lucky: it sets the seed to 7; arms are paired by seed" in text
    assert "blind" not in text
    assert not OUT.exists()


def test_a_workflow_without_trials_is_refused_with_where_to_look(folder: Path) -> None:
    text = (folder / "small.yaml").read_text()
    start, end = text.index("              - record: trial"), text.index("variants:")
    (folder / "small.yaml").write_text(text[:start] + text[end:])
    with pytest.raises(WorkflowError, match=r"it makes no `trial` records \(it makes: none\)"):
        plan()


def test_an_arm_that_changes_nothing_is_named_and_not_run(folder: Path) -> None:
    ablation = plan("nodes.reflect=off")
    assert ablation.arms.same == {"no-reflection": "base"}
    assert [found.arm.name for found in ablation.runs] == ["base", "blind"]
    with pytest.raises(WorkflowError, match="every arm is the same as `base`"):
        plan("nodes.reflect=off", variants=["no-reflection"])


def test_no_variant_to_compare_is_an_error(folder: Path) -> None:
    with pytest.raises(WorkflowError, match="the file has: blind, no-reflection"):
        plan(variants=[])
    set_variants(folder)
    with pytest.raises(WorkflowError, match="the file has none"):
        plan()
    set_variants(folder, base={"params.turns": 1})
    with pytest.raises(WorkflowError, match="rename it"):
        plan()


def test_folders_that_hold_something_else_are_refused(folder: Path) -> None:
    run(plan(variants=["blind"]))
    for arm, version in (("base", 1), ("blind", 99)):
        lock = OUT / arm / "seed-0/workflow.lock.yaml"
        lock.write_text(lock.read_text().replace("format: 4", f"format: {version}", 1))
    with pytest.raises(WorkflowError) as refused:
        plan(variants=["blind"])
    assert "out/base/seed-0: this run was made by an older version" in str(refused.value)
    assert "out/blind/seed-0: this run was made by a newer version" in str(refused.value)
    arms = compose_arms(Path("small.yaml"), ["blind"])
    with pytest.raises(WorkflowError, match="is the folder of one run"):
        plan_ablation(arms, OUT / "base/seed-0")


def test_a_run_that_another_process_writes_is_left_alone(folder: Path) -> None:
    run(plan(variants=["blind"]))
    before = (OUT / "base/seed-0/journal.jsonl").read_bytes()
    changed = plan("params.turns=3", variants=["blind"])
    writer = RunFolder(OUT / "base/seed-0")
    writer.acquire()
    try:
        with pytest.raises(WorkflowError, match=r"another process .*is running in this folder"):
            run(changed)
    finally:
        writer.release()
    assert (OUT / "base/seed-0/journal.jsonl").read_bytes() == before


def test_a_unit_that_fails_is_named_and_the_others_are_compared(folder: Path) -> None:
    (folder / "own.py").write_text(
        "import ste_graph as ste\n\n"
        "class Picky(ste.Node):\n"
        '    """Fail for one tool."""\n\n'
        "    class Inputs(ste.NodeInputs):\n        tool: dict\n\n"
        "    class Outputs(ste.NodeOutputs):\n        ok: bool\n\n"
        "    async def __call__(self, inputs, ctx):\n"
        '        if inputs.tool["name"] == "half":\n            raise ValueError("not this one")\n'
        "        return self.Outputs(ok=True)\n"
    )
    text = (folder / "small.yaml").read_text()
    text = text.replace("nodes:\n", "plugins: [own.py]\nnodes:\n  picky: {use: own.Picky}\n", 1)
    text = text.replace("              - imagine\n", "              - picky\n              - imagine\n", 1)
    (folder / "small.yaml").write_text(text[: text.index("variants:")] + "variants: {lenient: {nodes.picky: off}}\n")
    result = run(plan())
    assert not result.is_complete
    base, lenient = result.arms
    assert list(base.conduct.failed) == ["seed 0, half"]
    assert "not this one" in base.conduct.failed["seed 0, half"]
    assert lenient.conduct.failed == {}
    assert lenient.effects["kept"].interval.n == 1  # `double` alone, which both have finished
    assert "not this one" in result.left_out["base, seed 0, half"]


def test_a_factorial_ablation_runs_every_combination_and_gives_main_effects(folder: Path) -> None:
    result = run(plan(factorial=True))
    assert [arm.name for arm in result.arms] == ["base", "blind", "no-reflection", "blind+no-reflection"]
    found = result.factors["call_succeeded"]
    assert list(found) == ["blind", "no-reflection"]
    means = {arm.name: arm.means["call_succeeded"] for arm in result.arms}
    alone, both = ((means[a], means[b]) for a, b in (("base", "blind"), ("no-reflection", "blind+no-reflection")))
    expected = sum(b.mean - a.mean for a, b in (alone, both) if a and b) / 2
    assert found["blind"].interval.mean == pytest.approx(expected)
    assert "solved" in result.factors
    assert result.factors["solved"] == {}  # never judged in two of the four arms
    with pytest.raises(WorkflowError, match="--factorial combines the variants itself"):
        plan(variants=["blind+no-reflection"], factorial=True)


def test_an_arm_that_changes_nothing_that_a_model_does_is_named(folder: Path) -> None:
    set_variants(folder, longer={"limits.timeout_s": 20}, blind={"nodes.observe.use": "observe.withheld"})
    result = run(plan())
    arms = {arm.name: arm for arm in result.arms}
    assert (arms["longer"].paired, arms["longer"].same) == (4, 4)
    assert (arms["base"].paired, arms["blind"].paired) == (0, 4)
    assert arms["blind"].same < 4
    assert "longer: all 4 trials have the requests and calls of the base's" in result_text(result)


def test_the_result_is_data_and_says_that_it_is_simulated(folder: Path) -> None:
    found = json.loads(json.dumps(run(plan()).to_json()))
    assert found["simulated"] is True
    assert found["complete"] is True
    arm = found["arms"]["no-reflection"]
    assert arm["measures"]["solved"] == {"mean": None, "difference": None}
    difference = arm["measures"]["kept"]["difference"]
    assert difference["low"] < difference["mean"] < difference["high"]
    assert arm["cases"] == 2
    assert arm["loops"]["trial"] == {"times": 2}
    assert found["arms"]["base"]["measures"]["kept"]["difference"] is None
