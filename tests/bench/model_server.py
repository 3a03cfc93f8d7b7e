"""A chat server in a process of its own, which notes when the first chat came in and the last reply went out."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.servers.chat import Answer, ChatServer, Proceed, Request

ROOT = Path(__file__).parents[2]


class Timed:
    """A behaviour that takes its time for each chat, and notes when the first one began and the last reply went.

    Questions about the server itself, which come before a run, are answered at once.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.began = self.ended = 0.0

    def __call__(self, request: Request, proceed: Proceed) -> Answer:
        if not request.is_chat:
            return proceed(request)
        due = time.monotonic() + self.seconds
        self.began = self.began or due - self.seconds
        answer = proceed(request)
        time.sleep(max(0.0, due - time.monotonic()))
        self.ended = time.monotonic()
        return answer


class Server:
    """A server that runs elsewhere; `calls` and `seconds` are known when it has ended."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.calls = 0
        self.seconds = 0.0


@contextmanager
def start_server(seconds: float = 0.0) -> Iterator[Server]:
    """Run a server that takes `seconds` for each reply, for as long as the block lasts."""
    command = [sys.executable, "-m", "tests.bench.model_server", str(seconds)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        server = Server(json.loads(process.stdout.readline()))
        yield server
        noted = json.loads(process.communicate()[0])
        server.calls, server.seconds = noted["calls"], noted["seconds"]


def main() -> None:
    """Serve until the standard input ends, and then print what was noted."""
    timed = Timed(float(sys.argv[1]))
    with ChatServer(timed, context=1_000_000) as server:
        print(json.dumps(server.url), flush=True)
        sys.stdin.read()
        cpu = time.process_time()
        print(json.dumps({"calls": len(server.requests), "seconds": timed.ended - timed.began, "cpu": cpu}), flush=True)


if __name__ == "__main__":
    main()
