"""The workers of a cluster as the driver has them: what each runs, and what becomes of that when one is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass, field
from typing import Any, Protocol

from ste_graph.cluster.services import ASKED, TOLD, UnitServices
from ste_graph.cluster.shipment import Shipment
from ste_graph.cluster.wire import Fault, Order, ServiceAnswer, ServiceCall, StartUnit, StopUnit, UnitKey
from ste_graph.errors import BudgetSpentError, RunError, SteError


class LostWorkerError(Exception):
    """A worker is gone, with its process or its node; its units go on elsewhere."""


class Actor(Protocol):
    """A worker's process, see `ste_graph.cluster.worker.Worker`. All raise `LostWorkerError` when it is gone."""

    async def open_run(self, shipment: Shipment) -> Fault | None:
        """Open a run there."""

    async def close_run(self, run: str) -> None:
        """Close a run there."""

    async def take(self) -> list[ServiceCall]:
        """The next calls of its units."""

    def give(self, orders: list[Order]) -> None:
        """Send answers and orders, without waiting."""

    def kill(self) -> None:
        """End the process at once."""


@dataclass(slots=True)
class _Session:
    """A unit on a worker."""

    services: UnitServices
    ended: asyncio.Future[tuple[str, ...]]
    tasks: set[asyncio.Task[None]] = field(default_factory=set)


class WorkerHandle:
    """One worker: it runs units and serves what they ask for."""

    def __init__(self, actor: Actor) -> None:
        self.actor = actor
        self.is_lost = False
        self._sessions: dict[UnitKey, _Session] = {}
        self._orders: list[Order] = []
        self._errors: list[SteError] = []
        """Errors that units were told of, by their tokens: one that comes back is the same."""
        self._pump = asyncio.create_task(self._serve_all())

    @property
    def load(self) -> int:
        """The number of units that it runs."""
        return len(self._sessions)

    async def open_run(self, shipment: Shipment) -> None:
        """Open a run there. Raises `SteError` if it cannot be, and `LostWorkerError`."""
        fault = await self.actor.open_run(shipment)
        if fault is not None:
            raise fault.to_error()

    async def run_unit(self, start: StartUnit, services: UnitServices) -> tuple[str, ...]:
        """Run a unit to its end; the faults of its tools' schemas. Raises what ended it, and `LostWorkerError`."""
        session = _Session(services, asyncio.get_running_loop().create_future())
        if self.is_lost:
            raise LostWorkerError
        self._sessions[start.key] = session
        self._send(start)
        try:
            return await session.ended
        except asyncio.CancelledError:
            self.stop_unit(start.key, at_once=True)
            raise
        finally:
            self._sessions.pop(start.key, None)
            for task in session.tasks:
                task.cancel()
            await asyncio.gather(*session.tasks, return_exceptions=True)
            services.forget_open_calls()

    def stop_unit(self, key: UnitKey, *, at_once: bool = False) -> None:
        """Stop a unit. It ends when it is at rest: calls that may change the world are waited for."""
        self._send(StopUnit(key, at_once))

    async def close(self) -> None:
        """End the worker."""
        self._pump.cancel()
        await asyncio.gather(self._pump, return_exceptions=True)
        self.actor.kill()

    async def _serve_all(self) -> None:
        try:
            while True:
                for call in await self.actor.take():
                    self._receive(call)
        except LostWorkerError as error:
            self.is_lost = True
            self.actor.kill()  # it may be cut off and not dead: nothing of it counts any more
            for session in self._sessions.values():
                if not session.ended.done():
                    session.ended.set_exception(LostWorkerError(str(error)))

    def _receive(self, call: ServiceCall) -> None:
        session = self._sessions.get(call.key)
        if session is None:  # it was given up
            return
        if call.service == "end_unit":
            fault, faults = call.arguments
            if session.ended.done():
                return
            if fault is None:
                session.ended.set_result(faults)
            else:
                session.ended.set_exception(self._find_error(fault))
        elif call.service in TOLD:
            TOLD[call.service](session.services, *call.arguments)
        else:  # tasks begin in this order
            task = asyncio.create_task(self._answer(session, call))
            session.tasks.add(task)
            task.add_done_callback(session.tasks.discard)

    async def _answer(self, session: _Session, call: ServiceCall) -> None:
        asked: Awaitable[Any] = ASKED[call.service](session.services, *call.arguments, **call.options)
        try:
            answer = ServiceAnswer(call.number, await asked)
        except (BudgetSpentError, RunError) as error:  # they pass through the unit as they are
            self._errors.append(error)
            answer = ServiceAnswer(call.number, fault=Fault.of(error, token=len(self._errors) - 1))
        except Exception as error:
            answer = ServiceAnswer(call.number, fault=Fault.of(error))
        if call.number is not None:
            self._send(answer)
        elif answer.fault is not None and not session.ended.done():  # nobody on the worker waits for it
            session.ended.set_exception(self._find_error(answer.fault))

    def _find_error(self, fault: Fault) -> SteError:
        error = fault.to_error()
        if fault.token is None:
            return error
        known = self._errors[fault.token]
        vars(known)["step"] = fault.step or getattr(known, "step", "")
        return known

    def _send(self, order: Order) -> None:
        """Send an order, together with all others of this moment."""
        self._orders.append(order)
        if len(self._orders) == 1:
            asyncio.get_running_loop().call_soon(self._flush)

    def _flush(self) -> None:
        orders, self._orders = self._orders, []
        if not self.is_lost:
            self.actor.give(orders)
