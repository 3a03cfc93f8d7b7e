"""The run that a folder holds, and what may not be mixed into it."""

import subprocess
from pathlib import Path

import pytest
import yaml

import ste_graph as ste

TOOLS = '''
import ste_graph as ste


@ste.tool(effect="read")
def double(number: int) -> int:
    """Double a number."""
    return 2 * number
'''


def locked(folder: Path) -> dict:
    return yaml.safe_load((folder / "workflow.lock.yaml").read_text("utf-8"))


def begun(tiny: Path, folder: Path, **changes) -> Path:
    """A run that a budget has stopped."""
    ste.load(tiny, set={"budget.model_calls": 2, **changes}).run(out=folder)
    return folder


def test_the_lock_file_says_what_was_run_with_what(tiny: Path, tmp_path: Path) -> None:
    lock = locked(begun(tiny, tmp_path / "run"))
    assert lock["file"] == "tiny.yaml"
    assert list(lock["units"]) == ["one", "two", "three"]
    assert lock["models"] == {"model": "answering"}
    assert lock["git"] is None
    assert {"ste-graph", "langgraph", "langchain-core", "pydantic"} <= lock["packages"].keys()
    assert lock["resolved"]["workflow"]["params"] == {"items": ["one", "two", "three"], "turns": 3}
    assert "Think of {{ item }}, turn {{ turn }}." in str(lock["resolved"]["prompts"])


def test_the_lock_file_names_the_commit_and_whether_anything_was_changed_since(tiny: Path, tmp_path: Path) -> None:
    def git(*words: str) -> str:
        identity = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
        return subprocess.run(
            ["git", *identity, *words], cwd=tmp_path, check=True, capture_output=True, text=True
        ).stdout

    git("init", "-q")
    git("add", "tiny.yaml", "think.md", "answering.py")
    git("commit", "-q", "-m", "Begin")
    commit = git("rev-parse", "HEAD").strip()
    assert locked(begun(tiny, tmp_path / "clean"))["git"] == {"commit": commit, "dirty": False}
    tiny.write_text(tiny.read_text(encoding="utf-8") + "# changed\n", encoding="utf-8")
    assert locked(begun(tiny, tmp_path / "changed"))["git"] == {"commit": commit, "dirty": True}


def test_another_workflow_is_refused_and_what_differs_is_named(tiny: Path, tmp_path: Path) -> None:
    folder = begun(tiny, tmp_path / "run")
    with pytest.raises(ste.WorkflowError) as caught:
        ste.load(tiny, set={"params.turns": 2, "seed": 7}).run(out=folder)
    assert str(caught.value) == (
        f"{folder}: this folder is a run of a workflow that differs from {tiny}:\n"
        "  workflow.params.turns: 3, now 2\n"
        "  workflow.seed: unset, now 7\n"
        "help: undo the change to go on with it, or give a new folder with --out."
    )


def test_a_changed_prompt_is_refused(tiny: Path, tmp_path: Path) -> None:
    folder = begun(tiny, tmp_path / "run")
    (tmp_path / "think.md").write_text("Think hard of {{ item }}, turn {{ turn }}.")
    with pytest.raises(ste.WorkflowError) as caught:
        ste.load(tiny).run(out=folder)
    assert str(caught.value) == (
        f"{folder}: this folder is a run of a workflow that differs from {tiny}:\n"
        '  the prompt `think.prompt` has changed: "Think of {{ item }}, turn {{ turn }}.", '
        'now "Think hard of {{ item }}, turn {{ turn }}."\n'
        "help: undo the change to go on with it, or add --accept-changes to go on under it, "
        "or give a new folder with --out."
    )


def test_changed_code_of_a_plugin_is_refused_also_when_the_run_is_finished(tiny: Path, tmp_path: Path) -> None:
    ste.load(tiny).run(out=tmp_path / "run")
    with (tmp_path / "answering.py").open("a") as plugin:
        plugin.write("CHANGED = True\n")
    with pytest.raises(ste.WorkflowError, match=r"differs from .*:\n  the code of `answering\.py` has changed\n"):
        ste.load(tiny).run(out=tmp_path / "run")


