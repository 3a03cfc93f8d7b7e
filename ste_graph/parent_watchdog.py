"""Ends a program with the process that started it, even if that process is killed.

Run as a file it stays between the two: `python parent_watchdog.py SETTINGS COMMAND…`, as `watch_command` writes it. The
program runs in a process group of its own, which is killed as a whole in the end: a launcher such as `npx` starts the
server as its child, and the engine of vLLM 0.32 outlives a killed API server (measured), with all the memory of the
GPU. Imports nothing but the standard library, so that it starts at once.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence

LOOK_S = 0.25
"""Seconds between two looks at whether the program and its parent are alive."""
NOT_FOUND, NOT_EXECUTABLE = 127, 126
"""Exit statuses where the program cannot be executed, as shells have them."""


def watch_command(
    command: Sequence[str], *, grace_s: float, lifeline: bool = False, environment: Sequence[str] | None = None
) -> list[str]:
    """The command line that runs `command` for as long as this process lives, and exits as it does.

    Once this process is gone, or the watchdog itself is asked to end, the program has `grace_s` to end by itself. With
    `lifeline`, stdin is a pipe of which this process holds the other end: closing it asks the program to end.
    Otherwise stdin is the program's own, which is to end with it. `environment` names the variables that the program
    gets; None: all.
    """
    if sys.platform == "win32":  # the MCP client ties a server to a job object there; vLLM does not run on it
        return list(command)
    settings = {"parent": os.getpid(), "grace_s": grace_s, "lifeline": lifeline, "environment": environment}
    return [sys.executable, "-I", "-S", os.path.abspath(__file__), json.dumps(settings), *command]


def exit_when_stdin_closes() -> None:
    """Ends this process at once when its parent closes stdin, which it does when it ends. Looks in a thread."""

    def wait() -> None:
        while os.read(0, 1024):
            pass
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def main(settings: str, *command: str) -> int:
    """Runs the command until it ends or has to; gives its exit status as a shell would."""
    return _run(command, **json.loads(settings))


def _run(
    command: Sequence[str], *, parent: int, grace_s: float, lifeline: bool, environment: Sequence[str] | None
) -> int:
    signals: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda number, _: signals.append(number))
    variables = {name: value for name, value in os.environ.items() if environment is None or name in environment}
    stdin = subprocess.DEVNULL if lifeline else None
    try:
        program = subprocess.Popen(command, stdin=stdin, env=variables, process_group=0, preexec_fn=_end_with_watchdog)
    except OSError as error:
        print(f"{command[0]}: cannot be executed: {error.strerror}", file=sys.stderr)
        return NOT_FOUND if isinstance(error, FileNotFoundError) else NOT_EXECUTABLE
    if not lifeline:
        _let_go_of_pipes()
    try:
        while program.poll() is None and os.getppid() == parent and not signals:
            if lifeline and select.select([0], [], [], LOOK_S)[0]:
                break
            with contextlib.suppress(subprocess.TimeoutExpired):
                program.wait(0 if lifeline else LOOK_S)
        if program.poll() is None:
            if lifeline:  # the program tells its children itself
                program.terminate()
            elif signals:
                os.killpg(program.pid, signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                program.wait(grace_s)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(program.pid, signal.SIGKILL)
    status = program.wait()
    return status if status >= 0 else 128 - status


def _let_go_of_pipes() -> None:
    """Leaves stdin and stdout to the program: when it closes one of them, the parent must see it."""
    with open(os.devnull, "r+b") as nothing:
        for pipe in (0, 1):
            os.dup2(nothing.fileno(), pipe)


def _end_with_watchdog() -> None:
    """Lets the kernel end the program if the watchdog is killed; there is no such thing outside Linux."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # 1 is PR_SET_PDEATHSIG of <linux/prctl.h>


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
