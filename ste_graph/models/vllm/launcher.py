"""Runs a server for as long as another process lives: `python launcher.py PID COMMAND…`, run as a file.

Standard input is a pipe whose other end only the process PID holds. When that end is closed, or PID is gone, or this
process is asked to end, the server is asked to end, and a little later its whole process group is killed. A death
signal on the server alone would not do: the engine and worker processes of vLLM 0.32 outlive a killed API server
(measured), with all the memory of the GPU. Needs nothing but Python, so that it starts at once.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
from collections.abc import Sequence

GRACE_S = 10.0
"""Seconds that the server has to end by itself: it lets go of shared memory then, which a kill would leave."""

LOOK_S = 0.25
"""Seconds between two looks at whether the server and PID are there."""

NOT_STARTED = 127
"""The exit status where the command cannot be executed, as shells have it."""


def main(parent: int, command: list[str]) -> int:
    """Run the command; its exit status, negative for the signal that ended it."""
    ended = []
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: ended.append(True))
    try:
        server = subprocess.Popen(command, stdin=subprocess.DEVNULL, process_group=0, preexec_fn=_end_with_launcher)
    except OSError as error:
        print(f"{command[0]}: cannot be executed: {error.strerror}", file=sys.stderr)
        return NOT_STARTED
    try:
        while server.poll() is None and not ended and os.getppid() == parent and not _closed():
            pass
        if server.poll() is None:
            server.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                server.wait(GRACE_S)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGKILL)
    return server.wait()


def watched(command: Sequence[str]) -> list[str]:
    """The command line that runs `command` for as long as this process lives."""
    return [sys.executable, "-I", os.path.abspath(__file__), str(os.getpid()), *command]


def _closed() -> bool:
    """Whether the other end of the pipe is closed; waits a moment for that."""
    return bool(select.select([0], [], [], LOOK_S)[0])


def _end_with_launcher() -> None:
    """Let the kernel end the server if this process is killed; there is no such thing outside Linux."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # 1 is PR_SET_PDEATHSIG of <linux/prctl.h>


if __name__ == "__main__":
    status = main(int(sys.argv[1]), sys.argv[2:])
    sys.exit(status if status >= 0 else 128 - status)
