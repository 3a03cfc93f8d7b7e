"""From an exploration to a data set: quickstart.yaml, distil.yaml, `ste export`."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import ste_graph as ste
from ste_graph.cli import main
from ste_graph.cli.text.costs import cost_of_examples
from ste_graph.cli.text.outcome import outcome_from_summary
from ste_graph.distil.reading.normalisation import words
from ste_graph.distil.reading.wording import count_wordings
from ste_graph.experiment import bundled_workflows
from ste_graph.inputs.examples import RunExamples
from ste_graph.training.rows.examples import read_examples
from tests.bench import bench_exemplars

TOOLS = ["add_days", "to_roman", "make_password"]


def explore(out: Path, **changes: Any) -> Path:
    small = {"params.episodes": 1, "params.trials": 4, "tools.0.include": TOOLS, **changes}
    ste.load("quickstart", set=small).run(out)
    return out


def distil(explored: Path, out: Path, **changes: Any) -> Path:
    few = {"data.explored.run": str(explored), "params.paraphrases": 2, **changes}
    ste.load("distil", variant="simulated", set=few).run(out)
    return out


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


@pytest.fixture(scope="module")
def explored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return explore(tmp_path_factory.mktemp("explored") / "explored")


@pytest.fixture(scope="module")
def distilled(explored: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    more = {"params.negatives": True, "data.explored.licence": "for tests"}
    return distil(explored, tmp_path_factory.mktemp("distilled") / "run", **more)


@pytest.fixture
def run_ste(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    def run(*given: object) -> tuple[int, str, str]:
        code = main([str(word) for word in given])
        return (code, *capsys.readouterr())

    return run


def test_every_exemplar_that_is_handed_out_does_what_its_request_says(explored: Path) -> None:
    found = bench_exemplars.judge_exemplars(explored)
    assert len(found) >= 5
    assert [query for query, why in found if why] == []
    schema = {"properties": {"count": {"default": "days"}, "date": {}}}
    assert bench_exemplars.find_difference("Do it. Count: planet.", {}, schema) is not None
    assert bench_exemplars.find_difference("Use 3 May 2024 as the date.", {"date": "2024-05-03"}, schema) is None


def test_the_summary_says_how_many_held_out_requests_differ_in_their_values_alone(
    explored: Path, tmp_path: Path
) -> None:
    found = {}
    for apart in ("combination", "wording"):
        few = {"data.explored.run": str(explored), "params.paraphrases": 1, "nodes.split.apart": apart}
        summary = ste.load("distil", variant="simulated", set={**few, "nodes.recheck.apart": apart}).run(
            tmp_path / apart
        )
        outcome = outcome_from_summary("distil", summary)
        assert outcome.held_out == count_wordings(read_examples(tmp_path / apart))
        assert outcome.held_out.text in outcome.overview()
        found[apart] = outcome.held_out
    assert found["wording"].heldout > 0
    assert found["wording"].alike == 0


def test_every_trial_is_a_candidate_or_rejected_with_a_gate_and_a_reason(explored: Path, distilled: Path) -> None:
    trials = {line["id"] for line in lines(explored / "journal.jsonl")}
    made = lines(distilled / "journal.jsonl")
    candidates = {line["trial_id"] for line in made if line["record"] == "candidate"}
    rejected = {line["trial_id"]: line for line in made if line["record"] == "rejected" and not line["paraphrase_of"]}
    assert candidates | set(rejected) == trials
    assert all(line["gate"] and line["reason"] for line in made if line["record"] == "rejected")
    assert {line["trial_id"] for line in made if line["record"] == "example"} <= candidates


def test_the_sides_of_the_split_share_no_request_no_arguments_and_no_trial(distilled: Path) -> None:
    examples = list(read_examples(distilled))
    sides: dict[str, list[set[Any]]] = {}
    for side in ("train", "heldout"):
        own = [item for item in examples if item.split == side]
        assert own
        sides[side] = [
            {words(item.query) for item in own},
            {(item.definition.name, json.dumps(item.arguments, sort_keys=True)) for item in own if item.arguments},
            {item.trial_id for item in own},
            {(item.definition.name, item.cluster) for item in own},
        ]
    assert all(not train & held for train, held in zip(sides["train"], sides["heldout"], strict=True))
    assert {item.kind for item in examples} == {"call", "ask", "none"}
    assert not any(item.paraphrase_of and item.kind == "call" for item in examples if item.split == "heldout")


def test_rewordings_come_from_their_trial_and_still_say_its_values(distilled: Path) -> None:
    reworded = [item for item in read_examples(distilled) if item.paraphrase_of and item.kind == "call"]
    assert reworded
    for item in reworded:
        assert words(item.query) != words(str(item.paraphrase_of))
        assert item.writer == "simulated"
        if item.definition.name == "to_roman":
            assert str(item.arguments["number"]) in item.query


def test_every_exported_row_names_a_trial_of_the_exploration(
    explored: Path, distilled: Path, tmp_path: Path, run_ste: Callable[..., tuple[int, str, str]]
) -> None:
    trials = {line["id"] for line in lines(explored / "journal.jsonl")}
    for form in ("messages", "prompt-completion", "paper"):
        code, out, err = run_ste("export", distilled, "--form", form, "--answer-row", "--out", tmp_path / "rows.jsonl")
        rows = lines(tmp_path / "rows.jsonl")
        assert (code, out) == (0, "")
        assert f"{len(rows)} rows of " in err
        assert "made with a simulated model" in err
        assert {row["provenance"]["trial"] for row in rows} <= trials
        assert {row["provenance"]["split"] for row in rows} == {"train"}
        assert {row["provenance"]["licence"] for row in rows} == {"for tests"}
    tool = next(item.definition.name for item in read_examples(distilled) if item.split == "heldout")
    code, out, err = run_ste("export", distilled, "--split", "heldout", "--tool", tool)
    assert code == 0
    assert {json.loads(line)["provenance"]["tool"] for line in out.splitlines()} == {tool}


def test_what_cannot_be_exported_is_said(
    explored: Path, distilled: Path, tmp_path: Path, run_ste: Callable[..., tuple[int, str, str]]
) -> None:
    remedy = f"ste run distil --set data.explored.run={explored}"
    assert run_ste("export", explored) == (2, "", f"{explored}: is a run that explored; distil it first: {remedy}\n")
    code, _, err = run_ste("export", distilled, "--tool", "dig")
    assert (code, err) == (
        2, "--tool dig: this run has no example of it; it has examples of: add_days, make_password, to_roman\n"
    )  # fmt: skip


def test_a_leak_is_refused_before_anything_is_written(
    distilled: Path, tmp_path: Path, run_ste: Callable[..., tuple[int, str, str]]
) -> None:
    leaky = tmp_path / "leaky"
    leaky.mkdir()
    (leaky / "workflow.lock.yaml").write_bytes((distilled / "workflow.lock.yaml").read_bytes())
    made = [line for line in lines(distilled / "journal.jsonl") if line["record"] == "example"]
    held = next(line for line in made if line["split"] == "heldout" and line["steps"])
    copied = {**held, "id": "copy", "split": "train", "query": "Something else.", "cluster": 99, "trial_id": "other"}
    (leaky / "journal.jsonl").write_text("".join(json.dumps(line) + "\n" for line in [*made, copied]))
    code, out, err = run_ste("export", leaky)
    defaults = {"make_password": {"seed": 0, "symbols": False}}.get(held["tool"], {})
    arguments = json.dumps(defaults | held["steps"][-1]["arguments"], sort_keys=True)
    assert (code, out) == (2, "")
    assert err == (
        "the two sides of the split share something, so that a test would prove nothing:\n"
        f"  {held['tool']}: the arguments {arguments}\n"
    )


def test_other_workflows_read_the_examples_one_by_one_or_by_tool(distilled: Path) -> None:
    held = RunExamples(run=str(distilled), split="heldout").items()
    assert {item["split"] for item in held} == {"heldout"}
    tools = RunExamples(run=str(distilled), by="tool", originals=True).items()
    assert [tool["name"] for tool in tools] == sorted(TOOLS)
    assert all(item["paraphrase_of"] is None for tool in tools for item in tool["examples"])
    assert set(tools[0]) == {"name", "description", "parameters", "examples"}


BROKEN = '''
import ste_graph as ste

@ste.tool(effect="read")
def double(number: int) -> str:
    """Double a number."""
    raise ValueError("out of order")
'''


def test_where_no_trial_is_kept_the_run_and_the_export_say_which_gate_took_how_many(
    tmp_path: Path, run_ste: Callable[..., tuple[int, str, str]]
) -> None:
    (tmp_path / "tools.py").write_text(BROKEN)
    tools = [{"use": "python", "module": str(tmp_path / "tools.py")}]
    ste.load(
        "quickstart", set={"params.episodes": 1, "params.trials": 3, "tools": tools, "models.explorer.mistakes": 0}
    ).run(tmp_path / "explored")
    workflow, source = bundled_workflows()["distil"], f"data.explored.run={tmp_path / 'explored'}"
    code, out, _ = run_ste(
        "run", workflow, "--variant", "simulated", "--set", source, "--out", tmp_path / "run", "--quiet"
    )
    assert code == 0
    rejected = re.search(r"rejected 3: (.*); nothing was kept", " ".join(out.split()))
    assert rejected
    counted = {gate: count for count, gate in re.findall(r"(\d) by (\w+)", rejected[1])}
    assert sum(map(int, counted.values())) == 3
    told = [f"{gate} rejected {count}" for gate, count in counted.items()]
    code, out, err = run_ste("export", tmp_path / "run")
    assert (code, out) == (2, "")
    assert err.startswith(f"{tmp_path / 'run'}: no trial was kept: ")
    assert all(part in err for part in told)
    reasons = {line["reason"] for line in lines(tmp_path / "run" / "journal.jsonl")}
    assert all("out of order" in reason for reason in reasons)


def test_a_variant_of_the_workflow_writes_requests_for_calls_that_worked(explored: Path, tmp_path: Path) -> None:
    journal = explored / "journal.jsonl"
    changed = tmp_path / "changed"
    changed.mkdir()
    (changed / "workflow.lock.yaml").write_bytes((explored / "workflow.lock.yaml").read_bytes())
    trials = [{**line, "query": "Please do what you can do."} for line in lines(journal)]
    (changed / "journal.jsonl").write_text("".join(json.dumps(line) + "\n" for line in trials))
    run = distil(changed, tmp_path / "run", **{"params.call_first": True, "params.paraphrases": 0})
    composed = [item for item in read_examples(run) if item.writer]
    assert composed
    assert all(item.answer is None and item.query != "Please do what you can do." for item in composed)
    assert all(item.gates == ["execution", "grounding"] for item in composed)


def test_an_example_costs_what_distilling_and_the_exploration_that_it_is_from_used(
    explored: Path, distilled: Path
) -> None:
    runs = [ste.open_run(path) for path in (explored, distilled)]
    cost = cost_of_examples(runs[1])
    assert cost is not None
    assert cost.examples == sum(line["record"] == "example" for line in runs[1].records())
    assert cost.model_calls == sum(run.summary().used.model_calls for run in runs)
    assert (cost.money, cost.missing) == (None, ())  # simulated models have no prices
    assert cost.text == f"{cost.model_calls / cost.examples:,.1f} model calls (exploring included)"
    assert cost_of_examples(runs[0]) is None
