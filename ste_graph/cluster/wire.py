"""The messages between the driver of a run and its workers, and the worker's end of the line."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from itertools import count
from typing import Any, NamedTuple, TypeAlias

from ste_graph.contracts import Json, Observation
from ste_graph.errors import RunError, SteError
from ste_graph.run.logs.logged_step import LoggedStep
from ste_graph.tracebacks import full_traceback


class UnitKey(NamedTuple):
    """A unit on a worker, and the run that it is part of."""

    run: str
    unit: str


@dataclass(frozen=True, slots=True)
class Fault:
    """An error on its way to another process, where its class may not exist and its causes cannot go."""

    home: str
    name: str
    text: str
    traceback: str | None = None
    step: str = ""
    token: int | None = None
    """Of an error that the driver raised: its number there."""

    @classmethod
    def of(cls, error: BaseException, token: int | None = None) -> Fault:
        """The fault that an error is."""
        kind, text = type(error), str(error)
        if not isinstance(error, SteError):
            kind, text = RunError, f"{type(error).__name__}: {error}"
        token = getattr(error, "token", None) if token is None else token
        return cls(kind.__module__, kind.__qualname__, text, full_traceback(error), getattr(error, "step", ""), token)

    def to_error(self) -> SteError:
        """The error, of the same class where that can be made from its text."""
        try:
            error: SteError = getattr(import_module(self.home), self.name)(self.text)
        except Exception:  # a class that wants more than a text
            error = RunError(self.text)
        vars(error).update({"token": self.token, "remote_traceback": self.traceback})
        if self.step:
            vars(error)["step"] = self.step
        return error


@dataclass(frozen=True, slots=True)
class ServiceCall:
    """A service of the driver that a unit asks for; without a number it wants no answer."""

    key: UnitKey
    service: str
    arguments: tuple[Any, ...]
    options: Mapping[str, Any]
    number: int | None = None


@dataclass(frozen=True, slots=True)
class ServiceAnswer:
    """The result of a call."""

    number: int | None
    value: Any = None
    fault: Fault | None = None


@dataclass(frozen=True, slots=True)
class StartUnit:
    """A unit to run, from where its log ends."""

    key: UnitKey
    item: Json
    tools: Mapping[str, str]
    """The fingerprints of the tools that it is offered, by name."""
    log_path: str
    finished: Mapping[str, LoggedStep]
    started_calls: frozenset[str]
    answers: Mapping[str, tuple[str, Observation]]


@dataclass(frozen=True, slots=True)
class StopUnit:
    """A unit to stop; `at_once`: without waiting for calls that may change the world."""

    key: UnitKey
    at_once: bool


Order: TypeAlias = ServiceAnswer | StartUnit | StopUnit
"""A message of the driver to a worker."""


class Line:
    """The worker's end: calls go into a box that the driver empties, and their answers come back by number."""

    def __init__(self) -> None:
        self._box: list[ServiceCall] = []
        self._filled = asyncio.Event()
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._numbers = count()

    async def ask(self, key: UnitKey, service: str, *arguments: Any, **options: Any) -> Any:
        """The driver's answer. Raises the `SteError` that the driver met."""
        number = next(self._numbers)
        answer = self._waiting[number] = asyncio.get_running_loop().create_future()
        self._put(ServiceCall(key, service, arguments, options, number))
        try:
            return await answer
        finally:
            self._waiting.pop(number, None)

    def tell(self, key: UnitKey, service: str, *arguments: Any, **options: Any) -> None:
        """Tell the driver something, before all that is asked or told later."""
        self._put(ServiceCall(key, service, arguments, options))

    async def take(self) -> list[ServiceCall]:
        """All that has gathered, as soon as there is something."""
        await self._filled.wait()
        await asyncio.sleep(0)  # what other units are about to say goes along
        box, self._box = self._box, []
        self._filled.clear()
        return box

    def receive(self, answers: Sequence[ServiceAnswer]) -> None:
        """Let those go on who wait for these answers."""
        for answer in answers:
            waiting = None if answer.number is None else self._waiting.pop(answer.number, None)
            if waiting is None or waiting.done():
                continue
            if answer.fault is not None:
                waiting.set_exception(answer.fault.to_error())
            else:
                waiting.set_result(answer.value)

    def _put(self, call: ServiceCall) -> None:
        self._box.append(call)
        self._filled.set()
