"""The cases of a test: what a run holds out, or a file of requests with their calls."""

import json
import logging
import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

import ste_graph as ste
from ste_graph.inputs.cases import Cases

STE = Path(os.environ.get("STE_DATA", Path(__file__).parents[3] / "shared" / "data")) / "ste"

LOCK = """
format: 4
created: now
models: {}
units: {}
tools: {add: fa, look: fl}
schemas: {add: {type: object, properties: {a: {type: integer}}}, look: {type: object}}
descriptions: {add: Add.}
skipped: {}
resolved: {}
"""


def example(id: str, tool: str, split: str, query: str, arguments: dict[str, Any], **more: Any) -> dict[str, Any]:
    seen = {"ok": True, "kind": "ok", "text": "5"}
    step = {"thought": None, "action": tool, "arguments": arguments, "observation": seen, "repairs": []}
    return {
        "id": id, "record": "example", "tool": tool, "kind": "call", "query": query, "steps": [step], "answer": "5",
        "split": split, "cluster": int(id), "paraphrase_of": None, "fingerprint": f"f{tool}", "trial_id": f"t{id}",
        "definition": {"name": tool, "description": f"To {tool}.", "parameters": {"type": "object"}},
        "run": "explored", "run_id": "r", "model": "simulated", "judge": None, "writer": None, "licence": None,
        "gates": ["format", "execution"], "started": "s", "ended": "e", **more,
    }  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Callable[..., str]:
    """Writes the folder of a run that made these records."""

    def write(*lines: dict[str, Any], name: str = "distilled") -> str:
        folder = tmp_path / name
        (folder / "units").mkdir(parents=True, exist_ok=True)
        (folder / "workflow.lock.yaml").write_text(LOCK)
        (folder / "journal.jsonl").write_text("".join(json.dumps(item) + "\n" for item in lines))
        return str(folder)

    return write


@pytest.fixture
def file(tmp_path: Path) -> Callable[[str, object], str]:
    def write(name: str, value: object) -> str:
        path = tmp_path / name
        path.write_text(value if isinstance(value, str) else json.dumps(value))
        return str(path)

    return write


def test_the_cases_of_a_run_are_the_held_out_requests_of_its_trials_by_tool(folder: Callable[..., str]) -> None:
    run = folder(
        example("1", "look", "heldout", "Look there.", {"at": 1}),
        example("2", "add", "train", "Add 1.", {"a": 1}),
        example("3", "add", "heldout", "Add 2.", {"a": 2}),
        example("4", "add", "heldout", "Sum up 2.", {"a": 2}, paraphrase_of="Add 2.", cluster=3, trial_id="t3"),
        example("5", "add", "heldout", "Add.", {}, kind="ask", steps=[], trial_id="t3", cluster=3),
    )
    add, look = Cases(run=run).items()
    assert add["cases"] == [
        {"query": "Add 2.", "kind": "call", "gold": {"tool": "add", "arguments": {"a": 2}}},
        {"query": "Add.", "kind": "ask", "gold": {"tool": "add", "arguments": {}}},
    ]
    assert add["restraint"] is look["restraint"] is True
    assert [item["query"] for item in look["cases"]] == ["Look there."]
    assert (add["name"], add["description"], add["fingerprint"]) == ("add", "To add.", "fadd")
    assert [item["name"] for item in add["pool"]] == ["add", "look"] == [item["name"] for item in look["pool"]]


def test_a_tool_without_a_held_out_case_is_offered_but_not_tested_and_that_is_said(
    folder: Callable[..., str], caplog: pytest.LogCaptureFixture
) -> None:
    run = folder(
        example("1", "add", "heldout", "Add 2.", {"a": 2}), example("2", "look", "train", "Look there.", {"at": 1})
    )
    with caplog.at_level(logging.WARNING):
        (add,) = Cases(run=run).items()
    assert [item["name"] for item in add["pool"]] == ["add", "look"]
    assert caplog.messages == [f"{run}: has no case of `look`, so these are not tested"]


def test_a_run_that_holds_nothing_out_or_leaks_is_refused(folder: Callable[..., str]) -> None:
    trained = example("1", "add", "train", "Add 2.", {"a": 2})
    with pytest.raises(ste.WorkflowError, match="holds no case to test with; expected requests that are held out"):
        Cases(run=folder(trained)).items()
    leaky = folder(trained, example("2", "add", "heldout", "Two and two?", {"a": 2}))
    with pytest.raises(ste.WorkflowError, match="the two sides of the split share something"):
        Cases(run=leaky).items()
    with pytest.raises(ste.WorkflowError, match="has no example and no rejected trial"):
        Cases(run=folder()).items()


