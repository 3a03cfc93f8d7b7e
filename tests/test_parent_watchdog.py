"""A program that is watched ends with its parent, and with it whatever it has started."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ste_graph.parent_watchdog import watch_command

pytestmark = pytest.mark.skipif(not Path("/proc").is_dir(), reason="reads the states of processes from /proc")

PROGRAM = """
import os, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print(os.getpid(), child.pid, flush=True)
if sys.argv[1] == "stay":
    time.sleep(60)
elif sys.argv[1] == "read":
    sys.stdin.read()
sys.exit(3)
"""


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def gone(pids: list[int], within_s: float = 10) -> bool:
    end = time.monotonic() + within_s
    while any(map(alive, pids)) and time.monotonic() < end:
        time.sleep(0.05)
    return not any(map(alive, pids))


def start(what: str, **settings) -> tuple[subprocess.Popen[str], list[int]]:
    command = watch_command([sys.executable, "-c", PROGRAM, what], **{"grace_s": 0.5, **settings})
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    return process, list(map(int, process.stdout.readline().split()))


def end(process: subprocess.Popen[str]) -> int:
    with process:
        return process.wait(10)


def test_the_exit_status_is_the_programs_and_what_it_has_started_ends_with_it():
    process, pids = start("end")
    assert end(process) == 3
    assert gone(pids)


def test_the_program_reads_the_parents_stdin_and_ends_when_it_is_closed():
    process, pids = start("read")
    process.stdin.close()
    assert end(process) == 3
    assert gone(pids)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_watchdog_that_is_asked_to_end_ends_all(number):
    process, pids = start("stay")
    process.send_signal(number)
    assert end(process) == 128 + signal.SIGTERM
    assert gone(pids)


def test_a_closed_lifeline_ends_all():
    process, pids = start("stay", lifeline=True)
    process.stdin.close()
    assert end(process) == 128 + signal.SIGTERM
    assert gone(pids)


@pytest.mark.parametrize("lifeline", [False, True])
def test_nothing_outlives_a_parent_that_is_killed(lifeline):
    code = (
        "import json, subprocess, sys\n"
        "from ste_graph.parent_watchdog import watch_command\n"
        "program, lifeline = json.loads(sys.argv[1])\n"
        "command = watch_command([sys.executable, '-c', program, 'stay'], grace_s=0.5, lifeline=lifeline)\n"
        "subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True).wait()\n"
    )
    arguments = [sys.executable, "-c", code, json.dumps([PROGRAM, lifeline])]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as parent:
        pids = list(map(int, parent.stdout.readline().split()))
        os.kill(parent.pid, signal.SIGKILL)
    assert len(pids) == 2
    assert gone(pids)


def test_a_program_that_is_not_there_is_named():
    command = watch_command(["/no/such/program"], grace_s=1)
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (
        127,
        "/no/such/program: cannot be executed: No such file or directory\n",
    )


def test_a_program_gets_the_variables_that_are_named(monkeypatch):
    monkeypatch.setenv("STE_TEST_SECRET", "s3cret")
    code = "import os; print(sorted(os.environ.keys() - {'LC_CTYPE'}))"
    command = watch_command([sys.executable, "-c", code], grace_s=1, environment=["PATH"])
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "['PATH']\n"
