import json
import shutil

import pytest

from ste_graph.files.lock import FileLock
from ste_graph.run.control import Control, read_control
from tests.report.conftest import HOSTILE, quick_run, rewrite  # noqa: F401


@pytest.fixture
def folder(quick_run, tmp_path):  # noqa: F811
    shutil.copytree(quick_run, tmp_path / "runs" / "quick")
    return tmp_path / "runs"


def test_the_runs_of_a_folder_are_listed_with_state_and_figures(folder, ste):
    (folder / "old").mkdir()
    (folder / "old" / "workflow.lock.yaml").write_text("format: 1\nresolved: {}\n", "utf-8")
    (folder / "notes").mkdir()
    entries = {
        entry["run"].rpartition("/")[2]: entry for entry in json.loads(ste("runs", folder, "--format", "json").out)
    }
    assert list(entries) == ["old", "quick"]
    assert (entries["quick"]["state"], entries["quick"]["units"]) == ("complete", "2/2")
    assert entries["quick"]["records"] == "12 trials"
    assert "older version" in entries["old"]["state"]
    assert "12 trials" in ste("runs", folder).out


def test_nothing_that_a_model_or_a_tool_wrote_is_in_the_list(folder, ste):
    rewrite(folder / "quick", lambda trial: trial.update(query=HOSTILE, answer=HOSTILE))
    assert "evil" not in ste("runs", folder).out


def test_what_is_asked_of_a_run_that_is_going_stands_in_its_folder(folder, ste):
    run = folder / "quick"
    with FileLock(run / ".writer"):
        assert "`ste runs resume" in ste("runs", "pause", run).out
        assert read_control(run) == Control(state="paused")
        assert "paused" in ste("runs", folder).out
        assert ste("runs", "limit", run, 3).code == 0
        assert read_control(run) == Control(state="paused", concurrency=3)
        assert ste("runs", "resume", run).code == 0
        assert read_control(run) == Control(state="going", concurrency=3)
        assert "running" in ste("runs", folder).out
        assert ste("runs", "stop", run).code == 0
        assert "is about to" in ste("runs", "resume", run).err


def test_what_cannot_be_asked_is_refused(folder, ste):
    run = folder / "quick"
    found = ste("runs", "pause", run)
    assert (found.code, "is not running" in found.err) == (2, True)
    assert "did you mean `pause`" in ste("runs", "pase", run).err
    assert "which run?" in ste("runs", "stop").err
    assert "limit RUN N" in ste("runs", "limit", run).err
    assert "is not a folder" in ste("runs", folder / "none").err
    assert "there is no run here" in ste("runs", folder / "quick" / "units").out