TEST = {
    "add": [{"query": "Add 2.", "action_input": '{"a": 2}'}, {"query": "Add 3.", "action_input": {"a": 3}}],
    "look": [{"query": "Look there.", "action_input": {}}],
}


def test_the_cases_of_a_file_take_the_definitions_of_a_run_that_explored_the_tools(
    folder: Callable[..., str], file: Callable[..., str]
) -> None:
    add, look = Cases(path=file("test.json", TEST), tools=folder(name="explored")).items()
    assert [item["gold"]["arguments"] for item in add["cases"]] == [{"a": 2}, {"a": 3}]
    assert add["parameters"]["properties"] == {"a": {"type": "integer"}}
    assert (look["fingerprint"], look["cases"][0]["gold"]) == ("fl", {"tool": "look", "arguments": {}})


def test_without_descriptions_the_workflow_is_left_to_describe_the_tools(file: Callable[..., str]) -> None:
    add, _ = Cases(path=file("test.json", TEST)).items()
    assert add["pool"][0] == {"name": "add", "description": "", "parameters": None}


def test_only_some_tools_and_only_the_first_cases_are_put_while_all_tools_are_offered(file: Callable[..., str]) -> None:
    path = file("test.json", TEST)
    (add,) = Cases(path=path, include=("add",), at_most=1).items()
    assert [item["query"] for item in add["cases"]] == ["Add 2."]
    assert [item["name"] for item in add["pool"]] == ["add", "look"]
    with pytest.raises(ste.WorkflowError, match=r"the test has no tool `ad`; it has `add`, `look`"):
        Cases(path=path, include=("ad",)).items()


def test_a_tool_that_is_listed_without_cases_is_named(
    file: Callable[..., str], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        (add,) = Cases(path=file("test.json", {**TEST, "look": []})).items()
    assert add["name"] == "add"
    assert "has no case of `look`" in caplog.text


def test_neighbours_stand_beside_their_tool_and_may_be_tools_without_a_case(file: Callable[..., str]) -> None:
    lists = {"add": ["sing", "add"], "look": ["look"], "dig": ["add"]}
    path, neighbours = file("test.json", TEST), file("neighbours.json", lists)
    add, look = Cases(path=path, neighbours=neighbours).items()
    assert (add["neighbours"], look["neighbours"]) == (["sing", "add"], ["look"])
    assert "sing" in [item["name"] for item in add["pool"]]


@pytest.mark.parametrize(
    ("lists", "message"),
    [
        ({"add": ["add"]}, "neighbours.json: does not list the tools offered with `look`"),
        ({"add": "add"}, "expected one object that gives each tool a list of tools' names"),
        ('{"add": ["add"]', "neighbours.json: not JSON: .* at line 1"),
    ],
)
def test_neighbours_that_are_none_are_refused(file: Callable[..., str], lists: object, message: str) -> None:
    path, neighbours = file("test.json", TEST), file("neighbours.json", lists)
    with pytest.raises(ste.WorkflowError, match=message):
        Cases(path=path, neighbours=neighbours).items()


def test_neighbours_that_a_run_does_not_know_are_refused(folder: Callable[..., str], file: Callable[..., str]) -> None:
    run = folder(example("1", "add", "heldout", "Add 2.", {"a": 2}))
    with pytest.raises(ste.WorkflowError, match=r"neighbours\.json: the test has no tool `sing`; it has `add`"):
        Cases(run=run, neighbours=file("neighbours.json", {"add": ["sing"]})).items()


@pytest.mark.parametrize(
    ("test", "message"),
    [
        ('{"add": [', "test.json: not JSON: Expecting value at line 1 column 10"),
        ({"add": [{"query": "Add 2."}]}, "add #0: has no `action_input`"),
        ({"add": [{"query": "Add 2.", "action_input": "{2}"}]}, "add #0: `action_input`: not JSON"),
        ([], "expected one object that gives each tool a list of items"),
        ({"add": []}, "no items found"),
        ({"add": TEST["add"][:1] * 2}, "add: 'Add 2.' appears twice"),
    ],
)
def test_a_broken_file_of_cases_is_refused_with_what_is_wrong(
    file: Callable[..., str], test: object, message: str
) -> None:
    with pytest.raises(ste.WorkflowError, match=message):
        Cases(path=file("test.json", test)).items()


def test_a_tool_that_the_descriptions_lack_is_named(file: Callable[..., str]) -> None:
    described = file("descriptions.json", {"add": "Adds. Your input should be a json (args json schema): {{}}"})
    with pytest.raises(ste.WorkflowError, match=r"descriptions.json: does not describe `look`; it describes `add`"):
        Cases(path=file("test.json", TEST), tools=described).items()
    with pytest.raises(ste.WorkflowError, match=r"`nowhere\.json`: file not found"):
        Cases(path=file("test.json", TEST), tools="nowhere.json").items()


def test_a_run_without_tools_of_its_own_describes_none(folder: Callable[..., str], file: Callable[..., str]) -> None:
    run = Path(folder(name="other"))
    (run / "workflow.lock.yaml").write_text(LOCK.replace("schemas: {add:", "schemas: {}\nignored: {add:"))
    with pytest.raises(ste.WorkflowError, match="this run had no tools; name a run that explored them"):
        Cases(path=file("test.json", TEST), tools=str(run)).items()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "expected either `run`, a run of distil.yaml, or `path`"),
        ({"run": "a", "path": "b"}, "expected either `run`"),
        ({"run": "a", "tools": "b"}, "a `run` knows its own"),
        ({"path": "a", "names": "plain"}, "`names: plain` needs `tools`"),
        ({"path": "a", "at_most": 0}, "greater than or equal to 1"),
    ],
)
def test_settings_that_do_not_go_together_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Cases(**settings)


