"""A trained model as one more arm of gain: trained on one side, tested on the other, decided with the rest."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import ste_graph as ste
from ste_graph.packs.sources import find_source
from ste_graph.scoring.evaluation import Evaluation
from ste_graph.scoring.subject import ModelSubject

TOOLS = ["add_days", "number_in_words", "to_roman"]


def test_the_plan_of_a_trained_arm_has_its_three_parts() -> None:
    planned = ste.load("lora", variant="student").plan(tools=False)
    assert [part.name for part in planned.sub_workflows] == ["train", "test", "evaluate"]


def test_the_arm_of_a_trained_model_shows_nothing_else(tmp_path: Path) -> None:
    workflow = ste.load("icl", variant="trained").workflow
    assert workflow.params["arms"] == [{"name": "lora"}]


@pytest.mark.slow
def test_a_trained_model_answers_the_same_cases_and_is_decided_on_with_the_other_arms(tmp_path: Path) -> None:
    own: dict[str, Any] = {
        "params.episodes": 4, "tools.0.include": TOOLS, "params.negatives": True,
        "params.arms": [{"name": "baseline"}, {"name": "exemplars", "exemplars": "nearest"}],
    }  # fmt: skip
    summary = ste.load("gain", variant="simulated", set=own).run(tmp_path / "gain")
    assert summary.complete, summary.failed
    changes = {
        "data.tested.runs": [str(tmp_path / "gain" / "runs" / "icl")],
        "data.heldout.run": str(tmp_path / "gain" / "runs" / "distil"),
    }
    summary = ste.load("lora", variant="student", set=changes).run(tmp_path / "lora")
    assert summary.complete, summary.failed
    parts = tmp_path / "lora" / "runs"
    [trained] = ste.open_run(parts / "train").records()
    replies = [line for line in ste.open_run(parts / "test").records() if line["record"] == "reply"]
    others = ste.open_run(tmp_path / "gain" / "runs" / "icl").records()
    asked = {(line["gold"]["tool"], line["query"], line["kind"]) for line in others if line["record"] == "reply"}
    assert {(line["gold"]["tool"], line["query"], line["kind"]) for line in replies} == asked
    assert {kind for *_, kind in asked} > {"call"}
    subject = ModelSubject.model_validate(replies[0]["subject"])
    assert subject.path == trained["model"]
    [line] = ste.open_run(parts / "evaluate").records()
    evaluation = Evaluation.model_validate({name: line[name] for name in Evaluation.model_fields if name in line})
    assert set(evaluation.candidates) == {"exemplars", "lora"}
    assert set(evaluation.arms) == {"baseline", "exemplars", "lora"}
    runs = [str(tmp_path / "gain" / "runs" / "icl"), str(parts / "test")]
    decided = {"data.replies.runs": runs, "data.replies.candidate": "exemplars"}
    ste.load("evaluate", set=decided).run(tmp_path / "decided")
    source = find_source(tmp_path / "decided", unadopted=True)
    assert (source.arm, source.tested.path) == ("exemplars", tmp_path / "gain" / "runs" / "icl")
