"""The model servers of one run."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from ste_graph.models.model_server import ModelServer


class Servers:
    """Starts each server once, however many models ask for it, and ends all of them when the run ends."""

    def __init__(self, folder: Path, said: Callable[[str], None]) -> None:
        self._folder = folder
        self._said = said
        self._running: list[tuple[ModelServer, str]] = []
        self._stack = AsyncExitStack()

    async def at(self, server: ModelServer, name: str) -> str:
        """The address of its API, once it answers. `name` is the model's; the server's log is named for the first."""
        for known, address in self._running:
            if known == server:
                return address
        log = self._folder / f"vllm-{re.sub(r'[^A-Za-z0-9_.-]', '_', name)}.log"
        address = await self._stack.enter_async_context(server.running(log, self._said))
        self._running.append((server, address))
        return address

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()
