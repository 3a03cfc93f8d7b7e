"""The model servers that belong to a run."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self


class ModelServer(Protocol):
    """A server to start."""

    @property
    def program(self) -> str:
        """The name of the program to start, with which the name of its log begins."""

    def join(self, other: ModelServer) -> ModelServer | None:
        """The server that serves the models of both, if there is one; a server itself where the two are equal."""

    def run(self, log: Path, progress: Callable[[str], None]) -> AbstractAsyncContextManager[str]:
        """Run it, with its log in the file `log`; gives the address of its API once it answers.

        Raises `ModelError`, in one sentence, if it cannot be started, ended, or was not ready in time.
        """


@dataclass(eq=False, slots=True)
class _RunningServer:
    """A server that runs, and how many parts of the run use it."""

    server: ModelServer
    address: str
    stack: AsyncExitStack
    users: set[object] = field(default_factory=set)


class Servers:
    """Starts each server once, however many models and parts of a run ask for it.

    A server outlives the part that asked for it, as the next one may need it too. It ends with the run, or before
    another server starts, or when a part begins that does without it: it may hold all the memory there is.
    """

    def __init__(self, folder: Path, progress: Callable[[str], None]) -> None:
        self._folder = folder
        self._progress = progress
        self._running: list[_RunningServer] = []
        self._starting = asyncio.Lock()

    @asynccontextmanager
    async def part(self) -> AsyncIterator[PartServers]:
        """The servers of one part of the run, in use until the end of the context."""
        part = PartServers(self)
        try:
            yield part
        finally:
            for running in self._running:
                running.users.discard(part)

    async def start(self, server: ModelServer, name: str, part: PartServers) -> str:
        """Return the address of a server's API, once it answers; see `PartServers.start`."""
        async with self._starting:
            for running in self._running:
                if running.server.join(server) == running.server:
                    running.users.add(part)
                    return running.address
            await self._end_unused()
            log = self._folder / f"{server.program}-{re.sub(r'[^A-Za-z0-9_.-]', '_', name)}.log"
            stack = AsyncExitStack()
            address = await stack.enter_async_context(server.run(log, self._progress))
            self._running.append(_RunningServer(server, address, stack, {part}))
            return address

    async def end_unused(self) -> None:
        """End the servers that no part uses now."""
        async with self._starting:
            await self._end_unused()

    async def _end_unused(self) -> None:
        for running in [running for running in self._running if not running.users]:
            self._running.remove(running)
            await running.stack.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        while self._running:
            await self._running.pop().stack.aclose()


class PartServers:
    """The servers of one part of a run."""

    def __init__(self, servers: Servers) -> None:
        self._servers = servers
        self._expected: list[ModelServer] = []

    def expect(self, server: ModelServer) -> None:
        """Let models that can share a server have one, before the first of them asks for it."""
        for number, known in enumerate(self._expected):
            if (joined := known.join(server)) is not None:
                self._expected[number] = joined
                return
        self._expected.append(server)

    async def start(self, server: ModelServer, name: str) -> str:
        """Return the address of its API, once it answers. `name` is the model's; the log is named for the first."""
        joined = next((known for known in self._expected if known.join(server) == known), server)
        return await self._servers.start(joined, name, self)
