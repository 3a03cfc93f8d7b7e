"""Control from another terminal, by a small file in the run's folder: to stop, to pause, to go on, to set a limit."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final, Literal

from pydantic import PositiveInt, ValidationError

from ste_graph.contracts import Frozen
from ste_graph.files.atomic import write_atomically
from ste_graph.models.limiters import Limiters

CONTROL_FILE: Final = "control.json"
LOOK_S: Final = 0.5
"""The seconds between two looks at the file."""


class Control(Frozen):
    """The requests made of a run; `concurrency` bounds the requests in flight at each model server, None as before."""

    state: Literal["going", "paused", "stopped"] = "going"
    concurrency: PositiveInt | None = None


def read_control(run: Path) -> Control:
    """The requests made of a run. A file that is missing or makes no sense asks nothing."""
    try:
        return Control.model_validate(json.loads((run / CONTROL_FILE).read_text("utf-8")))
    except (OSError, ValueError, ValidationError):
        return Control()


def write_control(run: Path, control: Control) -> None:
    """Ask this of a run. Raises `RunError` if the file cannot be written."""
    write_atomically(run / CONTROL_FILE, control.model_dump_json() + "\n")


class RunControl:
    """Does what the file of a run asks, for the run and all its sub-workflows."""

    def __init__(self, run: Path, stop: asyncio.Event, limiters: Limiters, message: Callable[[str], None]) -> None:
        self._run = run
        self._stop = stop
        self._limiters = limiters
        self._message = message
        self._known = Control()
        self._going = asyncio.Event()
        self._going.set()

    async def proceed(self) -> None:
        """Wait while the run is paused."""
        await self._going.wait()

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        """Look at the file meanwhile. What it asked of an earlier process is forgotten."""
        with suppress(OSError):
            (self._run / CONTROL_FILE).unlink()
        task = asyncio.create_task(self._watch())
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(LOOK_S)
            if (asked := read_control(self._run)) != self._known:
                self._known = asked
                self._follow(asked)

    def _follow(self, asked: Control) -> None:
        if asked.concurrency is not None:
            self._limiters.bound(asked.concurrency)
            self._message(f"at most {asked.concurrency} requests at once from now on, as asked from another terminal")
        if asked.state == "stopped":
            self._message("stopping, as asked from another terminal")
            self._stop.set()
        elif asked.state == "paused":
            self._message("paused from another terminal: what is under way ends, and nothing new begins")
            self._going.clear()
        elif not self._going.is_set():
            self._message("going on")
            self._going.set()
