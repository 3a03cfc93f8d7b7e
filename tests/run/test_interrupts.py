"""Ctrl-C in a process of its own, and a second process on the same folder."""

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
    time.sleep(60)
    return "sent"
'''


ACTING = """
from typing import ClassVar

from ste_graph.node import Node, Output, Reads


class Act(Node):
    tool_calls: ClassVar[int] = 1

    class Gives(Output):
        kind: str
        text: str

    async def __call__(self, see):
        observation = await see.call("send", {"number": 1})
        return self.Gives(kind=observation.kind, text=observation.text)
"""

HANGING = """
dsl: 1
name: hanging
plugins: [acting.py]
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


def test_a_second_process_in_the_same_folder_is_told_so(tiny: Path, tmp_path: Path, heard: Callable) -> None:
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


def test_a_hanging_call_that_may_have_taken_effect_is_left_behind_and_not_made_again(tmp_path: Path) -> None:
    (tmp_path / "tools.py").write_text(TOOLS)
    (tmp_path / "acting.py").write_text(ACTING)
    workflow = tmp_path / "workflow.yaml"
    workflow.write_text(HANGING)
    with process(workflow, tmp_path / "run") as running:
        wait_for((tmp_path / "sent").exists)
        began = time.monotonic()
        running.send_signal(signal.SIGINT)
        said, errors = running.communicate(timeout=20)
        assert (said.split()[0], errors) == ("interrupt", "")
        assert time.monotonic() - began < 10
    summary = ste.load(workflow).run(out=tmp_path / "run")
    assert (summary.complete, dict(summary.calls)) == (True, {"interrupted": 1})
    steps = [json.loads(line) for line in (tmp_path / "run" / "units" / "send.jsonl").read_text().splitlines()]
    assert [step["gives"] for step in steps if "gives" in step] == [
        {
            "kind": "interrupted",
            "text": "The run was interrupted while this call was under way. It may or may not have taken effect; "
            "it was not made a second time.",
        }
    ]
    assert len((tmp_path / "sent").read_text().splitlines()) == 1
