"""The sources that `data:` names: the trials and examples of runs, rows of files; and how a workflow goes over them."""

import json
from pathlib import Path
from typing import Any

import pytest

import ste_graph as ste
from ste_graph.inputs.rows import RowFile
from ste_graph.inputs.trials import RunTrials

LOCK = """
format: 4
created: now
models: {}
units: {add: f, look: f}
tools: {add: fa, look: fl}
schemas: {add: {type: object}, look: {type: object}}
descriptions: {add: Add.}
skipped: {}
resolved: {}
"""


def line(id: str, tool: str, episode: int, trial: int) -> dict[str, Any]:
    return {
        "id": id, "record": "trial", "tool": tool, "episode": episode, "trial": trial, "query": id, "steps": [],
        "answer": None, "solved": None, "started": "s", "ended": "e",
    }  # fmt: skip


@pytest.fixture
def run(tmp_path: Path) -> Path:
    folder = tmp_path / "explored"
    (folder / "units").mkdir(parents=True)
    (folder / "workflow.lock.yaml").write_text(LOCK)
    lines = [line("d", "look", 0, 0), line("c", "add", 1, 0), line("a", "add", 0, 1), line("b", "add", 0, 0)]
    (folder / "journal.jsonl").write_text("".join(json.dumps(item) + "\n" for item in lines))
    return folder


def test_trials_come_by_tool_in_the_order_in_which_they_were_made(run: Path) -> None:
    add, look = RunTrials(run=str(run), licence="mine").items()
    assert [item["id"] for item in add.pop("trials")] == ["b", "a", "c"]
    assert [item["id"] for item in look["trials"]] == ["d"]
    assert add.pop("run_id")
    assert add == {
        "name": "add", "description": "Add.", "parameters": {"type": "object"}, "fingerprint": "fa",
        "run": "explored", "licence": "mine", "kept": [],
    }  # fmt: skip


def test_what_a_run_does_not_have_is_said(run: Path) -> None:
    with pytest.raises(ste.WorkflowError, match="has no trial of dig; it has trials of: add, look"):
        RunTrials(run=str(run), include=("dig",)).items()
    (run / "journal.jsonl").write_text("")
    with pytest.raises(ste.WorkflowError, match="no trials found; finish the run first, or name another one"):
        RunTrials(run=str(run)).items()
    with pytest.raises(ste.WorkflowError, match="is not the folder of a run"):
        RunTrials(run=str(run / "units")).items()


def test_rows_are_read_and_a_broken_one_is_named(tmp_path: Path) -> None:
    file, listed = tmp_path / "rows.jsonl", tmp_path / "rows.json"
    file.write_text('{"a": 1}\n\n[2]\n')
    listed.write_text('[{"a": 1}, [2]]')
    assert RowFile(path=str(file)).items() == RowFile(path=str(listed)).items() == [{"a": 1}, [2]]
    file.write_text('{"a": 1}\n{"a"\n')
    with pytest.raises(ste.WorkflowError, match=r"rows.jsonl:2: not JSON"):
        RowFile(path=str(file)).items()
    listed.write_text("{}")
    with pytest.raises(ste.WorkflowError, match=r"rows.json: holds a dict; expected a list"):
        RowFile(path=str(listed)).items()


WORKFLOW = """
dsl: 2
name: tiny
data: {rows: {use: rows, path: rows.jsonl}}
models: {m: {use: simulated}}
nodes: {say: {use: chat, model: m, prompt: say.md, outputs: {word: str}}}
graph:
  - map: row
    over: data.rows
    do:
      - map: again
        over: data.rows
        at_most: 2
        do: [say]
"""


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    (tmp_path / "say.md").write_text("{{ row.name }} of {{ data.rows | length }}, then {{ again.name }}")
    (tmp_path / "rows.jsonl").write_text('{"name": "a"}\n{"name": "b"}\n{"name": "c"}\n')
    (tmp_path / "tiny.yaml").write_text(WORKFLOW)
    return tmp_path / "tiny.yaml"


def test_units_and_inner_loops_go_over_data(tiny: Path, tmp_path: Path) -> None:
    found = ste.load(tiny)
    assert found.plan().to_json()["unit_names"] == ["a", "b", "c"]
    summary = found.run(tmp_path / "out")
    assert (summary.done, summary.used.model_calls) == (3, 6)


def test_data_that_has_changed_is_refused_when_a_run_is_taken_up(tiny: Path, tmp_path: Path) -> None:
    found = ste.load(tiny)
    found.run(tmp_path / "out")
    log = next((tmp_path / "out" / "units").glob("a*"))
    log.write_text("".join(log.read_text().splitlines(keepends=True)[:-1]))
    (tmp_path / "rows.jsonl").write_text('{"name": "a", "more": 1}\n{"name": "b"}\n{"name": "c"}\n')
    with pytest.raises(
        ste.WorkflowError, match="something has changed:\n  data `rows` has changed\n  unit `a` has changed\n"
    ):
        found.run(tmp_path / "out")


def test_what_is_not_in_data_is_unknown_and_what_is_not_there_yet_is_a_warning(tiny: Path, ste_said) -> None:
    tiny.write_text(WORKFLOW.replace("map: row\n    over: data.rows", "map: row\n    over: data.lines"), "utf-8")
    with pytest.raises(ste.WorkflowError, match=r"unknown name `data\.lines` in `over`"):
        ste.load(tiny)
    tiny.write_text(WORKFLOW.replace("rows.jsonl", "gone.jsonl"), "utf-8")
    code, out, _ = ste_said("check", str(tiny))
    assert code == 0
    assert "warning[W603] data `rows` is not available yet: " in out
    code, _, err = ste_said("run", str(tiny))
    assert code == 2
    assert "data `rows`: " in err
    assert "gone.jsonl: file not found" in err


@pytest.fixture
def ste_said(capsys: pytest.CaptureFixture[str]):
    from ste_graph.cli import main

    def run_ste(*words: str) -> tuple[int, str, str]:
        code = main(list(words))
        return (code, *capsys.readouterr())

    return run_ste
