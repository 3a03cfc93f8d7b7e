"""An event loop whose time is virtual, and a server in it with few slots."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar

import httpx
from openai import APIStatusError

from ste_graph.contracts import ModelRequest, Usage
from ste_graph.models.adapter import Adapter, RawReply
from ste_graph.models.servers.server_facts import ServerFacts

T = TypeVar("T")


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """Never waits: where nothing is left to do, the clock jumps to the next timer."""

    def __init__(self) -> None:
        super().__init__()
        self._now = 0.0
        select = self._selector.select  # type: ignore[attr-defined]

        def jump(timeout: float | None = None) -> Any:
            self._now += timeout or 0.0
            return select(0)

        self._selector.select = jump  # type: ignore[attr-defined]

    def time(self) -> float:
        return self._now


def run_in_virtual_time(main: Coroutine[Any, Any, T]) -> T:
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(main)


@dataclass
class SlotServer:
    """Serves `slots` requests at once, first come, first served; one that is given up leaves its queue or slot."""

    slots: int
    seconds: float
    """The time of a reply of `tokens` tokens."""
    tokens: int = 100
    parts: tuple[float, ...] = (1.0,)
    """Lengths of replies, as parts of `seconds` and `tokens`, by the seed in turn."""
    room: int | None = None
    """The most requests inside, waiting or not; one more gets the status `full`."""
    full: int = 503
    abort: bool = False
    """True if one request too many ends all that are under way."""
    batching: float = 0.0
    """By how much each further request under way slows down a reply, as a part of its time."""
    tells_slots: bool = False
    inside: int = 0
    most: int = 0
    asked: int = 0
    _under_way: set[asyncio.Future[None]] = field(default_factory=set)
    _slots: asyncio.Semaphore | None = None

    async def ask(self, request: ModelRequest) -> RawReply:
        self._slots = self._slots or asyncio.Semaphore(self.slots)
        self.asked += 1
        if self.room is not None and self.inside >= self.room:
            if self.abort:
                for ended in self._under_way:
                    if not ended.done():
                        ended.set_exception(status_error(self.full))
            raise status_error(self.full)
        self.inside += 1
        self.most = max(self.most, self.inside)
        loop = asyncio.get_running_loop()
        ended = loop.create_future()
        try:
            async with self._slots:
                self._under_way.add(ended)
                part = self.parts[request.seed % len(self.parts)]
                seconds = self.seconds * part * (1 + self.batching * (len(self._under_way) - 1))
                timer = loop.call_later(seconds, lambda: ended.done() or ended.set_result(None))
                try:
                    await ended
                finally:
                    timer.cancel()
                return RawReply("yes", usage=Usage(prompt_tokens=50, completion_tokens=round(self.tokens * part)))
        finally:
            self._under_way.discard(ended)
            self.inside -= 1

    async def close(self) -> None: ...


def status_error(status: int) -> APIStatusError:
    response = httpx.Response(status, request=httpx.Request("POST", "http://server/v1"), json={"error": "too much"})
    return APIStatusError("too much", response=response, body=None)


class SlotModel(Adapter):
    """A model on a `SlotServer`."""

    server: Any
    timeout_s: float = 120.0

    @property
    def label(self) -> str:
        return "slow"

    @property
    def location(self) -> str:
        return "http://server/v1"

    @property
    def attempt_s(self) -> float:
        return self.timeout_s

    def open_client(self) -> SlotServer:
        assert isinstance(self.server, SlotServer)
        return self.server

    async def read_facts(self) -> ServerFacts:
        return ServerFacts(slots=self.server.slots if self.server.tells_slots else None)
