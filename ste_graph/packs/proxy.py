"""A proxy before a server of MCP that this program starts: lines go through as bytes, in both directions."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

from ste_graph.errors import RunError, WorkflowError
from ste_graph.packs.overlay import AnswerStream, Overlay
from ste_graph.parent_watchdog import watch_command

BUFFER_BYTES = 1 << 20
"""Bytes that a pipe holds and that are read at once, so that a long answer takes few turns between the programs."""
GRACE_S = 0.5
"""Seconds that the server has to end once it is asked to."""
CLOSE_S = 1.0
"""Seconds that it has to end by itself once its client is gone, or it says no more; clients give a server 2 in all."""


def serve_command(command: Sequence[str], overlay: Overlay, reading: IO[bytes], writing: IO[bytes]) -> None:
    """Stands between a client, on two streams, and the server that `command` starts, until one of them ends.

    The server has our environment and stderr, and runs in a process group of its own, which ends with this process.
    Raises `WorkflowError` if there is no such program, `RunError` if the server ends before its client does.
    """
    program = find_program(command[0])
    server = subprocess.Popen(
        watch_command([program, *command[1:]], grace_s=GRACE_S),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        pipesize=BUFFER_BYTES,
    )
    assert server.stdin is not None
    assert server.stdout is not None
    client_gone = threading.Event()
    threading.Thread(target=_send_requests, args=(reading, server, overlay, client_gone), daemon=True).start()
    try:
        _pass_answers(server.stdout, writing, AnswerStream(overlay))
    except BrokenPipeError:  # the client does not read any more
        client_gone.set()
    finally:
        with suppress(subprocess.TimeoutExpired):
            server.wait(CLOSE_S)
        server.terminate()
        status = server.wait()
        server.stdout.close()
        with suppress(OSError, ValueError):
            server.stdin.close()
    if not client_gone.is_set():
        shown = shlex.join(command)[:200]
        raise RunError(f"ste pack serve: the server ended before its client did (exit status {status}): {shown}")


def _send_requests(
    reading: IO[bytes], server: subprocess.Popen[bytes], overlay: Overlay, client_gone: threading.Event
) -> None:
    """Hands on what the client sends, until it ends; then the server's input ends too."""
    assert server.stdin is not None

    try:
        while line := reading.readline():
            overlay.note_request(line)
            server.stdin.write(line)
            server.stdin.flush()
        client_gone.set()
        server.stdin.close()
        with suppress(subprocess.TimeoutExpired):
            server.wait(CLOSE_S)
        server.terminate()
    except (OSError, ValueError):  # the server is gone, which the other direction tells
        return


def _pass_answers(reading: IO[bytes], writing: IO[bytes], stream: AnswerStream) -> None:
    """Hands on what the server sends, until it ends."""
    while part := os.read(reading.fileno(), BUFFER_BYTES):
        writing.write(stream.feed(part))
        writing.flush()
    writing.write(stream.finish())
    writing.flush()


def find_program(name: str) -> str:
    """The path of a program, looked up as a shell would. Raises `WorkflowError` if it is not found."""
    if os.sep in name and not Path(name).is_file():
        raise WorkflowError(f"ste pack serve: the server's program `{name}` does not exist; is the path right?")
    program = shutil.which(
        name, path=os.pathsep.join([os.environ.get("PATH", os.defpath), str(Path(sys.executable).parent)])
    )
    if program is None:
        where = "is not executable" if os.sep in name else "was not found on PATH"
        raise WorkflowError(
            f"ste pack serve: the server's program `{name}` {where}; expected the command that starts the server after "
            "`--`, as in: ste pack serve packs/mine -- uvx mcp-server-time"
        )
    return program
