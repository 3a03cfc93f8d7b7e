"""The services of a run as a unit on a worker has them: each asks the driver, which owns the real one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from ste_graph.cluster.wire import Line, StartUnit, UnitKey
from ste_graph.compile.stepper import Wave
from ste_graph.contracts import DrawnValue, Entry, Json, ModelRequest, Observation, ReadResult, Reply, Tool
from ste_graph.errors import RunError
from ste_graph.models.meter import Meter
from ste_graph.models.prices import Prices
from ste_graph.run.context import Watcher
from ste_graph.run.logs.events import describe_tool_error
from ste_graph.run.logs.logged_step import LoggedStep
from ste_graph.run.logs.step_log import find_answer
from ste_graph.run.logs.usage_counts import UsageCounts
from ste_graph.tools.rate import RateLimiter


@dataclass(frozen=True, slots=True)
class Driver:
    """The driver, as one unit sees it."""

    line: Line
    key: UnitKey

    async def ask(self, service: str, *arguments: Any, **options: Any) -> Any:
        """The answer of a service. Raises the `SteError` that the driver met."""
        return await self.line.ask(self.key, service, *arguments, **options)

    def tell(self, service: str, *arguments: Any) -> None:
        """Tell the driver something."""
        self.line.tell(self.key, service, *arguments)


class RemoteModel:
    """A `Model` that the driver asks: bounds, retries, budget and keys of all models are there alone."""

    def __init__(self, name: str, label: str, driver: Driver, meter: Meter, prices: Mapping[str, Prices]) -> None:
        self.label = label
        self._name = name
        self._driver = driver
        self._meter = meter
        self._prices = prices

    async def reply(self, request: ModelRequest) -> Reply:
        account = request.account or self._meter  # budgets of the unit and of its passes are counted here
        with account.model_call():
            reply: Reply = await self._driver.ask("reply", self._name, replace(request, account=None))
        prices = self._prices.get(reply.by or self._name)
        account.add_usage(reply.usage, prices.price_of(reply.usage) if prices else 0.0)
        return reply


class RemoteStore:
    """A `RecordStore` that the driver holds: it gives exactly the entries of the log.

    It has the methods `reads` of the store there, so that it selects exemplars or compares texts if that one does.
    """

    recall: Callable[..., Coroutine[Any, Any, Any]]
    nearest: Callable[..., Coroutine[Any, Any, Any]]
    entries: Callable[..., Coroutine[Any, Any, Any]]

    def __init__(self, memory: str, reads: Iterable[str], driver: Driver) -> None:
        for method in reads:
            setattr(self, method, partial(driver.ask, "read_memory", memory, method))

    async def reconcile(self, entries: object) -> None:
        raise RuntimeError("only the driver of a run reconciles a memory")

    def add(self, entry: Entry) -> None:
        raise RuntimeError("only the driver of a run adds to a memory")

    def release(self, unit: str) -> None: ...

    async def close(self) -> None: ...


class RemoteValues:
    """A `ValueStore` that the driver holds."""

    def __init__(self, memory: str, driver: Driver) -> None:
        self._memory = memory
        self._driver = driver
        self._loop = asyncio.get_running_loop()

    def begin_wave(self, number: int, results: Iterable[ReadResult]) -> None:
        raise RuntimeError("only the driver of a run begins a wave")

    def waiting_rank(self, tool: Mapping[str, Json]) -> int:
        raise RuntimeError("only the driver of a run orders its units")

    def draw(self, tool: Mapping[str, Json], k: int, seed: int) -> dict[str, list[DrawnValue]]:
        # Called in a thread, as a store in this process would be at work for a while.
        asking = self._driver.ask("draw_values", self._memory, dict(tool), k, seed)
        drawn: dict[str, list[DrawnValue]] = asyncio.run_coroutine_threadsafe(asking, self._loop).result()
        return drawn


class RemoteLog:
    """The log of a unit (the contract `UnitLog`), whose file the driver writes."""

    def __init__(self, start: StartUnit, driver: Driver) -> None:
        self._driver = driver
        self._answers = dict(start.answers)
        self.path = Path(start.log_path)
        self.finished = dict(start.finished)
        self.started_calls = set(start.started_calls)

    async def start_call(self, call: str, tool: str, at: str) -> None:
        await self._driver.ask("start_call", call, tool, at)
        self.started_calls.add(call)

    def end_call(self, call: str, tool: str, arguments: Mapping[str, Json], observation: Observation) -> None:
        self._driver.tell("end_call", call, tool, dict(arguments), observation)

    def logged_observation(self, call: str, tool: str, arguments: Mapping[str, Json]) -> Observation | None:
        return find_answer(self._answers, call, tool, arguments)

    def end_loops(self, key: str, loops: list[tuple[str, int, str]]) -> None:
        self._driver.tell("end_loops", key, loops)

    def begin_wave(self, wave: Wave) -> None:
        self._driver.tell("begin_wave", wave)

    def end_wave(self, wave: Wave) -> None:
        self._driver.tell("end_wave", wave)

    def abandon_step(self, key: str, used: UsageCounts) -> None:
        self._driver.tell("abandon_step", key, used)


class RemoteSteps:
    """The `StepWriter` of a unit on a worker: a step counts when the driver has logged it."""

    def __init__(self, driver: Driver, log: RemoteLog) -> None:
        self._driver = driver
        self._log = log

    async def write(self, unit: str, step: LoggedStep, *, replayed: bool, held: bool = False) -> None:
        if replayed:
            self._driver.tell("replay_step", step.key, held)
            return
        await self._driver.ask("write_step", step, held)
        self._log.started_calls -= {call for call in self._log.started_calls if call.startswith(f"{step.key} #")}

    async def enter(self, unit: str, keys: Sequence[str]) -> None:
        await self._driver.ask("enter_records", list(keys))

    async def remember(self, unit: str, keys: Sequence[str]) -> None:
        await self._driver.ask("remember_records", list(keys))


class RemoteEvents:
    """The events of a run, as a unit on a worker writes them."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    def add_tool_error(self, unit: str, tool: str, error: BaseException) -> None:
        if (described := describe_tool_error(error)) is not None:
            self._driver.tell("count_tool_error", tool, described)


