"""Processes that an MCP server has started end with the run, whichever way that ends."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ste_graph.tools.mcp.source import MCPTools
from ste_graph.tools.policy import ToolPolicy
from ste_graph.tools.toolbox import Toolbox

pytest.importorskip("mcp_types", reason="the mcp extra is not installed")
pytestmark = pytest.mark.skipif(not Path("/proc").is_dir(), reason="reads the states of processes from /proc")

RAW = Path(__file__).parents[1] / "servers" / "raw.py"
ADVERSE = RAW.with_name("adverse.py")
GOOD = {"name": "good", "inputSchema": {"type": "object"}, "annotations": {"readOnlyHint": True}}


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def gone(pids: list[int], within_s: float = 10) -> bool:
    end = time.monotonic() + within_s
    while any(map(alive, pids)) and time.monotonic() < end:
        time.sleep(0.02)
    return not any(map(alive, pids))


def wrapped(folder: Path, *command: str) -> list[str]:
    """The arguments of a shell that starts two helpers, notes their ids, and runs a server, as npx does."""
    pids = folder / "pids"
    script = f'sleep 300 & echo $! >> "{pids}"; sh -c "sleep 301" & echo $! >> "{pids}"; "$@"; exit $?'
    return ["-c", script, "wrapper", *command]


def started(folder: Path) -> list[int]:
    return [int(line) for line in (folder / "pids").read_text(encoding="utf-8").split()]


def scripted(folder: Path) -> list[str]:
    path = folder / "script.json"
    path.write_text(json.dumps({"listing": [{"tools": [GOOD]}], "answers": {}}), encoding="utf-8")
    return [sys.executable, str(RAW), str(path)]


async def test_closing_ends_what_a_server_has_started(tmp_path):
    source = MCPTools(command="sh", args=wrapped(tmp_path, *scripted(tmp_path)))
    await source.open()
    pids = started(tmp_path)
    assert len(pids) == 2
    assert all(map(alive, pids))
    await source.close()
    assert gone(pids)


async def test_a_server_that_is_started_again_leaves_nothing_behind(tmp_path):
    source = MCPTools(command="sh", args=wrapped(tmp_path, sys.executable, str(ADVERSE)))
    box = Toolbox(await source.open(), ToolPolicy(allow=("destructive",), timeout_s=20))
    first = started(tmp_path)
    assert (await box.call("exit", {})).kind == "transport"
    assert (await box.call("fine", {})).text == "fine"
    assert gone(first)
    assert len(started(tmp_path)) == 4
    await source.close()
    assert gone(started(tmp_path))


async def test_a_server_that_is_not_ready_in_time_leaves_nothing_behind(tmp_path):
    source = MCPTools(command="sh", args=wrapped(tmp_path, "sleep", "302"), start_s=0.5)
    with pytest.raises(Exception, match=r"it was not ready within 0\.5 s"):
        await source.open()
    assert gone(started(tmp_path))


RUN = """
import asyncio, json, sys
from ste_graph.tools.mcp.source import MCPTools
async def main():
    source = MCPTools(command="sh", args=json.loads(sys.argv[1]))
    try:
        await source.open()
        print("ready", flush=True)
        await asyncio.sleep(600)
    finally:
        await source.close()
asyncio.run(main())
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_nothing_that_a_server_has_started_outlives_a_run_that_is_ended_by_a_signal(number, tmp_path):
    arguments = json.dumps(wrapped(tmp_path, *scripted(tmp_path)))
    command = [sys.executable, "-c", RUN, arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as run:
        assert run.stdout is not None
        assert run.stdout.readline() == b"ready\n"
        pids = started(tmp_path)
        assert all(map(alive, pids))
        os.kill(run.pid, number)
        run.wait(20)
    assert gone(pids)


async def test_a_server_that_ignores_sigterm_is_killed_with_what_it_has_started(tmp_path):
    stubborn = f"trap '' TERM; sleep 300 & echo $! >> {tmp_path}/pids; \"$@\"; while :; do sleep 1; done"
    source = MCPTools(command="sh", args=["-c", stubborn, "wrapper", *scripted(tmp_path)])
    await source.open()
    await asyncio.wait_for(source.close(), 15)
    assert gone(started(tmp_path))
