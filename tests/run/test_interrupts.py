"""Ctrl-C in a process of its own, and a second process on the same folder."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import ste_graph as ste

RUN = """
import sys
import ste_graph as ste
summary = ste.load(sys.argv[1]).run(out=sys.argv[2])
print(summary.stopped_by, summary.complete, summary.used.model_calls, flush=True)
"""

TOOLS = '''
import time
from pathlib import Path

import ste_graph as ste


@ste.tool(effect="write")
def send(number: int) -> str:
    """Send a thing."""
    with (Path(__file__).parent / "sent").open("a") as sent:
        sent.write(f"{number}\\n")
    time.sleep(SECONDS)
    return "sent"
'''


ACTING = """
from pathlib import Path
from typing import ClassVar

from ste_graph.node import Node, NodeOutputs

BROKEN = Path(__file__).parent / "broken"


class Act(Node):
    tool_calls: ClassVar[int] = 1

    class Outputs(NodeOutputs):
        kind: str
        text: str

    async def __call__(self, inputs, ctx):
        observation = await ctx.call_tool("send", {"number": 2 if BROKEN.with_name("changed").exists() else 1})
        if BROKEN.exists():
            raise OSError("no more")
        return self.Outputs(kind=observation.kind, text=observation.text)
"""

HANGING = """
dsl: 2
name: hanging
plugins: [acting.py]
limits: {timeout_s: 5}
tools: [{use: python, module: tools.py}]
allow: [write]
nodes: {act: {use: acting.Act}}
graph:
  - map: tool
    over: tools
    do: [act]
