"""The estimates in a plan, from a run of the same workflow."""

from pathlib import Path

import pytest

import ste_graph as ste
from ste_graph.errors import WorkflowError
from ste_graph.lab.estimate import estimate_run, max_steps
from tests.run.conftest import TINY

ANSWERING = Path(__file__).parents[1] / "run" / "answering.py"
WHOLE = """
dsl: 2
name: whole
plugins: [answering.py]
params: {turns: 2}
models: {model: {use: answering.Answering, tokens: 10, prices: {input: 1000, output: 0}}}
graph:
  - {run: tiny.yaml, name: first, with: {params.turns: params.turns, models: models}}
  - {run: tiny.yaml, name: second, with: {params.turns: 1, models: models}}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "answering.py").write_text(ANSWERING.read_text("utf-8"), "utf-8")
    (tmp_path / "think.md").write_text("Think of {{ item }}, turn {{ turn }}.", "utf-8")
    (tmp_path / "tiny.yaml").write_text(TINY, "utf-8")
    (tmp_path / "whole.yaml").write_text(WHOLE, "utf-8")
    return tmp_path


def test_a_sample_of_one_unit_gives_what_all_units_with_more_passes_use(folder: Path) -> None:
    changes = {"models.model.tokens": 10, "models.model.prices": {"input": 1000, "output": 0}}
    small = ste.load(folder / "tiny.yaml", set={**changes, "params.items": ["one"], "params.turns": 1})
    small.run(out=folder / "small")
    large = ste.load(folder / "tiny.yaml", set=changes)
    expected = estimate_run(large.workflow, large.plan(), folder / "small")
    used = large.run(out=folder / "large").used
    assert (expected.model_calls, expected.prompt_tokens) == (used.model_calls, used.prompt_tokens) == (9, 90)
    assert expected.money == pytest.approx(0.09)


def test_parts_are_expected_each_by_its_own_runs_and_in_all(folder: Path) -> None:
    whole = ste.load(folder / "whole.yaml")
    used = whole.run(out=folder / "run").used
    more = ste.load(folder / "whole.yaml", set={"params.turns": 4})
    expected = estimate_run(more.workflow, more.plan(), folder / "run")
    assert used.model_calls == 9
    assert {name: part.model_calls for name, part in expected.parts.items()} == {"first": 12, "second": 3}
    assert (expected.model_calls, expected.prompt_tokens) == (15, 150)
    assert expected.money == pytest.approx(0.15)
    assert expected.time_s == pytest.approx(sum(part.time_s for part in expected.parts.values()))


def test_a_run_of_another_workflow_is_no_sample(folder: Path) -> None:
    ste.load(folder / "tiny.yaml").run(out=folder / "tiny")
    whole = ste.load(folder / "whole.yaml")
    with pytest.raises(WorkflowError, match="is a run of `tiny`; expected one of `whole`"):
        estimate_run(whole.workflow, whole.plan(), folder / "tiny")


def test_the_most_steps_of_each_node_are_read_from_a_lock() -> None:
    workflow = {
        "params": {"n": 3},
        "graph": [
            {"map": "tool", "over": "tools", "do": [
                "begin",
                {"repeat": "a", "times": "params.n", "do": [
                    "ask",
                    {"when": "ask.x", "do": ["ask"], "else": ["tell"]},
                    {"repeat": "b", "while": "ask.x", "at_most": "params.n + 1", "do": ["tell"]},
                ]},
                {"record": "trial", "as": "ask"},
            ]},
        ],
    }  # fmt: skip
    assert max_steps(workflow) == {"begin": 1, "ask": 6, "tell": 15}
