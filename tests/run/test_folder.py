import os
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from ste_graph.errors import RunError, WorkflowError
from ste_graph.run.folder import RunFolder

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
WHOLE = {"format": 4, "units": {}, "skipped": {}, "models": {}, "resolved": {}}


@settings(deadline=None)  # the disk decides how long it takes
@given(
    st.dictionaries(
        st.text(), st.recursive(SCALARS, lambda x: st.lists(x) | st.dictionaries(st.text(), x), max_leaves=5)
    )
)
def test_what_is_locked_is_read_back_exactly(tmp_path_factory, resolved: dict) -> None:
    folder = RunFolder(tmp_path_factory.mktemp("run"))
    folder.write_lock({**WHOLE, "resolved": resolved})
    assert folder.read_lock() == {**WHOLE, "resolved": resolved}


def test_texts_of_several_lines_are_readable_in_the_lock_file(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.write_lock({**WHOLE, "resolved": {"prompt": "Think.\nThen say `off`.\n", "lives": "off"}})
    assert folder.lock.read_text() == (
        "format: 4\nunits: {}\nskipped: {}\nmodels: {}\n"
        "resolved:\n  prompt: |\n    Think.\n    Then say `off`.\n  lives: 'off'\n"
    )


@pytest.mark.parametrize(
    "text", ["", "units: [", "just words", "units: {}\n", "units: 3\nskipped: {}\n", "\xff\xfe\x00"]
)
def test_a_damaged_lock_file_is_refused(tmp_path: Path, text: str) -> None:
    folder = RunFolder(tmp_path)
    folder.lock.write_text(text, "latin-1")
    with pytest.raises(WorkflowError) as caught:
        folder.read_lock()
    assert str(caught.value) == f"{folder.lock}: is damaged; restore it, or start a new run with --out"


def test_a_lock_file_that_cannot_be_written_leaves_nothing(tmp_path: Path, monkeypatch) -> None:
    folder = RunFolder(tmp_path / "run")
    folder.acquire()

    def full(number: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("ste_graph.files.atomic.os.fsync", full)
    with pytest.raises(RunError, match="cannot be written \\(No space left on device\\)"):
        folder.write_lock(WHOLE)
    folder.remove_if_unused()
    folder.release()
    assert not folder.path.exists()


def test_a_second_writer_is_refused_and_the_first_is_named(tmp_path: Path) -> None:
    first, second = RunFolder(tmp_path / "run"), RunFolder(tmp_path / "run")
    first.acquire()
    with pytest.raises(WorkflowError) as caught:
        second.acquire()
    assert str(caught.value) == (
        f"{first.path}: another process (pid {os.getpid()}) is running in this folder; "
        "wait for it, stop it, or give another folder with --out"
    )
    first.release()
    second.acquire()
    second.release()


def test_a_folder_with_other_things_in_it_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(WorkflowError) as caught:
        RunFolder(tmp_path).acquire()
    assert str(caught.value) == (
        f"{tmp_path}: the folder is not empty and holds no run; give an empty or a new folder with --out"
    )
    assert [entry.name for entry in tmp_path.iterdir()] == ["thesis.tex"]


def test_what_a_run_leaves_that_died_before_its_lock_file_is_no_hindrance(tmp_path: Path) -> None:
    (tmp_path / "units").mkdir()
    (tmp_path / ".writer").write_text("pid 1")
    (tmp_path / "workflow.lock.yaml.new").write_text("units:")
    folder = RunFolder(tmp_path)
    folder.acquire()
    folder.write_lock(WHOLE)
    assert folder.read_lock() == WHOLE
    folder.release()


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    path = tmp_path / "run"
    path.touch()
    with pytest.raises(WorkflowError) as caught:
        RunFolder(path).acquire()
    assert str(caught.value) == (f"{path}: cannot be used as a run's folder (File exists); give another one with --out")


def test_a_folder_that_may_not_be_written_is_refused() -> None:
    with pytest.raises(
        WorkflowError, match=r"^/proc/run: cannot be used as a run's folder \(No such file or directory\)"
    ):
        RunFolder(Path("/proc/run")).acquire()


@given(st.lists(st.text(min_size=1), unique=True, max_size=8))
def test_every_unit_has_a_log_of_its_own_inside_the_folder(names: list[str]) -> None:
    folder = RunFolder(Path("run"))
    paths = [folder.step_log(name) for name in names]
    assert all(path.parent == Path("run/units") for path in paths)
    assert len({str(path).lower() for path in paths}) == len(names)


def test_a_plain_name_is_its_logs_name() -> None:
    assert RunFolder(Path("run")).step_log("add_days") == Path("run/units/add_days.jsonl")
    assert RunFolder(Path("run")).step_log("../etc") == Path("run/units/_etc-f7f9121f.jsonl")


def test_yaml_reads_the_time_in_a_lock_file_as_text(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.write_lock({**WHOLE, "created": "2026-01-01T00:00:00.000Z"})
    assert yaml.safe_load(folder.lock.read_text())["created"] == "2026-01-01T00:00:00.000Z"