"""


@contextmanager
def process(workflow: Path, out: Path) -> Iterator[subprocess.Popen]:
    running = subprocess.Popen(
        [sys.executable, "-c", RUN, workflow, out], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        yield running
    finally:
        running.kill()
        running.communicate()


def wait_for(holds: Callable[[], bool]) -> None:
    limit = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < limit
        time.sleep(0.01)


def slow(tiny: Path) -> Path:
    tiny.write_text(
        tiny.read_text(encoding="utf-8").replace("heard: heard.jsonl", "heard: heard.jsonl, seconds: 0.3"),
        encoding="utf-8",
    )
    return tiny


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_stops_a_run_cleanly_and_the_same_command_goes_on(
    tiny: Path, tmp_path: Path, journal: Callable, heard: Callable, number: int
) -> None:
    with process(slow(tiny), tmp_path / "run") as running:
        wait_for(lambda: len(heard()) >= 4)
        running.send_signal(number)
        said, errors = running.communicate(timeout=20)
    stopped_by, complete, finished = said.split()
    assert (stopped_by, complete, errors, running.returncode) == ("interrupt", "False", "", 0)
    logged = [json.loads(line) for log in (tmp_path / "run/units").iterdir() for line in log.read_text().splitlines()]
    assert len([line for line in logged if line.get("key", "").startswith("think")]) == int(finished) < len(heard())
    assert not any("failed" in line for line in logged)
    assert ste.load(tiny).run(out=tmp_path / "run").complete
    ste.load(tiny).run(out=tmp_path / "whole")
    assert journal(tmp_path / "run") == journal(tmp_path / "whole")


def test_ctrl_c_twice_ends_it_at_once_and_loses_nothing(tiny: Path, tmp_path: Path, heard: Callable) -> None:
    with process(slow(tiny), tmp_path / "run") as running:
        wait_for(lambda: len(heard()) >= 4)
        running.send_signal(signal.SIGINT)
        running.send_signal(signal.SIGINT)
        running.communicate(timeout=20)
    assert ste.load(tiny).run(out=tmp_path / "run").complete


def test_a_second_process_in_the_same_folder_is_refused(tiny: Path, tmp_path: Path, heard: Callable) -> None:
    with process(slow(tiny), tmp_path / "run") as running:
        wait_for(lambda: len(heard()) >= 1)
        with pytest.raises(ste.WorkflowError) as caught:
            ste.load(tiny).run(out=tmp_path / "run")
        assert str(caught.value) == (
            f"{tmp_path / 'run'}: another process (pid {running.pid}) is running in this folder; "
            "wait for it, stop it, or give another folder with --out"
        )
        os.kill(running.pid, signal.SIGINT)
        running.communicate(timeout=20)


@pytest.fixture
def acting(tmp_path: Path) -> Callable[[float], Path]:
    """A workflow with one call of a tool that writes, and takes so many seconds."""

    def written(seconds: float) -> Path:
        (tmp_path / "tools.py").write_text(TOOLS.replace("SECONDS", str(seconds)))
        (tmp_path / "acting.py").write_text(ACTING)
        (tmp_path / "workflow.yaml").write_text(HANGING)
        return tmp_path / "workflow.yaml"

    return written


def given(out: Path) -> list[dict]:
    """The outputs of the node of `acting`."""
    steps = [json.loads(line) for line in (out / "units" / "send.jsonl").read_text().splitlines()]
    return [step["outputs"] for step in steps if "outputs" in step]


def test_ctrl_c_waits_for_a_call_that_may_change_the_world_and_its_result_is_not_lost(
    acting: Callable, tmp_path: Path
) -> None:
    workflow = acting(2)
    with process(workflow, tmp_path / "run") as running:
        wait_for((tmp_path / "sent").exists)
        running.send_signal(signal.SIGINT)
        said, errors = running.communicate(timeout=20)
    assert (said.split(), errors) == (["interrupt", "False", "0"], "")
    assert given(tmp_path / "run") == []  # nothing new begins: the step goes on when the run is taken up
    summary = ste.load(workflow).run(out=tmp_path / "run")
    assert (summary.complete, dict(summary.calls), summary.used.tool_calls) == (True, {"ok": 1}, 1)
    assert given(tmp_path / "run") == [{"kind": "ok", "text": "sent"}]
    assert (tmp_path / "sent").read_text() == "1\n"


def test_the_wait_for_a_call_ends_with_its_time_limit(acting: Callable, tmp_path: Path) -> None:
    workflow = acting(60)
    with process(workflow, tmp_path / "run") as running:
        wait_for((tmp_path / "sent").exists)
        began = time.monotonic()
        running.send_signal(signal.SIGINT)
        said, errors = running.communicate(timeout=20)
        assert (said.split()[0], errors) == ("interrupt", "")
        assert time.monotonic() - began < 15
    assert dict(ste.load(workflow).run(out=tmp_path / "run").calls) == {"timeout": 1}
    assert given(tmp_path / "run") == [{"kind": "timeout", "text": "`send` did not answer within 5 s."}]
    assert (tmp_path / "sent").read_text() == "1\n"


def test_ctrl_c_twice_abandons_a_call_that_may_have_taken_effect_and_it_is_not_made_again(
    acting: Callable, tmp_path: Path
) -> None:
    workflow = acting(60)
    with process(workflow, tmp_path / "run") as running:
        wait_for((tmp_path / "sent").exists)
        began = time.monotonic()
        running.send_signal(signal.SIGINT)
        time.sleep(0.5)
        assert running.poll() is None
        running.send_signal(signal.SIGINT)
        running.communicate(timeout=20)
        assert time.monotonic() - began < 4
    summary = ste.load(workflow).run(out=tmp_path / "run")
    assert (summary.complete, dict(summary.calls)) == (True, {"interrupted": 1})
    assert given(tmp_path / "run") == [
        {
            "kind": "interrupted",
            "text": "The run was interrupted while this call was under way. It may or may not have taken effect; "
            "it was not made a second time.",
        }
    ]
    assert (tmp_path / "sent").read_text() == "1\n"


@pytest.mark.parametrize("cancels", [1, 2])
def test_whoever_cancels_a_run_once_waits_for_the_call_and_twice_does_not(
    acting: Callable, tmp_path: Path, cancels: int
) -> None:
    workflow = acting(2)

    async def cancelled() -> None:
        running = asyncio.create_task(ste.load(workflow).arun(out=tmp_path / "run"))
        while not (tmp_path / "sent").exists():
            await asyncio.sleep(0.01)
        for _ in range(cancels):
            running.cancel()
            await asyncio.sleep(0.1)
        with pytest.raises(asyncio.CancelledError):
            await running

    asyncio.run(cancelled())
    kind = "ok" if cancels == 1 else "interrupted"
    assert dict(ste.load(workflow).run(out=tmp_path / "run").calls) == {kind: 1}
    assert (tmp_path / "sent").read_text() == "1\n"


def test_a_call_that_was_answered_in_a_step_which_failed_keeps_its_answer(acting: Callable, tmp_path: Path) -> None:
    workflow = acting(0)
    (tmp_path / "broken").touch()
    assert ste.load(workflow).run(out=tmp_path / "run").failed
    (tmp_path / "broken").unlink()
    assert dict(ste.load(workflow).run(out=tmp_path / "run").calls) == {"ok": 1}
    assert (tmp_path / "sent").read_text() == "1\n"


def test_another_call_in_the_place_of_one_that_has_ended_is_not_made(acting: Callable, tmp_path: Path) -> None:
    workflow = acting(0)
    (tmp_path / "broken").touch()
    assert ste.load(workflow).run(out=tmp_path / "run").failed
    (tmp_path / "broken").rename(tmp_path / "changed")
    assert dict(ste.load(workflow).run(out=tmp_path / "run").calls) == {"interrupted": 1}
    assert (tmp_path / "sent").read_text() == "1\n"
