"""A vLLM server that belongs to a run: started, waited for, and ended with it."""

from __future__ import annotations

import asyncio
import os
import shlex
import signal
import socket
import time
from asyncio.subprocess import PIPE, Process, create_subprocess_exec
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from pydantic import Field

from ste_graph.contracts import Frozen
from ste_graph.errors import ModelError
from ste_graph.models.vllm.log import cause, last_error, stage
from ste_graph.parent_watchdog import watch_command

HOST = "127.0.0.1"
GRACE_S = 10.0
"""Seconds that the server has to end by itself: it lets go of shared memory then, which a kill would leave."""
LOOK_S = 0.2
REPORT_S = 5.0
"""Seconds between two reports of a start that goes no further."""
LOG_TAIL = 256 * 1024
"""Bytes of the log that are looked at."""


class VLLMServer(Frozen):
    """A vLLM server to start (a `ModelServer`)."""

    command: tuple[str, ...]
    """The program and its arguments, without the port."""
    env: Mapping[str, str] = Field(default={}, repr=False)
    model: str
    """The model as the settings name it, for messages."""
    port: int = 0
    """The port to listen on; 0 takes a free one."""
    ready_s: float = 600.0

    @property
    def program(self) -> str:
        return "vllm"

    @asynccontextmanager
    async def run(self, log: Path, progress: Callable[[str], None]) -> AsyncIterator[str]:
        port = self._free_port()
        command = [*self.command, "--port", str(port)]
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as file:
            file.write(f"$ {shlex.join(command)}\n".encode())
            file.flush()
            tail = _Tail(log, file.tell())
            process = await create_subprocess_exec(
                *watch_command(command, grace_s=GRACE_S, lifeline=True),
                stdin=PIPE,
                stdout=file,
                stderr=file,
                env={**os.environ, **self.env},
                start_new_session=True,
            )
        try:
            await self._wait_for_health(process, port, tail, progress)
            watching = asyncio.create_task(_report_end(process, tail, progress))
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
                raise ModelError(f"vLLM cannot start: {self._port_conflict(error.strerror or str(error))}") from None
            return int(probe.getsockname()[1])

    async def _wait_for_health(self, process: Process, port: int, tail: _Tail, progress: Callable[[str], None]) -> None:
        import httpx

        began = time.monotonic()
        reported, now = -REPORT_S, ""
        # A proxy of the environment must not be asked for an address of this machine.
        async with httpx.AsyncClient(trust_env=False, timeout=2.0) as client:
            while process.returncode is None:
                passed = time.monotonic() - began
                if passed > self.ready_s:
                    raise ModelError(
                        f"vLLM was not ready within {self.ready_s:g} s ({now or 'starting'});"
                        f" raise `ready_s`, or see its log: {tail.log}"
                    )
                with suppress(httpx.HTTPError):
                    answer = await client.get(f"http://{HOST}:{port}/health")
                    if answer.status_code == 200 and process.returncode is None:
                        progress(f"vLLM is ready after {passed:.0f} s")
                        return
                before, now = now, stage(tail.read())
                if passed - reported >= REPORT_S or now != before:
                    reported = passed
                    progress(", ".join(filter(None, (f"starting vLLM … {passed:.0f} s", now))))
                with suppress(TimeoutError):
                    await asyncio.wait_for(process.wait(), LOOK_S)
        reason = self._reason(process.returncode or 0, last_error(tail.read()))
        raise ModelError(f"vLLM cannot start: {reason} (its log: {tail.log})")

    def _reason(self, status: int, error: str) -> str:
        """The reason why it ended, and what to do."""
        killed = status == 128 + signal.SIGKILL
        match "memory" if killed else cause(error):
            case "package":
                return (
                    f"{self.command[0]} has no package `vllm`; pip install 'ste-graph[vllm]', or set `python` to the"
                    " interpreter of an environment that has it"
                )
            case "model":
                return (
                    f"model `{self.model}` was not found ({error}); set `model` to a name on the hub that this machine"
                    " can reach, or to a folder (`./folder`)"
                )
            case "memory":
                detail = "it was killed, as the system does when memory runs out" if killed else error
                return (
                    f"memory ran out ({detail}); take a smaller model, or set `max_model_len` or"
                    " `gpu_memory_utilization` in `args`, or end what else uses the memory"
                )
            case "port":
                return self._port_conflict(error)
        return f"it ended with exit status {status}: {error}"

    def _port_conflict(self, error: str) -> str:
        if not self.port:
            return f"the port that was free a moment ago is not any more ({error}); run again"
        return (
            f"port {self.port} is taken ({error}); leave `port` out to take a free one, or set `url` to use the server"
            " that listens there"
        )


@dataclass(frozen=True, slots=True)
class _Tail:
    """The log of one start: what the server has written since, at most the last part of it."""

    log: Path
    start: int

    def read(self) -> str:
        with self.log.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(self.start, size - LOG_TAIL))
            return file.read().decode("utf-8", "replace")


async def _report_end(process: Process, tail: _Tail, progress: Callable[[str], None]) -> None:
    """Say why the server ended: the requests that fail then say only that nobody answers."""
    status = await process.wait()
    progress(
        f"vLLM has ended with exit status {status} while it was needed: {last_error(tail.read())} (its log: {tail.log})"
    )


async def _end(process: Process) -> None:
    """Let the watchdog end the server, also where the caller is cancelled once more while it waits."""
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
