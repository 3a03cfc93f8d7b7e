"""Requests from another terminal to a run that is going: to pause, to go on, to stop, another limit."""

import asyncio

import pytest

import ste_graph
from ste_graph.models.limiter import Limiter
from ste_graph.run import control
from ste_graph.run.context import Watcher
from ste_graph.run.control import CONTROL_FILE, Control, read_control, write_control

SMALL = {"params.episodes": 3, "params.trials": 4, "tools.0.include": ["convert_unit", "days_between"]}


class Asking(Watcher):
    """Asks for a state at a step, and counts the steps."""

    def __init__(self, run, state, at=8):
        self.run, self.state, self.at = run, state, at
        self.steps = 0
        self.said = asyncio.Event()
        self.messages = []

    def step(self, unit, step, *, replayed):
        self.steps += 1
        if self.steps == self.at:
            write_control(self.run, Control(state=self.state))

    def message(self, text):
        self.messages.append(text)
        if "another terminal" in text:
            self.said.set()


@pytest.fixture(autouse=True)
def _look_often(monkeypatch):
    monkeypatch.setattr(control, "LOOK_S", 0.01)


async def test_a_paused_run_begins_nothing_new_and_goes_on_when_asked(tmp_path):
    run = tmp_path / "run"
    watcher = Asking(run, "paused")
    running = asyncio.create_task(ste_graph.load("quickstart", set=SMALL).arun(run, watcher=watcher))
    await asyncio.wait_for(watcher.said.wait(), 30)
    before = -1
    while before != watcher.steps:  # what was under way comes to its end
        before = watcher.steps
        await asyncio.sleep(0.2)
    assert not running.done()
    write_control(run, Control())
    summary = await asyncio.wait_for(running, 60)
    assert summary.complete
    assert watcher.steps > before
    assert "going on" in watcher.messages


async def test_a_run_that_is_asked_to_stop_ends_cleanly_and_the_same_command_takes_it_up(tmp_path):
    run = tmp_path / "run"
    experiment = ste_graph.load("quickstart", set=SMALL)
    summary = await experiment.arun(run, watcher=Asking(run, "stopped"))
    assert (summary.stopped_by, summary.complete) == ("interrupt", False)
    assert (await experiment.arun(run)).complete
    assert not (run / CONTROL_FILE).exists()


async def test_a_run_with_parts_is_stopped_in_its_parts(tmp_path):
    file = tmp_path / "parts.yaml"
    file.write_text("dsl: 2\nname: parts\ngraph:\n  - run: quickstart\n    with: {params.trials: '40'}\n", "utf-8")
    run = tmp_path / "run"

    class Inside(Asking):
        def sub_workflow(self, name):
            return self

    summary = await ste_graph.load(file).arun(run, watcher=Inside(run, "stopped"))
    assert summary.stopped_by == "interrupt"


@pytest.mark.parametrize("text", ["", "[]", '{"state": "off"}', '{"concurrency": 0}', "{"])
def test_a_file_that_makes_no_sense_asks_nothing(tmp_path, text):
    (tmp_path / CONTROL_FILE).write_text(text, "utf-8")
    assert read_control(tmp_path) == Control()


async def test_a_limit_holds_for_new_requests_and_lets_more_in_when_it_rises():
    limiter = Limiter(4)
    for _ in range(4):
        await limiter.acquire()
    waiting = asyncio.create_task(limiter.acquire())
    limiter.bound(1, at_once=True)
    for _ in range(3):
        limiter.release()
    await asyncio.sleep(0)
    assert not waiting.done()
    limiter.bound(2, at_once=True)
    await asyncio.wait_for(waiting, 5)