def test_comments_and_empty_lines_of_a_plugin_change_no_result_and_are_taken(tiny: Path, tmp_path: Path) -> None:
    ste.load(tiny).run(out=tmp_path / "run")
    plugin = tmp_path / "answering.py"
    text = plugin.read_text("utf-8")
    plugin.write_text("# first\n\n" + text.replace("\n", "  # é\n", 1) + "\n\n# last", "utf-8")
    assert ste.load(tiny).run(out=tmp_path / "run").complete
    plugin.write_text(text + 'TEXT = "# no comment"\n', "utf-8")
    with pytest.raises(ste.WorkflowError, match=r"the code of `answering\.py` has changed"):
        ste.load(tiny).run(out=tmp_path / "run")


def test_changed_code_of_a_tool_is_refused(tiny: Path, tmp_path: Path) -> None:
    (tmp_path / "double.py").write_text(TOOLS)
    changes = {"tools": [{"use": "python", "module": str(tmp_path / "double.py")}]}
    folder = begun(tiny, tmp_path / "run", **changes)
    (tmp_path / "double.py").write_text(TOOLS.replace("2 * number", "number + number"))
    with pytest.raises(ste.WorkflowError, match=r"differs from .*:\n  the code of `.*double\.py` has changed\n"):
        ste.load(tiny, set=changes).run(out=folder)


def test_budget_concurrency_and_about_may_change(tiny: Path, tmp_path: Path) -> None:
    folder = begun(tiny, tmp_path / "run")
    tiny.write_text(
        tiny.read_text(encoding="utf-8") + "about: Better said.\nbudget: {model_calls: 100}\n", encoding="utf-8"
    )
    assert ste.load(tiny).run(out=folder, concurrency=2).complete


def test_a_dry_run_is_not_taken_up_as_a_real_one(tiny: Path, tmp_path: Path) -> None:
    folder = begun(tiny, tmp_path / "run")
    with pytest.raises(ste.WorkflowError, match=r"differs from .*:\n  dry_run\n"):
        ste.load(tiny).run(out=folder, dry_run=True)


def test_a_tool_that_comes_or_goes_without_its_file_changing_is_refused(tiny: Path) -> None:
    from ste_graph.run.lock_file import refuse_changes, tool_changes

    def lock(**tools: str) -> dict:
        same = dict.fromkeys(tools)
        return {"resolved": {}, "units": {"run": None}, "tools": tools, "schemas": same, "descriptions": same}

    workflow = ste.load(tiny).workflow
    changes = tool_changes(lock(a="1", b="2", c="3"), lock(a="1", b="9", d="4"), workflow)
    with pytest.raises(ste.WorkflowError) as caught:
        refuse_changes("runs/x: since this run began, something has changed", changes, accept=True)
    assert str(caught.value) == (
        "runs/x: since this run began, something has changed:\n"
        "  tool `c` is gone\n"
        "  tool `d` is new\n"
        "help: undo the change to go on with it, or give a new folder with --out."
    )


def test_no_file_of_a_run_holds_a_secret(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODEL_KEY", "hunter2-hunter2")
    (tmp_path / "broken").touch()
    changes = {
        "models.model.api_key": {"env": "MODEL_KEY"},
        "models.model.fails_on": "two, turn 1",
        "models.model.broken": str(tmp_path / "broken"),
        "params.items": ["one", "two"],
    }
    ste.load(tiny, set=changes).run(out=tmp_path / "run")
    files = [path for path in (tmp_path / "run").rglob("*") if path.is_file()]
    assert len(files) >= 5
    assert [path for path in files if b"hunter2" in path.read_bytes()] == []
    assert "MODEL_KEY" in (tmp_path / "run" / "workflow.lock.yaml").read_text()
