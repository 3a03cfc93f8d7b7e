"""The page's view of trainings: the loss over the steps, of each one and over the rounds of continual learning."""

from __future__ import annotations

from typing import Any

from ste_graph.report.blocks import PageChart
from ste_graph.report.trainings import training_section

FIGURES = {"rows": 40, "steps": 20, "loss": 0.5, "seconds": 3.0, "cpu_seconds": 2.0}


def training(seed: int, losses: list[list[float]], **more: Any) -> dict[str, Any]:
    return {"id": f"t{seed}", "record": "training", "seed": seed, **FIGURES, "losses": losses, **more}


def round_of(label: str, number: int, losses: list[list[float]]) -> dict[str, Any]:
    table = {"rounds": [[0.5]], "batches": [["to_roman"]], "table": "", "plot": None}
    return {"id": f"{label}{number}", "record": "round", "label": label, **FIGURES, **table, "losses": losses}


def points(section: Any) -> list[tuple[str, float, float]]:
    (chart,) = [block for block in section.blocks if isinstance(block, PageChart) and block.label.startswith("Loss")]
    (rows,) = chart.spec["datasets"].values() if "datasets" in chart.spec else [chart.spec["data"]["values"]]
    return [(row["of"], row["step"], row["loss"]) for row in rows]


def test_a_training_that_is_not_examined_shows_its_loss_over_the_steps() -> None:
    section = training_section([training(0, [[10, 2.0], [20, 0.5]])], [])
    assert points(section) == [("training", 10, 2.0), ("training", 20, 0.5)]
    assert section is not None
    assert len(section.blocks) == 1, "there are no figures of a test"


def test_each_seed_has_a_line_of_its_own() -> None:
    section = training_section([training(0, [[10, 2.0], [20, 0.5]]), training(1, [[10, 1.9], [20, 0.6]])], [])
    assert {name for name, _, _ in points(section)} == {"seed 0", "seed 1"}


def test_the_rounds_of_an_arm_follow_each_other() -> None:
    rounds = [round_of("replay", 0, [[10, 1.0], [20, 0.4]]), round_of("replay", 1, [[20, 0.7]])]
    assert points(training_section([], rounds)) == [("replay", 10, 1.0), ("replay", 20, 0.4), ("replay", 40, 0.7)]


def test_a_run_that_kept_no_losses_has_no_such_chart() -> None:
    section = training_section([{**training(0, []), "before": 0.1, "after": 0.6, "per_tool": {"to_roman": 0.6}}], [])
    assert section is not None
    assert not [block for block in section.blocks if getattr(block, "label", "").startswith("Loss")]
