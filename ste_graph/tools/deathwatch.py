"""Runs a server that must not outlive its owner: `python deathwatch.py OWNER NAMES COMMAND ARGUMENT…`.

Not even a SIGKILL of the owner leaves the server behind. This program stays between the two, in a session and process
group of its own: when the owner is gone, the server, whose stdin has ended by then, has some seconds to end by itself;
after that the whole group is killed. It imports nothing but the standard library and runs wherever POSIX does; Linux'
parent-death signal would do neither for servers that a launcher such as `npx` starts as a child of its own.

NAMES lists, with commas, the environment variables that the server gets. Values come through the environment, where
other users cannot read them.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence

LOOK_EVERY_S = 0.5
GRACE_S = 2.0
NOT_FOUND = 127
NOT_EXECUTABLE = 126


def main(owner: str, names: str, *command: str) -> int:
    """Run the command until it ends or the owner does; gives its exit code, as a shell would."""
    wanted = set(names.split(","))
    environment = {name: value for name, value in os.environ.items() if name in wanted}
    for ending in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):  # the group gets them too: wait for the server
        signal.signal(ending, lambda *_: None)
    try:
        server = subprocess.Popen(command, env=environment)
    except OSError as fault:
        print(f"{command[0]}: {fault.strerror}", file=sys.stderr)
        return NOT_FOUND if isinstance(fault, FileNotFoundError) else NOT_EXECUTABLE
    with open(os.devnull, "r+b") as nothing:  # the pipes are the server's: when it closes one, the owner must see it
        for pipe in (0, 1):
            os.dup2(nothing.fileno(), pipe)
    threading.Thread(target=watch, args=(int(owner),), daemon=True).start()
    code = server.wait()
    return code if code >= 0 else 128 - code


def watch(owner: int) -> None:
    """Wait until the owner is gone, then end everything here."""
    while os.getppid() == owner:
        time.sleep(LOOK_EVERY_S)
    time.sleep(GRACE_S)
    os.killpg(0, signal.SIGKILL)


def watched(command: Sequence[str], names: Sequence[str]) -> list[str]:
    """The command line that runs `command` under the watch of this process."""
    if sys.platform == "win32":  # the MCP client ties the server to a job object there
        return list(command)
    return [sys.executable, "-I", "-S", os.path.abspath(__file__), str(os.getpid()), ",".join(names), *command]


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
