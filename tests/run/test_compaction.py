"""Compaction: after it a run is resumed, forked, shown and reported as before."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

import ste_graph as ste
from ste_graph.files.compressed import compressed_path
from ste_graph.files.lock import FileLock
from ste_graph.run.forks.fork import Fork
from ste_graph.run.logs import compaction
from ste_graph.run.logs.compaction import compact_logs, hold_run
from ste_graph.run.logs.step_log import StepLog


def compact(path: Path) -> compaction.Compaction:
    run = ste.open_run(path)
    with hold_run([run.path]):
        return compact_logs(run.folder, run.lock)


def contents(path: Path) -> object:
    """All that a reader has of a run."""
    run = ste.open_run(path)
    logs = {unit: (list(log.finished.values()), log.totals, log.done) for unit, log in run.logs().items()}
    return logs, run.summary(), sorted(run.records(), key=lambda line: line["id"])


@pytest.fixture
def finished(tiny: Path, tmp_path: Path) -> Path:
    ste.load(tiny).run(tmp_path / "run")
    return tmp_path / "run"


def test_everything_reads_a_compacted_run_as_before(finished: Path) -> None:
    before = contents(finished)
    done = compact(finished)
    assert (done.compressed, done.open) == (3, 0)
    assert not list((finished / "units").glob("*.jsonl"))
    assert contents(finished) == before
    assert compact(finished).before == 3
    (finished / "journal.jsonl").unlink()
    assert contents(finished) == before


def test_the_totals_of_a_finished_unit_are_those_of_all_its_lines(finished: Path) -> None:
    for log in ste.open_run(finished).logs().values():
        quick = StepLog(log.path)
        assert quick._finished is None
        log.path.write_bytes(log.path.read_bytes().replace(b'"totals"', b'"TOTALS"'))
        whole = StepLog(log.path)
        assert whole._finished is not None
        assert (quick.totals, quick.done) == (whole.totals, whole.done)


def test_a_log_that_somebody_has_changed_is_read_as_it_is(finished: Path) -> None:
    log = finished / "units" / "one.jsonl"
    lines = log.read_bytes().splitlines(keepends=True)
    log.write_bytes(b"".join(line for line in lines if b'"key":"think turn=1"' not in line))
    assert ste.open_run(finished).logs()["one"].used.model_calls == 2


def test_a_compacted_run_is_taken_up_where_it_stopped(
    tiny: Path, tmp_path: Path, journal: Callable, heard: Callable
) -> None:
    ste.load(tiny).run(tmp_path / "whole")
    ste.load(tiny).run(tmp_path / "run")
    log = tmp_path / "run" / "units" / "two.jsonl"
    lines = log.read_bytes().splitlines(keepends=True)
    log.write_bytes(b"".join(lines[:3]))
    done = compact(tmp_path / "run")
    assert (done.compressed, done.open) == (2, 1)
    asked = len(heard())
    summary = ste.load(tiny).run(tmp_path / "run")
    assert (summary.complete, summary.records["trial"]) == (True, 9)
    assert len(heard()) - asked == 2
    assert journal(tmp_path / "run") == journal(tmp_path / "whole")
    assert compact(tmp_path / "run").compressed == 1


def test_a_compacted_run_is_forked_as_before(tiny: Path, finished: Path, tmp_path: Path, journal: Callable) -> None:
    at = "turn=1"
    ste.load(tiny).run(tmp_path / "before", fork=Fork(finished, at))
    compact(finished)
    ste.load(tiny).run(tmp_path / "after", fork=Fork(finished, at))
    assert journal(tmp_path / "after") == journal(tmp_path / "before")


def test_a_run_that_is_going_refuses(finished: Path) -> None:
    lock = FileLock(finished / ".writer")
    lock.acquire()
    with pytest.raises(ste.WorkflowError, match=r"is running \(pid \d+\), so that its logs still grow.*ste runs stop"):
        compact(finished)
    lock.release()
    assert len(list((finished / "units").glob("*.jsonl"))) == 3


def test_a_part_of_a_run_that_is_going_refuses_too(finished: Path, tiny: Path) -> None:
    part = finished / "runs" / "part"
    ste.load(tiny).run(part)
    lock = FileLock(finished / ".writer")
    lock.acquire()
    with pytest.raises(ste.WorkflowError, match=r"is running"):
        compact(part)
    lock.release()
    assert compact(part).compressed == 3


def test_a_compaction_that_was_killed_is_gone_on_with(finished: Path) -> None:
    before = contents(finished)
    one = finished / "units" / "one.jsonl"
    held = one.read_bytes()
    compact(finished)
    one.write_bytes(held)  # killed after the new form, before the old one was removed
    two = compressed_path(finished / "units" / "two.jsonl")
    two.with_name(two.name + ".new").write_bytes(b"half")
    assert contents(finished) == before
    assert compact(finished).compressed == 1
    assert contents(finished) == before
    assert sorted(file.name for file in (finished / "units").iterdir()) == [
        f"{unit}.jsonl.gz" for unit in ("one", "three", "two")
    ]


RECORDS = """
dsl: 2
name: items
plugins: [answering.py]
models: {model: {use: answering.Answering, heard: heard.jsonl}}
params:
  units: [u]
  things: [{id: a, words: [x, y]}, {name: b}, {other: 1}, text, 7]
nodes:
  think: {use: chat, model: model, prompt: think.md, outputs: {text: str}}
graph:
  - map: item
    over: params.units
    do:
      - map: thing
        over: params.things
        at_most: 9
        do:
          - repeat: turn
            times: 1
            do:
              - think
              - record: trial
                as: {query: think.text, steps: "[]", answer: think.text, solved: true}
"""


def test_a_record_names_the_item_of_a_loop_and_does_not_repeat_it(tiny: Path, tmp_path: Path) -> None:
    file = tmp_path / "items.yaml"
    file.write_text(RECORDS, "utf-8")
    ste.load(file).run(tmp_path / "items")
    lines = [json.loads(line) for line in (tmp_path / "items" / "journal.jsonl").read_text("utf-8").splitlines()]
    assert [(line["item"], line["thing"], line["turn"]) for line in lines] == [
        ("u", "a", 0), ("u", "b", 0), ("u", 2, 0), ("u", "text", 0), ("u", 7, 0),
    ]  # fmt: skip
