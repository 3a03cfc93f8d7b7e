from __future__ import annotations

import io
from dataclasses import replace
from types import SimpleNamespace

import pytest
from rich.console import Console

from ste_graph.cli.text import lines
from ste_graph.cli.text.lines import ProgressLines, progress_line, start_lines
from ste_graph.cli.text.progress import CountingWatcher, RunProgress, UnitProgress, clock_text, max_records
from ste_graph.cli.text.table import LiveTable, render_table
from ste_graph.experiment import load
from ste_graph.models.meter import Meter
from ste_graph.run.logs.logged_step import LoggedStep
from ste_graph.run.logs.step_log import StepLog


@pytest.fixture
def workflow(folder):
    return load(folder / "small.yaml").workflow


@pytest.fixture
def logs(tmp_path):
    return {name: StepLog(tmp_path / f"{name}.jsonl") for name in ("double", "shout")}


def trial(solved):
    return LoggedStep(key=f"record {solved}", started="", ended="", record={"record": "trial", "solved": solved})


def progress(**changes):
    rows = {
        "add_days": UnitProgress("add_days", trials=4, solved=3, judged=4, state="running"),
        "today": UnitProgress("today", trials=6, solved=6, judged=6, state="done"),
        "convert_unit_of_measurement": UnitProgress(
            "convert_unit_of_measurement", state="failed", failure="the server is gone"
        ),
    }
    run_progress = RunProgress(
        "paper", "tool", ("simulated",), rows, Meter(model_calls=40, retries=2), 1260, 720, records=6, began=0
    )
    return replace(run_progress, **changes)


def shown(what, width=60):
    console = Console(file=io.StringIO(), width=width, color_system=None)
    console.print(what)
    return "\n".join(line.rstrip() for line in console.file.getvalue().splitlines())


def test_trials_are_counted_as_they_are_recorded_and_replayed_ones_once(workflow, logs):
    logs["shout"].finished["r"] = trial(True)
    watcher = CountingWatcher()
    watcher.run_start(workflow, logs, Meter())
    watcher.step("shout", trial(True), replayed=True)
    watcher.step("shout", trial(False), replayed=False)
    watcher.step("double", trial(None), replayed=False)
    rows = watcher.progress.rows
    assert (rows["shout"].trials, rows["shout"].solved) == (2, 1)
    assert (rows["double"].trials, rows["double"].solved, watcher.progress.earlier_trials) == (1, 0, 1)


def test_maxima_are_the_plans(workflow, logs):
    watcher = CountingWatcher()
    watcher.run_start(workflow, logs, Meter())
    assert (watcher.progress.model_calls, watcher.progress.tool_calls, watcher.progress.records) == (24, 12, 2)
    assert max_records(workflow.blocks) == 2


def test_the_remaining_time_is_the_pace_so_far_times_the_remaining_records(monkeypatch):
    monkeypatch.setattr("ste_graph.cli.text.progress.time", SimpleNamespace(monotonic=lambda: 50.0))
    assert progress().remaining_s == 50 / 10 * 2
    assert progress(earlier_trials=5).remaining_s == 50 / 5 * 2
    assert progress(earlier_trials=10).remaining_s is None


def test_the_first_lines_name_the_workflow_and_its_cost():
    assert start_lines(progress(earlier_trials=7, done_earlier=1)) == [
        "paper: 3 units, at most 1,260 model calls and 720 tool calls",
        "model: simulated",
        "continuing: 1 of 3 done before, 7 trials kept",
    ]


def test_lines_about_the_whole_run_come_every_ten_seconds_at_most(workflow, logs, monkeypatch):
    now = SimpleNamespace(s=100.0)
    monkeypatch.setattr(lines, "time", SimpleNamespace(monotonic=lambda: now.s))
    stream = io.StringIO()
    watcher = ProgressLines(stream)
    watcher.run_start(workflow, logs, Meter())
    stream.seek(0)
    stream.truncate()
    for now.s in (101.0, 105.0, 109.9, 110.0, 111.0, 119.0, 120.5):
        watcher.step("shout", LoggedStep(key="k", started="", ended=""), replayed=False)
    assert len(stream.getvalue().splitlines()) == 2


