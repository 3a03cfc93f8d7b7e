from __future__ import annotations

import json

import ste_graph as engine


def test_a_new_project_runs_at_once(ste, tmp_path, monkeypatch):
    result = ste("init", tmp_path / "mine")
    assert (result.code, result.err) == (0, "")
    assert result.out == (
        f"{tmp_path}/mine: written\n"
        "  README.md\n  nodes.py\n  prompts/call.md\n  prompts/imagine.md\n  prompts/reflect.md\n"
        "  schema.json\n  tools.py\n  workflow.yaml\n"
        "\n"
        f"Try it: cd {tmp_path}/mine && ste run workflow.yaml\n"
    )
    monkeypatch.chdir(tmp_path / "mine")
    assert ste("check", "workflow.yaml").out == "workflow.yaml: ok (3 variants: real, no-long-term, plain-reflection)\n"
    outcome = json.loads(ste("run", "workflow.yaml", "--variant", "no-long-term", "--format", "json").out)
    assert (outcome["trials"], outcome["complete"], outcome["skipped_units"]) == (18, True, 0)
    trials = engine.open_run(outcome["run"]).trials()
    assert {kept.tool for kept in trials if kept.trial.solved} == {"exchange", "ticket_price"}


def test_its_own_node_believes_no_yes_without_a_call_that_went_well(ste, tmp_path):
    ste("init", tmp_path / "mine")
    node = engine.load(tmp_path / "mine" / "workflow.yaml").workflow.nodes["reflect"]
    assert node.cls.__name__ == "StrictReflect"
    assert set(node.inputs) == {"query", "observation"}


def test_a_folder_that_is_not_empty_is_left_alone(ste, tmp_path):
    (tmp_path / "tools.py").write_text("mine")
    result = ste("init", tmp_path)
    assert (result.code, result.out) == (2, "")
    assert (
        result.err == f"{tmp_path}: is not empty; give a new folder, or --force to write over files of the same name\n"
    )
    assert (tmp_path / "tools.py").read_text() == "mine"
    assert list(tmp_path.iterdir()) == [tmp_path / "tools.py"]


def test_force_writes_into_it_and_leaves_other_files(ste, tmp_path):
    (tmp_path / "tools.py").write_text("mine")
    (tmp_path / "letter.txt").write_text("dear")
    assert ste("init", tmp_path, "--force").code == 0
    assert (tmp_path / "tools.py").read_text() != "mine"
    assert (tmp_path / "letter.txt").read_text() == "dear"


def test_a_file_in_the_place_of_the_folder_is_a_mistake_of_the_command_line(ste, tmp_path):
    (tmp_path / "mine").write_text("a file")
    result = ste("init", tmp_path / "mine")
    assert (result.code, result.err) == (2, f"{tmp_path}/mine: cannot be written (Not a directory)\n")


def test_without_a_folder_it_says_what_to_type_and_writes_nothing(ste, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = ste("init")
    assert (result.code, result.out) == (2, "")
    assert result.err == (
        "ste init: give the folder to create, as in `ste init my-project`; `ste init .` is for the current folder\n"
    )
    assert list(tmp_path.iterdir()) == []
