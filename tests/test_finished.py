import copy
import json
import pickle
import shutil
from pathlib import Path

import pytest

import ste_graph as ste

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("finished") / "run"
    changes = {
        "params": {"episodes": 2, "trials": 2, "turns": 2},
        "tools": [
            {"use": "python", "module": str(ROOT / "workflows/tools/everyday.py"), "include": ["to_roman", "add_days"]}
        ],
        "memory.long_term": "off",
    }
    ste.load(ROOT / "workflows" / "quickstart.yaml", set=changes).run(out=out)
    return out


def test_the_trials_of_a_run_are_typed(run: Path) -> None:
    trials = ste.open_run(run).trials()
    assert len(trials) == 8
    assert all(isinstance(kept.trial, ste.Trial) for kept in trials)
    assert {(kept.tool, kept.loops["episode"], kept.loops["trial"]) for kept in trials} == {
        (tool, episode, trial) for tool in ("to_roman", "add_days") for episode in range(2) for trial in range(2)
    }
    first = trials[0]
    assert (first.query, first.solved, first.episode) == (first.trial.query, first.trial.solved, first.loops["episode"])
    assert [kept.trial.model for kept in trials] == ["simulated"] * 8


def test_trials_can_be_chosen_sliced_and_copied(run: Path) -> None:
    trials = ste.open_run(run).trials()
    roman = trials.where(lambda kept: kept.tool == "to_roman")
    assert [kept.tool for kept in roman] == ["to_roman"] * 4
    assert [kept.id for kept in trials[1:3]] == [trials[1].id, trials[2].id]
    assert copy.deepcopy(trials[0]) == pickle.loads(pickle.dumps(trials[0])) == trials[0]
    with pytest.raises(AttributeError):
        trials[0].colour  # noqa: B018


def test_trials_become_a_data_frame(run: Path) -> None:
    pandas = pytest.importorskip("pandas")
    frame = ste.open_run(run).trials().to_pandas()
    assert isinstance(frame, pandas.DataFrame)
    assert len(frame) == 8
    assert {"id", "tool", "episode", "trial", "query", "steps", "answer", "solved", "ended_by", "model"} <= set(
        frame.columns
    )


def test_the_summary_of_a_run_on_disk_is_that_of_the_run(run: Path) -> None:
    summary = ste.open_run(run).summary()
    assert (summary.units, summary.done, summary.records["trial"]) == (2, 2, 8)
    assert summary.models == {"explorer": "simulated", "actor": "simulated"}


def test_a_run_that_is_still_going_on_can_be_read(run: Path, tmp_path: Path) -> None:
    (tmp_path / "units").mkdir()
    (tmp_path / "workflow.lock.yaml").write_bytes((run / "workflow.lock.yaml").read_bytes())
    assert list(ste.open_run(tmp_path).trials()) == []
    lines = (run / "journal.jsonl").read_text("utf-8").splitlines()
    (tmp_path / "journal.jsonl").write_text(lines[0] + "\n" + lines[1][:30], "utf-8")
    assert [kept.line for kept in ste.open_run(tmp_path).trials()] == [json.loads(lines[0])]
    assert ste.open_run(tmp_path).summary().done == 0


def test_a_folder_that_is_not_a_run_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "one" / "other"
    folder.mkdir(parents=True)
    with pytest.raises(ste.WorkflowError) as caught:
        ste.open_run(folder)
    assert str(caught.value) == (
        f"{folder}: is not the folder of a run (it has no workflow.lock.yaml). Start one with `ste run WORKFLOW`."
    )
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(ste.WorkflowError, match="is a file, not the folder of a run"):
        ste.open_run(file)


def test_a_damaged_line_of_a_journal_is_named(run: Path, tmp_path: Path) -> None:
    (tmp_path / "workflow.lock.yaml").write_bytes((run / "workflow.lock.yaml").read_bytes())
    (tmp_path / "journal.jsonl").write_text('{"record": "trial"}\n', "utf-8")
    with pytest.raises(ste.WorkflowError, match=r"journal\.jsonl:1: this line is damaged"):
        ste.open_run(tmp_path).trials()


def test_a_journal_that_is_gone_is_made_again_from_the_step_logs(run: Path, tmp_path: Path) -> None:
    copied = tmp_path / "copied"
    shutil.copytree(run, copied)
    before = [json.loads(line) for line in (copied / "journal.jsonl").read_text("utf-8").splitlines()]
    (copied / "journal.jsonl").unlink()
    assert sorted(map(json.dumps, ste.open_run(copied).records())) == sorted(map(json.dumps, before))
    assert len(ste.open_run(copied).trials()) == 8
    assert len((copied / "journal.jsonl").read_text("utf-8").splitlines()) == len(before)


def test_a_run_without_a_record_is_opened_without_writing_a_journal(run: Path, tmp_path: Path) -> None:
    shutil.copy(run / "workflow.lock.yaml", tmp_path)
    assert [*ste.open_run(tmp_path).records()] == []
    assert not (tmp_path / "journal.jsonl").exists()
