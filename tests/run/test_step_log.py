import asyncio
import errno
import gc
import os
from pathlib import Path

import pytest

import ste_graph as ste
from ste_graph.errors import RunError, WorkflowError
from ste_graph.files.jsonl import LineFile
from ste_graph.run.logs.logged_step import LoggedStep
from ste_graph.run.logs.step_log import LogOwner, StepLog
from ste_graph.run.logs.usage_counts import UsageCounts


def step(key: str, **more) -> LoggedStep:
    return LoggedStep(key=key, started="2026-01-01T00:00:00.000Z", ended="2026-01-01T00:00:01.000Z", **more)


async def test_a_log_read_again_is_the_log_that_was_written(tmp_path: Path) -> None:
    log = StepLog(tmp_path / "unit.jsonl")
    steps = [
        step(
            "imagine trial=0",
            outputs={"query": "why?"},
            messages=[{"role": "user", "content": "\ud800"}],
            used=UsageCounts(model_calls=1),
        ),
        step(
            "observe trial=0",
            outputs={"text": None},
            calls=[("tool", "ok")],
            used=UsageCounts(tool_calls=1, failed_calls=1),
        ),
        step("record trial=0", record={"id": "1", "record": "trial"}, scopes={"long_term": ("tool",)}),
    ]
    for finished in steps:
        log.add_step(finished)
    await log.start_call("observe trial=1 #0", "send", "2026-01-01T00:00:02.000Z")
    log.end_loops("record trial=0", [("trial", 1, "times")])
    log.close()
    again = StepLog(tmp_path / "unit.jsonl")
    assert list(again.finished.values()) == steps
    assert again.record_steps == [steps[2]]
    assert again.started_calls == {"observe trial=1 #0"}
    assert again.used == UsageCounts(model_calls=1, tool_calls=1, failed_calls=1)
    assert dict(again.loops) == {("trial", "times"): 1}
    assert (again.done, again.failure) == (False, None)


def test_the_end_of_a_loop_is_logged_once_however_often_it_is_replayed(tmp_path: Path) -> None:
    for _ in range(3):
        log = StepLog(tmp_path / "unit.jsonl")
        log.end_loops("call turn=-", [("turn", 0, "while")])
        log.close()
    assert dict(StepLog(tmp_path / "unit.jsonl").loops) == {("turn", "while"): 1}


def test_a_unit_that_gets_further_has_not_failed_any_more(tmp_path: Path) -> None:
    log = StepLog(tmp_path / "unit.jsonl")
    log.fail("the server is gone", "2026-01-01T00:00:00.000Z")
    assert StepLog(tmp_path / "unit.jsonl").failure == log.failure == "the server is gone"
    log.add_step(step("imagine"))
    assert StepLog(tmp_path / "unit.jsonl").failure is log.failure is None
    log.close()


@pytest.mark.parametrize(
    "line",
    [
        '{"key":"imagine"}',
        '{"key":"a","started":"","ended":"","used":{"calls":1}}',
        '{"odd":1}',
        '{"after":"a","loops":[1]}',
    ],
)
def test_a_line_that_is_not_a_step_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "unit.jsonl"
    path.write_text(f'{{"done":"2026"}}\n{line}\n')
    with pytest.raises(WorkflowError, match=r"unit\.jsonl:2: this line is damaged"):
        StepLog(path)


def test_a_log_says_whose_it_is_and_is_not_read_as_another(tmp_path: Path) -> None:
    path = tmp_path / "unit.jsonl"
    log = StepLog(path, LogOwner("look_a", "run-1"))
    assert not path.exists()
    log.add_step(step("imagine"))
    log.add_step(step("call"))
    log.close()
    assert path.read_text().splitlines()[0] == '{"unit":"look_a","run":"run-1"}'
    assert list(StepLog(path, LogOwner("look_a", "run-1")).finished) == ["imagine", "call"]
    for owner, whose in (
        (LogOwner("look_b", "run-1"), "the log of `look_a`"),
        (LogOwner("look_a", "2"), "another run's"),
    ):
        with pytest.raises(WorkflowError, match=rf"unit\.jsonl: this is {whose}, not the log of `{owner.unit}`"):
            StepLog(path, owner)


def test_a_disk_that_fails_while_units_go_on_ends_the_run_with_its_reason_and_the_next_run_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    small = {"params.episodes": 2, "params.trials": 2}
    with monkeypatch.context() as patch:
        whole, synced = LineFile._sync, []

        def failing(file: LineFile, descriptor: int, **how: bool) -> None:
            synced.append(file.path)
            whole(file, descriptor, **how)
            if len(synced) > 5:
                raise OSError(errno.EIO, os.strerror(errno.EIO))

        patch.setattr(LineFile, "_sync", failing)
        with pytest.raises(RunError, match=r"units/.*\.jsonl: cannot be written \(Input/output error\)"):
            ste.load("quickstart", set=small).run(tmp_path / "run")
        gc.collect()
    assert "never retrieved" not in caplog.text
    assert ste.load("quickstart", set=small).run(tmp_path / "run").complete


async def test_a_record_is_made_safe_soon_and_the_unit_goes_on_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ste_graph.run.logs.step_log.SYNC_S", 0.01)
    synced: list[int] = []
    monkeypatch.setattr("ste_graph.files.jsonl.os.fsync", synced.append)
    log = StepLog(tmp_path / "unit.jsonl")
    for number in range(3):
        log.add_step(step(f"record trial={number}"))
        log.sync_soon()
    assert synced == []
    await asyncio.sleep(0.1)
    assert len(synced) == 2  # the file, and its name in the folder
    await log.sync()
    assert len(synced) == 2
    log.sync_soon()
    await log.finish("2026-01-01T00:00:02.000Z")
    await asyncio.sleep(0.1)
    assert len(synced) == 3


async def test_what_is_logged_while_the_disk_is_busy_is_made_safe_before_a_unit_is_finished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ste_graph.run.logs.step_log.SYNC_S", 0.0)
    path, safe = tmp_path / "unit.jsonl", [0]

    async def sync(file: LineFile) -> None:
        size = file.size
        loop = asyncio.get_running_loop()
        ended = loop.create_future()
        loop.call_later(0.02, ended.set_result, None)
        await ended
        safe.append(size)

    monkeypatch.setattr(LineFile, "sync", sync)
    log = StepLog(path)
    log.add_step(step("record trial=0"))
    log.sync_soon()
    await asyncio.sleep(0.01)
    await log.finish("2026-01-01T00:00:02.000Z")
    assert safe[-1] == path.stat().st_size


async def test_a_disk_that_failed_is_told_the_next_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(descriptor: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr("ste_graph.run.logs.step_log.SYNC_S", 0.0)
    monkeypatch.setattr("ste_graph.files.jsonl.os.fsync", failing)
    log = StepLog(tmp_path / "unit.jsonl")
    log.add_step(step("record trial=0"))
    log.sync_soon()
    await asyncio.sleep(0.1)
    with pytest.raises(RunError, match="Input/output error"):
        log.sync_soon()
    log.sync_soon()
    with pytest.raises(RunError, match="Input/output error"):
        await log.sync()
    log.close()
