"""Messages of `run`, `show`, `runs` and `plan` about budgets, money and models that stood in for others."""

import json
from pathlib import Path

import pytest

from tests.run.conftest import TINY

ANSWERING = Path(__file__).parents[1] / "run" / "answering.py"
PRICED = "models: {model: {use: answering.Answering, tokens: 10, prices: {input: 1000, cached: 500, output: 0}}}"


@pytest.fixture
def tiny(folder: Path) -> Path:
    """The workflow `tiny` in the current folder, with prices."""
    (folder / "answering.py").write_text(ANSWERING.read_text("utf-8"), "utf-8")
    (folder / "think.md").write_text("Think of {{ item }}, turn {{ turn }}.", "utf-8")
    head, _, rest = TINY.partition("models: ")
    (folder / "tiny.yaml").write_text(f"{head}{PRICED}\n{rest.partition(chr(10))[2]}", "utf-8")
    return folder / "tiny.yaml"


def test_a_spent_budget_is_in_the_outcome_in_show_and_in_the_list_of_runs(ste, tiny):
    result = ste("run", "tiny.yaml", "--set", "budget.money=0.035", "--concurrency", "1")
    why = "the budget of 0.0350 USD is spent: raise `budget.money` and run again"
    assert (result.code, result.out.splitlines()[0]) == (0, f"tiny: stopped: {why} (1 of 3 units done)")
    assert "  money         0.0400 USD\n" in result.out
    assert (
        "2 of 3 units not done for want of budget; running again with a larger one continues where they stopped:\n"
        f"  two: think turn=1: {why}\n"
        f"  three: think turn=0: {why}\n"
    ) in result.out
    assert f"2 units not done for want of budget (--record budget): {why}" in ste("show", "runs/tiny").out
    shown = ste("show", "runs/tiny", "--record", "budget").out
    assert "two" in shown
    assert "think turn=1" in shown
    assert "out of budget" in ste("runs").out
    data = json.loads(ste("run", "tiny.yaml", "--set", "budget.money=0.035", "--format", "json").out)
    assert data["budget"] == {"two": why, "three": why}
    assert data["money"] == {"spent": pytest.approx(0.04), "currency": "USD"}
    whole = json.loads(ste("run", "tiny.yaml", "--set", "budget.money=1", "--format", "json").out)
    assert (whole["complete"], whole["budget"], whole["fallbacks"]) == (True, {}, {})
    assert "for want of budget" not in ste("show", "runs/tiny").out


def test_a_model_that_stood_in_is_in_the_outcome(ste, tiny):
    changes = ["models.spare={like: model}", "models.model.or=spare", "models.model.budget={model_calls: 4}"]
    result = ste("run", "tiny.yaml", *(word for change in changes for word in ("--set", change)))
    assert "  fallback      5 replies by `spare` in place of `model`\n" in result.out
    assert result.err.count("`spare` is asked in place of `model` from now on") == 1


def test_a_plan_shows_prices_budgets_and_what_a_run_of_the_workflow_lets_expect(ste, tiny):
    before = ste("plan", "tiny.yaml", "--set", "budget.money=5").out
    assert "model: answering, 1000 input, 500 cached, 0 output (USD per million tokens)" in before
    assert "budget: money 5" in before
    assert "not known before a run in runs/tiny" in before
    ste("run", "tiny.yaml", "--concurrency", "1")
    after = ste("plan", "tiny.yaml", "--set", "params.turns=6").out
    assert "expected, from runs/tiny (3 of 3 units done, answering)" in after
    row = next(line for line in after.splitlines() if line.startswith("in all") and "180" in line)
    assert row.split()[:5] == ["in", "all", "18", "180", "0"]
    assert "0.1800 USD" in row
    data = json.loads(ste("plan", "tiny.yaml", "--format", "json").out)
    assert data["expected"]["model_calls"] == 9
    assert data["expected"]["prompt_tokens"] == 90
    assert data["expected"]["from"] == "runs/tiny"
    assert data["expected"]["time_s"] > 0
    assert data["expected"]["money"] == pytest.approx(0.09)
    assert data["models"]["model"]["prices"]["cached"] == 500


def test_a_plan_takes_any_run_as_its_sample(ste, tiny):
    ste("run", "tiny.yaml", "--set", "params.items=[one]", "--set", "params.turns=1", "--out", "small")
    planned = ste("plan", "tiny.yaml", "--sample", "small").out
    assert "expected, from small (1 of 1 unit done, answering)" in planned
    assert ste("plan", "tiny.yaml", "--sample", "nothing").code == 2
