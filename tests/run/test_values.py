"""Values that exist: with them, calls that need an id find something; and no result depends on timing."""

import asyncio
import json
from pathlib import Path

import pytest

import ste_graph as ste
from ste_graph.diagnostics import DiagnosticsError
from ste_graph.run.forks.fork import Fork

NEEDING = {"get_order", "get_customer", "get_price"}

ORDERS = f"""
dsl: 2
extends: explore
name: orders
params: {{episodes: 1, trials: 3}}
tools: [{{use: python, module: {Path(ste.__path__[0]).parent / "workflows/tools/orders.py"}}}]
models: {{explorer: {{use: simulated}}}}
"""


@pytest.fixture
def workflow(tmp_path: Path) -> Path:
    file = tmp_path / "orders.yaml"
    file.write_text(ORDERS)
    return file


def read_trials(out: Path) -> list[dict]:
    lines = [json.loads(line) for line in (out / "journal.jsonl").read_text("utf-8").splitlines()]
    for line in lines:
        del line["started"], line["ended"]
    return sorted(lines, key=lambda line: line["id"])


def share_found(trials: list[dict]) -> float:
    """The share of trials of tools that need an id, in which some call found what it asked for."""
    needing = [trial for trial in trials if trial["tool"] in NEEDING]
    assert len(needing) == 9
    found = [any((step["observation"] or {}).get("ok") for step in trial["steps"]) for trial in needing]
    return sum(found) / len(found)


def test_tools_that_need_ids_are_called_with_ids_that_exist(workflow: Path, tmp_path: Path) -> None:
    ste.load(workflow).run(tmp_path / "with")
    ste.load(workflow, variant="no-values").run(tmp_path / "without")
    trials = read_trials(tmp_path / "with")
    assert share_found(trials) >= 0.6  # the simulated model now and then asks for what is not there, on purpose
    assert share_found(read_trials(tmp_path / "without")) == 0
    origins = {trial["tool"]: trial["origins"] for trial in trials if trial["origins"]}
    assert origins == {
        "get_order": {"order_id": "list_orders: orders[].id"},
        "get_customer": {"customer_id": "list_orders: orders[].customer_id"},
        "get_price": {"sku": "get_order: items[].sku"},
    }


def test_what_is_searched_for_are_words_that_other_tools_have_given(workflow: Path, tmp_path: Path) -> None:
    ste.load(workflow).run(tmp_path / "with")
    ste.load(workflow, variant="no-values").run(tmp_path / "without")
    names = {"lamp", "kettle", "chair", "rug", "clock", "white", "green", "black", "amber", "grey"}
    requests = {
        folder: [set(trial["query"].strip(".?").split()) for trial in read_trials(tmp_path / folder)
                 if trial["tool"] == "search_products"]
        for folder in ("with", "without")
    }  # fmt: skip
    assert sum(bool(names & words) for words in requests["with"]) >= 2  # one asks for what is not there, on purpose
    assert not any(names & words for words in requests["without"])
    steps = [json.loads(line) for line in (tmp_path / "with/units/search_products.jsonl").read_text().splitlines()]
    drawn = [step["outputs"] for step in steps if str(step.get("key")).startswith("values ")]
    assert {origin for outputs in drawn for origin in outputs["origins"]["words"].values()} == {"get_price: name"}


def test_a_tool_waits_until_some_other_has_found_what_it_needs(workflow: Path, tmp_path: Path) -> None:
    ste.load(workflow, set={"tools.0.exclude": ["search_products"]}).run(tmp_path / "run")
    origins = {trial["tool"]: trial["origins"] for trial in read_trials(tmp_path / "run") if trial["origins"]}
    assert origins["get_price"] == {"sku": "get_order: items[].sku"}
    assert sorted(file.name for file in (tmp_path / "run/memory/found").iterdir()) == [
        "wave-0.json",
        "wave-1.json",
        "wave-2.json",
    ]


def test_the_result_is_the_same_side_by_side_one_by_one_and_taken_up(workflow: Path, tmp_path: Path) -> None:
    experiment = ste.load(workflow)
    experiment.run(tmp_path / "wide", concurrency=8)
    experiment.run(tmp_path / "narrow", concurrency=1)

    limited = ste.load(workflow, set={"budget.model_calls": 37})
    assert limited.run(tmp_path / "stopped").stopped_by == "budget"
    begun = {file.name for file in (tmp_path / "stopped/memory/found").iterdir()}
    assert begun == {"wave-0.json", "wave-1.json", "wave-2.json"}, "the last of them had not ended"
    experiment.run(tmp_path / "stopped")

    assert read_trials(tmp_path / "wide") == read_trials(tmp_path / "narrow") == read_trials(tmp_path / "stopped")


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (
            {"memory.found": {"use": "values", "lives": "trial"}},
            "holds what the whole run finds and cannot live in `trial`",
        ),
        ({"memory.found": {"use": "values", "of": "trial"}}, "holds values, not records"),
        ({"nodes.values.memory": "long_term"}, "needs a memory of values here, but `long_term` holds records"),
        ({"nodes.novelty.memory": "found"}, "needs a memory of records here, but `found` holds values"),
        (
            {"nodes.imagine.memories": ["long_term", "found"]},
            "needs a memory of records here, but `found` holds values",
        ),
    ],
)
def test_a_memory_of_values_is_used_by_a_node_that_draws_from_it(workflow: Path, change: dict, problem: str) -> None:
    with pytest.raises(DiagnosticsError, match=problem):
        ste.load(workflow, set=change)


def test_the_order_service_says_what_it_does_not_have() -> None:
    from ste_graph.tools.python import PythonTools

    async def call(name: str, **arguments: object) -> str:
        source = PythonTools(module=str(Path(ste.__path__[0]).parent / "workflows/tools/orders.py"))
        tool = next(tool for tool in await source.open() if tool.name == name)
        return (await tool.call(arguments)).text

    assert "there is no order `A-1`" in asyncio.run(call("get_order", order_id="A-1"))
    assert "no product is named `sofa`" in asyncio.run(call("search_products", words="sofa"))
    assert asyncio.run(call("list_orders", limit=1)).endswith('"total":200}')


def test_a_fork_of_a_late_unit_sees_the_values_that_the_unit_saw(workflow: Path, tmp_path: Path) -> None:
    experiment = ste.load(workflow, set={"params.episodes": 2, "params.trials": 2})
    experiment.run(tmp_path / "whole")
    experiment.run(tmp_path / "fork", fork=Fork(tmp_path / "whole", "tool=get_price,episode=1"))
    whole = [trial for trial in read_trials(tmp_path / "whole") if trial["tool"] == "get_price"]
    assert read_trials(tmp_path / "fork") == whole
    later = [trial["origins"] for trial in whole if trial["episode"] == 1]
    assert {"sku": "get_order: items[].sku"} in later


def test_a_fork_of_all_units_keeps_what_each_wave_began_with(workflow: Path, tmp_path: Path) -> None:
    experiment = ste.load(workflow, set={"params.episodes": 2, "params.trials": 2})
    experiment.run(tmp_path / "whole")
    experiment.run(tmp_path / "fork", fork=Fork(tmp_path / "whole", "episode=1"))
    assert read_trials(tmp_path / "fork") == read_trials(tmp_path / "whole")
    other = ste.load(workflow, set={"params.episodes": 2, "params.trials": 2, "seed": 7})
    other.run(tmp_path / "other", fork=Fork(tmp_path / "whole", "episode=1"))
    for wave in sorted((tmp_path / "whole/memory/found").iterdir()):
        assert (tmp_path / "other/memory/found" / wave.name).read_text() == wave.read_text()
