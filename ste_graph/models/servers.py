"""The model servers that belong to a run."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self


class ModelServer(Protocol):
    """A server to start. Models with equal ones share one."""

    @property
    def program(self) -> str:
        """The name of what is started, with which the name of its log begins."""

    def run(self, log: Path, progress: Callable[[str], None]) -> AbstractAsyncContextManager[str]:
        """Run it, with its log in the file `log`; gives the address of its API once it answers.

        Raises `ModelError`, in one sentence, if it cannot be started, ended, or was not ready in time.
        """


class Servers:
    """Starts each server once, however many models ask for it, and ends all of them when the run ends."""

    def __init__(self, folder: Path, progress: Callable[[str], None]) -> None:
        self._folder = folder
        self._progress = progress
        self._running: list[tuple[ModelServer, str]] = []
        self._stack = AsyncExitStack()

    async def start(self, server: ModelServer, name: str) -> str:
        """Return the address of its API, once it answers. `name` is the model's; the log is named for the first."""
        for known, address in self._running:
            if known == server:
                return address
        log = self._folder / f"{server.program}-{re.sub(r'[^A-Za-z0-9_.-]', '_', name)}.log"
        address = await self._stack.enter_async_context(server.run(log, self._progress))
        self._running.append((server, address))
        return address

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()