@pytest.mark.skipif(not STE.is_dir(), reason=f"{STE} is not there; set STE_DATA to the folder that holds `ste`")
@pytest.mark.parametrize("names", ["original", "plain"])
def test_the_papers_test_has_750_cases_of_50_tools_with_fifteen_neighbours_each(names: Any) -> None:
    items = Cases(
        path=str(STE / "tool_test.json"),
        tools=str(STE / "API_descriptions_50.json"),
        neighbours=str(STE / "api2neighbors.json"),
        names=names,
    ).items()
    assert (len(items), sum(len(item["cases"]) for item in items)) == (50, 750)
    for item in items:
        assert len(item["neighbours"]) == 15
        assert item["name"] in item["neighbours"]
        assert {*item["neighbours"]} <= {other["name"] for other in item["pool"]}
        assert all(case["gold"]["tool"] == item["name"] for case in item["cases"])
    assert ("%%" in items[1]["name"]) is (names == "original")


def test_restraint_is_a_share_of_the_calls_drawn_from_the_tools_and_kinds_in_turn(folder, caplog) -> None:
    lines = [example(str(n), "add", "heldout", f"add {n}", {"a": n}) for n in range(10)]
    lines += [example(str(10 + n), "look", "heldout", f"look {n}", {"a": n}) for n in range(2)]
    kinds = ("ask", "none")
    lines += [
        example(str(20 + n), tool, "heldout", f"{tool} {n}", {}, kind=kinds[n % 2], steps=[])
        for tool in ("add", "look")
        for n in range(8)
    ]
    run = folder(*lines)

    def drawn(**settings: Any) -> list[tuple[str, str, str]]:
        items = Cases(run=run, **settings).items()
        found = [(item["name"], case["kind"], case["query"]) for item in items for case in item["cases"]]
        return [each for each in found if each[1] != "call"]

    assert len(drawn()) == 16
    with caplog.at_level(logging.WARNING):
        some = drawn(restraint=0.34)
    assert "11 cases in which no call is right left out, so that they are 34 % of the others at most" in caplog.text
    assert sorted(Counter(tool for tool, *_ in some).values()) == [2, 3]
    assert {kind for _, kind, _ in some} == {"ask", "none"}
    assert drawn(restraint=0.34) == some
    assert drawn(restraint=0.34, seed=1) != some
    assert drawn(restraint=0) == []
    assert len(drawn(restraint=5)) == 16


def test_one_more_arm_is_asked_what_the_others_were(folder) -> None:
    run = folder(*(example(str(n), "add", "heldout", f"add {n}", {"a": n}) for n in range(4)))

    def reply(n: int) -> dict[str, Any]:
        gold = {"tool": "add", "arguments": {"a": n}}
        return {"id": f"r{n}", "record": "reply", "arm": "baseline", "query": f"add {n}", "gold": gold, "output": ""}

    [add] = Cases(run=run, asked_in=folder(reply(1), reply(3), name="tested")).items()
    assert [case["query"] for case in add["cases"]] == ["add 1", "add 3"]
    with pytest.raises(ste.WorkflowError, match=r"does not hold 1 of the 2 cases .* such as add: 'add 9'"):
        Cases(run=run, asked_in=folder(reply(1), reply(9), name="other")).items()
