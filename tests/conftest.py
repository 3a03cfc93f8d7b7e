import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# A loaded machine is no fault of the code: generated cases have no time limit.
settings.register_profile("ste", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("ste")

# Exported embedders: kept from one `make test` to the next, and out of the home folder.
os.environ.setdefault("STE_CACHE", str(Path(__file__).parents[1] / "build" / "cache"))


@dataclass(frozen=True)
class CommandResult:
    """The exit code of a command, and the texts it printed."""

    code: int
    out: str
    err: str


@pytest.fixture
def ste(capsys: pytest.CaptureFixture[str]) -> Callable[..., CommandResult]:
    """The command `ste`, run in this process."""

    from ste_graph.cli import main

    def run(*arguments: object) -> CommandResult:
        code = main([str(argument) for argument in arguments])
        printed = capsys.readouterr()
        return CommandResult(code, printed.out, printed.err)

    return run


@contextmanager
def chroma(folder: Path) -> Iterator[str]:
    """The address of a Chroma server that keeps its data in `folder`."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [Path(sys.executable).with_name("chroma"), "run", "--path", folder, "--port", str(port)]
    server = subprocess.Popen([*command, "--host", "127.0.0.1"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until = time.monotonic() + 30
        while True:
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                break
            assert time.monotonic() < until, "chroma run does not answer"
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(timeout=10)


@pytest.fixture
def chroma_server(tmp_path: Path) -> Iterator[str]:
    """The address of a Chroma server of its own, with nothing in it."""
    with chroma(tmp_path / "server") as address:
        yield address


@pytest.fixture(scope="session")
def common_chroma_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a Chroma server for tests that keep apart by the names of their collections."""
    with chroma(tmp_path_factory.mktemp("server")) as address:
        yield address