class RemoteWatcher(Watcher):
    """The watcher of a run, as a unit on a worker reaches it."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    def message(self, text: str) -> None:
        self._driver.tell("show_message", text)

    def node_progress(self, unit: str, text: str) -> None:
        self._driver.tell("show_progress", text)

    def question(self) -> AbstractContextManager[None]:
        raise RunError("a worker of a cluster has no terminal at which a person could be asked")


class RemoteTurns(RateLimiter):
    """The turn of each tool call: the driver counts it in the budget and in `limits.per_minute`."""

    def __init__(self, driver: Driver) -> None:
        super().__init__()
        self._driver = driver

    async def wait_turn(self, tool: str) -> None:
        await self._driver.ask("wait_turn", tool)


class RemoteAsker:
    """The person at the driver's terminal (the contract `Asker`)."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    async def refusal(self, tool: Tool, arguments: Mapping[str, Json]) -> str | None:
        refusal: str | None = await self._driver.ask("ask_person", tool.name, dict(arguments))
        return refusal


class RemoteTape:
    """The cassette of a run (the contract `Tape`), which the driver writes and reads."""

    def __init__(self, driver: Driver, *, is_replay: bool) -> None:
        self._driver = driver
        self._is_replay = is_replay

    async def result(
        self,
        tool: Tool,
        arguments: Mapping[str, Json],
        place: str,
        position: int,
        make: Callable[[], Awaitable[Observation]],
    ) -> Observation:
        made = None if self._is_replay else await make()
        result: Observation = await self._driver.ask("use_tape", tool.name, dict(arguments), place, position, made)
        return result
