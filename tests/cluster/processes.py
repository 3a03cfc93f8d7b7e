"""A cluster of plain processes on this machine: real workers over pipes, without Ray, so that tests are fast."""

from __future__ import annotations

import asyncio
import multiprocessing
import pickle
import threading
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection
from typing import Any

from ste_graph.cluster.pool import LostWorkerError
from ste_graph.cluster.worker import Worker
from ste_graph.language.workflow import Workflow

SERVER = multiprocessing.get_context("forkserver")
"""Forks workers from a process that has imported everything, and has no threads yet."""

SERVER.set_forkserver_preload(["ste_graph.cluster.worker", "ste_graph.compile.graph", "ste_graph.simulated"])


def serve(pipe: Connection) -> None:
    """Run a worker, and call its methods as the pipe says."""
    loop = asyncio.new_event_loop()
    worker = Worker()
    sending = threading.Lock()

    async def call(number: int, method: str, arguments: tuple[Any, ...]) -> None:
        result = await getattr(worker, method)(*arguments)
        with sending:
            pipe.send_bytes(pickle.dumps((number, result)))

    def read() -> None:
        try:
            while True:
                asyncio.run_coroutine_threadsafe(call(*pickle.loads(pipe.recv_bytes())), loop)
        except (EOFError, OSError):
            loop.call_soon_threadsafe(loop.stop)

    threading.Thread(target=read, daemon=True).start()
    loop.run_forever()


class ProcessActor:
    """A worker in a process of its own (the contract `Actor`)."""

    def __init__(self) -> None:
        self._pipe, theirs = multiprocessing.Pipe()
        self.process = SERVER.Process(target=serve, args=(theirs,), daemon=True)
        self.process.start()
        theirs.close()
        self.given: list[bytes] = []
        """All that was sent to it."""
        self._loop = asyncio.get_running_loop()
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._number = 0
        self._sender = ThreadPoolExecutor(1)
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        try:
            while True:
                number, result = pickle.loads(self._pipe.recv_bytes())
                self._loop.call_soon_threadsafe(self._finish, number, result)
        except (EOFError, OSError):
            if not self._loop.is_closed():
                self._loop.call_soon_threadsafe(self._lose)

    def _finish(self, number: int, result: Any) -> None:
        if (waiting := self._waiting.pop(number, None)) is not None and not waiting.done():
            waiting.set_result(result)

    def _lose(self) -> None:
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(LostWorkerError("its process ended"))
        self._waiting.clear()

    def _call(self, method: str, *arguments: Any) -> asyncio.Future[Any]:
        self._number += 1
        waiting = self._waiting[self._number] = self._loop.create_future()
        sent = pickle.dumps((self._number, method, arguments))
        self.given.append(sent)
        if not self.process.is_alive():
            self._loop.call_soon(self._lose)
            return waiting
        try:
            self._pipe.send_bytes(sent)
        except OSError:
            self._loop.call_soon(self._lose)
        return waiting

    async def open_run(self, shipment: Any) -> Any:
        return await self._call("open_run", shipment)

    async def close_run(self, run: str) -> None:
        await self._call("close_run", run)

    async def take(self) -> Any:
        return await self._call("take")

    def give(self, orders: Any) -> None:
        self._call("give", orders).add_done_callback(lambda done: done.cancelled() or done.exception())

    def kill(self) -> None:
        self.process.kill()


class Processes:
    """A cluster (the contract `Cluster`) of so many processes."""

    name = "processes of this machine"
    sends_folder = False

    def __init__(self, cpus: int = 2) -> None:
        self.cpus = cpus
        self.is_connected = False
        self.actors: list[ProcessActor] = []

    async def connect(self, workflow: Workflow) -> None:
        self.is_connected = True

    async def disconnect(self) -> None:
        self.is_connected = False

    def start_worker(self, *, extra: bool = False) -> ProcessActor:
        self.actors.append(ProcessActor())
        return self.actors[-1]
