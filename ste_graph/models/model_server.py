"""A model server that belongs to a run: started, waited for, and ended with it."""

from __future__ import annotations

import asyncio
import os
import shlex
import signal
import socket
import sys
import time
from asyncio.subprocess import PIPE, Process, create_subprocess_exec
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from pydantic import Field

from ste_graph.contracts import Frozen
from ste_graph.errors import ModelError
from ste_graph.models import server_log
from ste_graph.models.launcher import GRACE_S

HOST = "127.0.0.1"
LAUNCHER = Path(__file__).with_name("launcher.py")
LOOK_S = 0.2
SAY_S = 5.0
"""Seconds between two words about a start that goes no further."""
LOG_TAIL = 256 * 1024
"""Bytes of the log that are looked at."""


class ModelServer(Frozen):
    """A vLLM server to start. Models with equal ones share one."""

    command: tuple[str, ...]
    """The program and its arguments, without the port."""
    env: Mapping[str, str] = Field(default={}, repr=False)
    model: str
    """The model as the settings name it, for messages."""
    port: int = 0
    """The port to listen on; 0 takes a free one."""
    ready_s: float = 600.0

    @asynccontextmanager
    async def running(self, log: Path, said: Callable[[str], None]) -> AsyncIterator[str]:
        """Run it, with its log in the file `log`; gives the address of its API once it answers.

        Raises:
            ModelError: it cannot be started, ended, or was not ready in time. One sentence says why.
        """
        port = self._free_port()
        command = [*self.command, "--port", str(port)]
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as file:
            file.write(f"$ {shlex.join(command)}\n".encode())
            file.flush()
            start = file.tell()
            process = await create_subprocess_exec(
                sys.executable, "-I", str(LAUNCHER), str(os.getpid()), *command,
                stdin=PIPE, stdout=file, stderr=file, env={**os.environ, **self.env}, start_new_session=True,
            )  # fmt: skip
        try:
            await self._ready(process, port, log, start, said)
            watching = asyncio.create_task(_tell_end(process, log, start, said))
            try:
                yield f"http://{HOST}:{port}/v1"
            finally:
                watching.cancel()
        finally:
            await _end(process)

    def _free_port(self) -> int:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, self.port))
            except OSError as error:
                raise ModelError(f"vLLM cannot start: {self._port_taken(error.strerror or str(error))}") from None
            return int(probe.getsockname()[1])

    async def _ready(self, process: Process, port: int, log: Path, start: int, said: Callable[[str], None]) -> None:
        import httpx

        began = time.monotonic()
        spoken, stage = -SAY_S, ""
        # A proxy of the environment must not be asked for an address of this machine.
        async with httpx.AsyncClient(trust_env=False, timeout=2.0) as client:
            while process.returncode is None:
                passed = time.monotonic() - began
                if passed > self.ready_s:
                    raise ModelError(
                        f"vLLM was not ready within {self.ready_s:g} s ({stage or 'starting'});"
                        f" raise `ready_s`, or see its log: {log}"
                    )
                with suppress(httpx.HTTPError):
                    answer = await client.get(f"http://{HOST}:{port}/health")
                    if answer.status_code == 200 and process.returncode is None:
                        said(f"vLLM is ready after {passed:.0f} s")
                        return
                before, stage = stage, _stage(log, start)
                if passed - spoken >= SAY_S or stage != before:
                    spoken = passed
                    said(", ".join(filter(None, (f"starting vLLM … {passed:.0f} s", stage))))
                with suppress(TimeoutError):
                    await asyncio.wait_for(process.wait(), LOOK_S)
        why = self._why(process.returncode or 0, server_log.fault(_tail(log, start)))
        raise ModelError(f"vLLM cannot start: {why} (its log: {log})")

    def _why(self, status: int, fault: str) -> str:
        """What went wrong, and what to do."""
        killed = status == 128 + signal.SIGKILL
        match "memory" if killed else server_log.cause(fault):
            case "package":
                return (
                    f"{self.command[0]} has no package `vllm`; pip install 'ste-graph[vllm]', or set `python` to the"
                    " interpreter of an environment that has it"
                )
            case "model":
                return (
                    f"there is no model `{self.model}` ({fault}); set `model` to a name on the hub that this machine"
                    " can reach, or to a folder (`./folder`)"
                )
            case "memory":
                said = "it was killed, as the system does when memory runs out" if killed else fault
                return (
                    f"memory ran out ({said}); take a smaller model, or set `max_model_len` or"
                    " `gpu_memory_utilization` in `args`, or end what else uses the memory"
                )
            case "port":
                return self._port_taken(fault)
        return f"it ended with exit status {status}: {fault}"

    def _port_taken(self, fault: str) -> str:
        if not self.port:
            return f"the port that was free a moment ago is not any more ({fault}); run again"
        return (
            f"port {self.port} is taken ({fault}); leave `port` out to take a free one, or set `url` to use the server"
            " that listens there"
        )


async def _tell_end(process: Process, log: Path, start: int, said: Callable[[str], None]) -> None:
    """The requests that fail then say only that nobody answers."""
    status = await process.wait()
    fault = server_log.fault(_tail(log, start))
    said(f"vLLM has ended with exit status {status} while it was needed: {fault} (its log: {log})")


async def _end(process: Process) -> None:
    """Let the launcher end the server, also where the caller is cancelled once more while it waits."""
    if process.returncode is None:
        process.terminate()  # the pipe alone would not do: a fork of this process may hold it too
    if process.stdin is not None:
        process.stdin.close()
    try:
        await asyncio.wait_for(process.wait(), GRACE_S + 5)
    except TimeoutError:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


def _stage(log: Path, start: int) -> str:
    return server_log.stage(_tail(log, start))


def _tail(log: Path, start: int) -> str:
    """What the server has written since `start`, at most the last part of it."""
    with log.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(start, size - LOG_TAIL))
        return file.read().decode("utf-8", "replace")