def test_a_slow_node_shows_its_progress_until_its_step_is_finished(workflow, logs, monkeypatch):
    monkeypatch.setattr(lines, "EVERY_S", 0.0)
    stream = io.StringIO()
    watcher = ProgressLines(stream)
    watcher.run_start(workflow, logs, Meter())
    watcher.node_progress("shout", "step 3 of at most 20")
    assert stream.getvalue().splitlines()[-1] == (
        "0:00 0/2 done, 0 of at most 24 model calls; shout: step 3 of at most 20"
    )
    assert "step 3 of at most 20" in shown(render_table(watcher.progress, "", rows=9))
    watcher.step("shout", trial(True), replayed=False)
    assert "step 3" not in shown(render_table(watcher.progress, "", rows=9))


def test_a_run_without_calls_shows_neither_calls_nor_remaining_time(monkeypatch):
    monkeypatch.setattr("ste_graph.cli.text.progress.time", SimpleNamespace(monotonic=lambda: 50.0))
    alone = progress(has_calls=False, model_calls=0, tool_calls=0, models=(), meter=Meter())
    assert start_lines(alone) == ["paper: 3 units"]
    assert progress_line(alone) == "0:50 1/3 done, 10 trials, 9 solved"
    assert alone.remaining_s is None
    assert "6/6" not in shown(render_table(alone, "", rows=9))


def test_a_failed_unit_is_a_line_with_its_reason(workflow, logs):
    stream = io.StringIO()
    watcher = ProgressLines(stream)
    watcher.run_start(workflow, logs, Meter())
    logs["shout"].failure = "the server is gone"
    watcher.unit_end("shout", logs["shout"])
    assert stream.getvalue().splitlines()[-1] == "[0/2] shout: failed: the server is gone"


def test_the_table_fits_a_narrow_terminal(monkeypatch):
    monkeypatch.setattr("ste_graph.cli.text.progress.time", SimpleNamespace(monotonic=lambda: 50.0))
    assert shown(render_table(progress(), "stopping", rows=9)) == (
        "paper: 3 units, at most 1,260 model calls and 720 tool calls\n"
        "model: simulated\n"
        "\n"
        "tool                         trials  solved\n"
        "add_days                        4/6       3  running\n"
        "today                           6/6       6  done\n"
        "convert_unit_of_measurement     0/6          failed\n"
        "\n"
        "0:50 1/3 done, 10 trials, 9 solved, 40 of at most 1,260\n"
        "model calls, 2 retries, about 0:10 left\n"
        "stopping"
    )


def test_the_table_shows_names_as_they_are_and_not_as_markup():
    names = ["[/x]", "[red]a", "\x1b[31mb"]
    text = shown(render_table(progress(rows={name: UnitProgress(name) for name in names}), "", rows=9))
    assert [line.split()[0] for line in text.splitlines()[4:7]] == ["[/x]", "[red]a", "\ufffd[31mb"]


def test_a_table_too_small_for_all_rows_shows_failed_and_running_ones():
    text = shown(render_table(progress(), "", rows=2))
    assert "today " not in text
    assert "… and 1 more" in text
    assert text.index("convert_unit_of") < text.index("add_days")


@pytest.mark.parametrize(("seconds", "text"), [(7, "0:07"), (59.6, "1:00"), (750, "12:30"), (11100, "3:05:00")])
def test_time_reads_as_on_a_clock(seconds, text):
    assert clock_text(seconds) == text


def test_the_whole_run_is_one_line(monkeypatch):
    monkeypatch.setattr("ste_graph.cli.text.progress.time", SimpleNamespace(monotonic=lambda: 50.0))
    assert (
        progress_line(progress(earlier_trials=10))
        == "0:50 1/3 done, 10 trials, 9 solved, 40 of at most 1,260 model calls, 2 retries"
    )


def test_a_failure_is_printed_above_the_table_when_it_happens(workflow, logs):
    console = Console(file=io.StringIO(), width=60, color_system=None)
    with LiveTable(console) as table:
        table.run_start(workflow, logs, Meter())
        logs["shout"].failure = "the server is gone"
        table.unit_end("shout", logs["shout"])
    assert "shout failed: the server is gone\n" in console.file.getvalue()


def test_the_table_holds_still_while_a_person_is_asked(workflow, logs):
    console = Console(file=io.StringIO(), width=60, color_system=None, force_terminal=True)
    with LiveTable(console) as table:
        table.run_start(workflow, logs, Meter())
        with table.question():
            before = console.file.getvalue()
            table.step("shout", trial(True), replayed=False)
            assert console.file.getvalue() == before
