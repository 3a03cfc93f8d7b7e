from __future__ import annotations

import json
from pathlib import Path

import pytest

import ste_graph.workflows
from ste_graph.stats import gain_power

PAPER = Path(ste_graph.workflows.__file__).parent / "paper.yaml"


def test_the_paper_costs_420_model_and_240_tool_calls_at_most_per_tool(ste):
    result = ste("plan", PAPER, "--format", "json")
    planned = json.loads(result.out)
    assert result.code == 0
    assert planned["units"] == 12
    assert planned["per_unit"] == {"model_calls": 420, "tool_calls": 240}
    assert planned["total"] == {"model_calls": 5040, "tool_calls": 2880}
    assert planned["loops"] == {"episode": 15, "trial": 4, "turn": 4}


def test_a_person_reads_maxima_loops_and_skipped_tools(ste, folder):
    result = ste("plan", "small.yaml")
    assert result.code == 0
    assert result.err == "the tools are loaded\n"
    assert result.out == (
        "small: 2 units, one per tool: double, shout\n"
        "\n"
        "at most              model calls  tool calls\n"
        "per tool                      12           6\n"
        "in all                        24          12\n"
        "longest chain                 12\n"
        "\n"
        "loops in a tool\n"
        "  episode: 1 time\n"
        "    trial: 2 times\n"
        "      turn: while not call.finished, at most 3\n"
        "\n"
        "left out, because the run may not call them; the line that allows it:\n"
        "  store (write)  allow: [store]\n"
        "\n"
        "expected: not known before a run in runs/small, or another one (--sample RUN)\n"
    )


def test_a_variant_and_changes_are_planned_as_they_would_run(ste, folder):
    result = ste("plan", "small.yaml", "--variant", "quick", "--set", "params.turns=1", "--format", "json")
    assert json.loads(result.out)["per_unit"] == {"model_calls": 4, "tool_calls": 1}


def test_without_plugins_the_number_of_units_is_not_known(ste, folder):
    (folder / "tools.py").write_text("1 / 0\n")
    result = ste("plan", "small.yaml", "--no-plugins", "--format", "json")
    planned = json.loads(result.out)
    assert (result.code, planned["units"], planned["total"]) == (0, None, None)
    assert planned["per_unit"] == {"model_calls": 12, "tool_calls": 6}


def test_a_plan_without_callable_tools_has_a_block_to_paste(ste, folder):
    result = ste("plan", "small.yaml", "--set", "tools.0.include=[store]")
    assert result.code == 0
    assert result.out.startswith("small: 0 units, one per tool\n")
    assert "unless `allow` names it\n  store: write" in result.out


def test_the_whole_of_gain_has_a_bound_before_any_of_its_runs_is_there(ste, folder):
    parts = json.loads(ste("plan", "gain", "--format", "json").out)["parts"]
    planned = json.loads(ste("plan", "gain", "--format", "json").out)
    assert [parts[name]["most_units"] for name in ("explore", "distil", "icl", "evaluate")] == [12, 12, 12, 1]
    assert planned["total"]["model_calls"] == sum(part["total"]["model_calls"] for part in parts.values())
    lines = ste("plan", "gain").out.splitlines()
    parts_of_tools = [line.split()[0] for line in lines if ", 12 units" in line]
    assert parts_of_tools == ["distil,", "guideline,", "describe,", "icl,"]
    (total,) = (line.split() for line in lines if line.startswith("in all"))
    assert total == ["in", "all", *(f"{count:,}" for count in planned["total"].values())]


def test_a_pipeline_whose_tools_are_not_loaded_says_why_it_has_no_bound(ste, folder):
    result = ste("plan", "gain", "--no-plugins")
    assert "known later" in result.out
    assert "explore: one unit per tool; their number is known when its tools are loaded\n" in result.out
    assert "distil: one unit per tool; their number is known when `data.explored` is there\n" in result.out


def test_the_plan_of_a_decision_says_what_it_could_show(ste):
    text = ste("plan", "gain", "--variant", "simulated").out
    head = (
        "power: how often a true gain over a baseline of 70 % would be shown, after Holm's correction for 7 candidates"
    )
    assert head in text
    # 12 tools x 20 trials, of which three to six in ten are kept, and half of these held out
    assert (
        "  cases  36 to 72, and 13 to 25 in which no call is right: 12 tools x 20 trials, "
        "3 to 6 of 10 kept, 50 % of them held out" in text
    )
    assert "  test   10 arms (7 may be adopted), 1 reply a case" in text
    assert "  72 likely " in text
    assert "USD" not in text
    found = json.loads(ste("plan", "evaluate", "--format", "json").out)
    assert found["power"]["60"]["0.1"] == pytest.approx(gain_power(0.1, 60, baseline=0.7, correlation=0.25))
    assert found["likely"] is None
    priced = ("--set", "params.prices={input: 1, output: 2, currency: EUR}", "--set", "params.replies=3")
    likely = json.loads(ste("plan", "gain", "--variant", "simulated", *priced, "--format", "json").out)["likely"]
    low, high = likely["prompt_tokens"][1], likely["completion_tokens"][1]
    assert likely["price"][1] == pytest.approx((low + 2 * high) / 1e6)
    assert (likely["replies"], likely["currency"], likely["candidates"]) == (3, "EUR", 7)
    assert "power" not in ste("plan", "quickstart").out


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ("params.heldout=0", "no request is held out, so that nothing is tested"),
        ("params.cases=0", "no request is held out, so that nothing is tested"),
        ("params.arms=[{name: baseline}]", "an arm is compared with nothing"),
    ],
)
def test_the_plan_of_a_test_that_can_decide_nothing_says_so(change, fault, ste):
    text = ste("plan", "gain", "--variant", "simulated", "--set", change).out
    assert f"  beware {fault}" in text
    assert text.count("beware") == 1


def test_passes_side_by_side_shorten_the_longest_chain_and_nothing_else(ste):
    plain, waves = (
        json.loads(ste("plan", "explore", *more, "--format", "json").out) for more in ([], ["--variant", "waves"])
    )
    assert plain["longest_chain"] == plain["per_unit"]["model_calls"] == 540
    assert (waves["longest_chain"], waves["per_unit"], waves["total"]) == (180, plain["per_unit"], plain["total"])
    text = ste("plan", "explore", "--variant", "waves").out
    assert "longest chain                180  for each wave of tools: some wait for values that others give\n" in text
    assert "  episode: 15 times, 3 side by side\n" in text
