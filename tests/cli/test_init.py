from __future__ import annotations

import json
from pathlib import Path

import pytest

import ste_graph as engine
from ste_graph.language.source.files import bundled_workflows


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
    assert (result.code, result.err) == (2, f"{tmp_path}/mine: is not a folder; give another one\n")


def test_without_a_folder_it_says_what_to_type_and_writes_nothing(ste, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = ste("init")
    assert (result.code, result.out) == (2, "")
    assert result.err == (
        "ste init: give the folder to create, as in `ste init my-project`; `ste init .` is for the current folder\n"
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", sorted(bundled_workflows()))
def test_a_copy_of_a_bundled_workflow_is_whole(ste, tmp_path, monkeypatch, name):
    assert ste("init", tmp_path / "mine", "--from", name).code == 0
    monkeypatch.chdir(tmp_path / "mine")
    own, bundled = engine.load(f"workflows/{name}.yaml"), engine.load(name)
    assert own.workflow.lock == bundled.workflow.lock, "prompts, tools and parts are the same"
    home = tmp_path / "mine" / "workflows"
    parts = [sub.file for sub in own.workflow.sub_workflows.values()]
    assert all(file.is_relative_to(home) for file in [own.workflow.file.absolute(), *map(Path.absolute, parts)])
    assert (home / "schema.json").exists()


def test_a_copy_can_be_changed_and_run(ste, tmp_path, monkeypatch):
    result = ste("init", tmp_path / "mine", "--from", "quickstart")
    assert result.out.endswith(f"\nTry it: cd {tmp_path}/mine && ste plan workflows/quickstart.yaml\n")
    assert "  workflows/paper.yaml\n" in result.out
    assert "  workflows/tools/shop.sql\n" in result.out
    monkeypatch.chdir(tmp_path / "mine")
    reflect = tmp_path / "mine" / "workflows" / "prompts" / "reflect_alone.md"
    reflect.write_text(reflect.read_text("utf-8").replace("Respond with", "Be strict. Respond with"), "utf-8")
    prompts = engine.load("workflows/quickstart.yaml").workflow.lock["prompts"]
    assert "Be strict. Respond with" in prompts["reflect.prompt"]


def test_a_workflow_that_is_not_bundled_is_refused_with_those_that_are(ste, tmp_path):
    result = ste("init", tmp_path / "mine", "--from", "quikstart")
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith(
        "--from quikstart: no bundled workflow; did you mean `quickstart`? there are: adaptive, "
    )
    assert not (tmp_path / "mine").exists()
