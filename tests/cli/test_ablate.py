"""`ste ablate`: its plan, its tables, and how it ends."""

import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Command = Callable[..., Any]


@pytest.fixture
def small(folder: Path) -> Path:
    text = (folder / "small.yaml").read_text()
    variants = "variants:\n  silent: {nodes.reflect: off}\n  blind: {nodes.observe.use: observe.withheld}\n"
    (folder / "small.yaml").write_text(text[: text.index("variants:")] + variants)
    return folder


def test_the_plan_says_what_would_run_and_runs_nothing(small: Path, ste: Command) -> None:
    found = ste("ablate", "small.yaml", "--seeds", 2, "--plan")
    assert found.code == 0, found.err
    assert "small: 3 arms, 2 seeds" in found.out
    assert "in all, at most" in found.out
    assert "every run: all units to run: it was not run before" in found.out
    assert "no tokens, as the model is simulated" in found.out
    assert not (small / "runs").exists()
    data = json.loads(ste("ablate", "small.yaml", "--plan", "--format", "json").out)
    assert data["arms"] == ["base", "silent", "blind"]
    assert {unit["state"] for run in data["runs"] for unit in run["units"]} == {"to run"}


def test_the_plan_of_a_priced_model_has_tokens_and_money(small: Path, ste: Command) -> None:
    prices = ["--prices", "{input: 1.0, output: 2.0, currency: EUR}"]
    model = "{use: openai, base_url: 'http://localhost:9/v1', model: m}"
    found = ste("ablate", "small.yaml", "--plan", *prices, "--set", f"models.explorer={model}")
    assert found.code == 0, found.err
    likely = next(line for line in found.out.splitlines() if "likely" in line)
    assert "prompt and" in likely
    assert likely.endswith("EUR")
    wrong = ste("ablate", "small.yaml", "--plan", "--prices", "cheap")
    assert wrong.code == 2
    assert "'cheap' does not state prices; expected some like {input: 0.15" in wrong.err


def test_the_result_is_a_table_with_intervals_in_all_three_forms(small: Path, ste: Command) -> None:
    text = ste("ablate", "small.yaml", "--seeds", 2)
    assert text.code == 0, text.err
    assert text.out.startswith("small: 3 arms, 2 seeds, 4 cases (simulated)\n")
    assert "95 % interval" in text.out
    assert "silent: the model is not asked whether a trial is solved" in text.out
    assert max(map(len, text.out.splitlines())) <= 110
    assert "[6/6] blind, seed 1:" in text.err
    again = ste("ablate", "small.yaml", "--seeds", 2, "--format", "json")
    assert "nothing is left to run" in again.err
    data = json.loads(again.out)
    assert data["simulated"] is True
    assert data["arms"]["blind"]["measures"]["call_succeeded"]["difference"]["cases"] == 4
    page = small / "page.md"
    assert ste("ablate", "small.yaml", "--seeds", 2, "--quiet", "--format", "markdown", "--report", page).code == 0
    lines = page.read_text().splitlines()
    assert "| arm | mean, % | 95 % interval | difference, points | 95 % interval | p, Holm |" in lines
    for line, below in itertools.pairwise(lines):  # no row of a table has more cells than its head
        if line.startswith("|") and below.startswith("|"):
            assert line.count("|") == below.count("|"), below


def test_a_spent_budget_says_how_to_go_on(small: Path, ste: Command) -> None:
    found = ste("ablate", "small.yaml", "--variants", "blind", "--set", "budget.model_calls=12")
    assert found.code == 1
    assert "not compared: " in found.out
    assert "blind, seed 0" in found.out
    assert "the budget of 12 model calls is spent" in found.err
    again = "ste ablate small.yaml --set budget.model_calls=12 --variants blind"
    assert f"Nothing finished is lost. Raise the budget, then continue with: {again}" in found.err
    more = ste("ablate", "small.yaml", "--variants", "blind", "--set", "budget.model_calls=200")
    assert more.code == 0, more.err
    assert "not compared" not in more.out


def test_unknown_variants_are_all_named_with_suggestions(small: Path, ste: Command) -> None:
    found = ste("ablate", "small.yaml", "--variants", "slient,blnd")
    assert found.code == 2
    assert "did you mean `silent`?" in found.err
    assert "did you mean `blind`?" in found.err
    assert not (small / "runs").exists()


def test_arms_of_other_tools_are_refused(small: Path, ste: Command) -> None:
    text = (small / "small.yaml").read_text()
    (small / "small.yaml").write_text(f"{text}  fewer: {{tools.0.include: [shout]}}\n")
    found = ste("ablate", "small.yaml")
    assert found.code == 2
    assert "fewer: it lacks the tool double" in found.err
    assert "ste run small.yaml --variant fewer" in found.err
