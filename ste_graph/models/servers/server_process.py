"""A model server that belongs to a run: started, waited for, started once more if it dies, and ended with the run."""

from __future__ import annotations

import asyncio
import os
import shlex
import socket
import time
from asyncio.subprocess import PIPE, Process, create_subprocess_exec
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from pydantic import Field

from ste_graph.contracts import Frozen
from ste_graph.errors import ModelError
from ste_graph.models.servers.servers import ModelServer
from ste_graph.parent_watchdog import watch_command

HOST = "127.0.0.1"
GRACE_S = 10.0
"""Seconds that the server has to end by itself: it lets go of shared memory then, which a kill would leave."""
LOOK_S = 0.2
REPORT_S = 5.0
"""Seconds between two reports of a start that goes no further."""
LOG_TAIL = 256 * 1024
"""Bytes of the log that are looked at."""


class ServerProcess(Frozen):
    """A server to start (a `ModelServer`) that says at `/health` when it is ready; subclasses know which."""

    title: ClassVar[str]
    """Its name, for messages."""

    command: tuple[str, ...]
    """The program and its arguments, without the port."""
    env: Mapping[str, str] = Field(default={}, repr=False)
    port: int = 0
    """The port to listen on; 0 takes a free one."""
    ready_s: float = 600.0

    @property
    def program(self) -> str:
        raise NotImplementedError

    @property
    def arguments(self) -> tuple[str, ...]:
        """The program and its arguments, without the port."""
        return self.command

    def find_stage(self, log: str) -> str:
        """The stage that the start has reached, as the log says; "" before anything is known."""
        return ""

    def find_error(self, log: str) -> str:
        """The line of the log that says best why the server ended."""
        return next((line.strip() for line in reversed(log.splitlines()) if line.strip()), "its log is empty")

    def find_reason(self, status: int, error: str) -> str:
        """The reason why it ended, and what to do."""
        return f"it ended with exit status {status}: {error}"

    def join(self, other: ModelServer) -> ModelServer | None:
        """The server that serves the models of both, if there is one."""
        return self if self == other else None

    @asynccontextmanager
    async def run(self, log: Path, progress: Callable[[str], None]) -> AsyncIterator[str]:
        port = self._free_port()
        command = [*self.arguments, "--port", str(port)]
        log.parent.mkdir(parents=True, exist_ok=True)
        running = [await self._start(command, log)]
        try:
            await self._wait_for_health(*running[0], port, progress)
            watching = asyncio.create_task(self._watch(running, command, port, progress))
            try:
                yield f"http://{HOST}:{port}/v1"
            finally:
                watching.cancel()
                await asyncio.gather(watching, return_exceptions=True)
        finally:
            await _end(running[0][0])

    async def _start(self, command: Sequence[str], log: Path) -> tuple[Process, _Tail]:
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
        return process, tail

    async def _watch(
        self, running: list[tuple[Process, _Tail]], command: Sequence[str], port: int, progress: Callable[[str], None]
    ) -> None:
        """Start the server once more where it ends while it is needed; requests wait for it meanwhile."""
        for again in (True, False):
            process, tail = running[0]
            status = await process.wait()
            ended = f"{self.title} has ended with exit status {status} while it was needed"
            then = "; starting it once more" if again else ""
            progress(f"{ended}: {self.find_error(tail.read())} (its log: {tail.log}){then}")
            if not again:
                return
            running[0] = await self._start(command, tail.log)
            try:
                await self._wait_for_health(*running[0], port, progress)
            except ModelError as error:
                progress(str(error))
                return

    def _free_port(self) -> int:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, self.port))
            except OSError as error:
                conflict = self.port_conflict(error.strerror or str(error))
                raise ModelError(f"{self.title} cannot start: {conflict}") from None
            return int(probe.getsockname()[1])

    async def _wait_for_health(self, process: Process, tail: _Tail, port: int, progress: Callable[[str], None]) -> None:
        import httpx

        began = time.monotonic()
        reported, now = -REPORT_S, ""
        # A proxy of the environment must not be asked for an address of this machine.
        async with httpx.AsyncClient(trust_env=False, timeout=2.0) as client:
            while process.returncode is None:
                passed = time.monotonic() - began
                if passed > self.ready_s:
                    raise ModelError(
                        f"{self.title} was not ready within {self.ready_s:g} s ({now or 'starting'});"
                        f" raise `ready_s`, or see its log: {tail.log}"
                    )
                with suppress(httpx.HTTPError):
                    answer = await client.get(f"http://{HOST}:{port}/health")
                    if answer.status_code == 200 and process.returncode is None:
                        progress(f"{self.title} is ready after {passed:.0f} s")
                        return
                before, now = now, self.find_stage(tail.read())
                if passed - reported >= REPORT_S or now != before:
                    reported = passed
                    progress(", ".join(filter(None, (f"starting {self.title} … {passed:.0f} s", now))))
                with suppress(TimeoutError):
                    await asyncio.wait_for(process.wait(), LOOK_S)
        reason = self.find_reason(process.returncode or 0, self.find_error(tail.read()))
        raise ModelError(f"{self.title} cannot start: {reason} (its log: {tail.log})")

    def port_conflict(self, error: str) -> str:
        """The advice about a port that is taken."""
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
