"""The driver's services for units on workers: logs, memories, models, turns of tools, and who watches."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

from ste_graph.compile.stepper import Wave
from ste_graph.contracts import DrawnValue, Json, ModelRequest, Observation, Reply
from ste_graph.run.logs.events import Events, ToolError
from ste_graph.run.logs.logged_step import LoggedStep
from ste_graph.run.logs.step_log import StepLog
from ste_graph.run.logs.usage_counts import UsageCounts
from ste_graph.run.tools import tool_policy
from ste_graph.run.unit.unit_context import SharedContext
from ste_graph.tools.asking import TerminalAsker
from ste_graph.tools.rate import RateLimiter
from ste_graph.tools.threads import run_in_daemon_thread
from ste_graph.tools.toolbox import NEVER_CALLED, Tape, Toolbox


class RunServices:
    """The services that the units of one run share."""

    def __init__(self, shared: SharedContext, events: Events, tape: Tape | None) -> None:
        policy = tool_policy(shared.workflow)
        self.shared = shared
        self.events = events
        self.tape = tape
        self.rate = RateLimiter(policy.per_minute)
        self.asker = TerminalAsker(shared.run.watcher.question)


class UnitServices:
    """The services for one unit, while it runs on one worker."""

    def __init__(self, unit: str, log: StepLog, toolbox: Toolbox, run: RunServices) -> None:
        self.finished: Mapping[str, LoggedStep] = {}
        """The steps that the worker replays."""
        self._unit = unit
        self._log = log
        self._toolbox = toolbox
        self._run = run
        self._shared = run.shared
        self._uncounted = 0

    async def reply(self, model: str, request: ModelRequest) -> Reply:
        """A model's reply, within the bounds of its server and the budget of the run."""
        return await self._shared.models[model].reply(request)

    async def read_memory(self, memory: str, method: str, *arguments: Any, **options: Any) -> Any:
        """The result of a method of a record memory, unchanged."""
        if method not in READS:
            raise ValueError(f"`{method}` is not a way to read a memory")
        return await getattr(self._shared.stores[memory], method)(*arguments, **options)

    async def draw_values(
        self, memory: str, tool: Mapping[str, Json], k: int, seed: int
    ) -> dict[str, list[DrawnValue]]:
        """Values for the parameters of a tool."""
        return await run_in_daemon_thread(lambda: self._shared.value_stores[memory].draw(tool, k, seed))

    async def write_step(self, step: LoggedStep, held: bool) -> None:
        """Log a finished step: only then it counts."""
        self._uncounted = max(0, self._uncounted - step.used.tool_calls)
        await self._shared.steps.write(self._unit, step, replayed=False, held=held)
        if (control := self._shared.run.control) is not None:
            await control.proceed()
        self._shared.meter.check_time()

    async def replay_step(self, key: str, held: bool) -> None:
        """Tell who watches of a step that was finished before, and hold its record where passes run side by side."""
        await self._shared.steps.write(self._unit, self.finished[key], replayed=True, held=held)

    async def enter_records(self, keys: Sequence[str]) -> None:
        """Write held records into the journal."""
        await self._shared.steps.enter(self._unit, keys)

    async def remember_records(self, keys: Sequence[str]) -> None:
        """Add held records to the memories."""
        await self._shared.steps.remember(self._unit, keys)

    async def start_call(self, call: str, tool: str, at: str) -> None:
        """Log, durably, that a call which may change the world is about to be made."""
        await self._log.start_call(call, tool, at)

    async def wait_turn(self, tool: str) -> None:
        """Let a tool be called, once the budget and the calls in the last minute allow it."""
        await self._count_call()
        await self._run.rate.wait_turn(tool)

    async def ask_person(self, tool: str, arguments: Mapping[str, Json]) -> str | None:
        """The reason why a person does not let a call be made; None if it may be."""
        return await self._run.asker.refusal(self._toolbox.tools[tool], arguments)

    async def use_tape(
        self, tool: str, arguments: Mapping[str, Json], place: str, position: int, made: Observation | None
    ) -> Observation:
        """Record the observation that a call made, or replay the one that is recorded."""

        async def give() -> Observation:
            if made is None:
                raise ValueError("a replay makes no calls")
            return made

        tape = self._run.tape
        if tape is None:
            return await give()
        observation = await tape.result(self._toolbox.tools[tool], arguments, place, position, give)
        if made is None and observation.kind not in NEVER_CALLED:
            await self._count_call()
        return observation

    def end_call(self, call: str, tool: str, arguments: Mapping[str, Json], observation: Observation) -> None:
        """Log how a call that may have changed the world ended."""
        if call in self._log.started_calls:
            self._log.end_call(call, tool, arguments, observation)

    def begin_wave(self, wave: Wave) -> None:
        """Log that passes of a loop begin to run side by side."""
        self._log.begin_wave(wave)

    def end_wave(self, wave: Wave) -> None:
        """Log that all passes of a wave are done."""
        self._log.end_wave(wave)

    def end_loops(self, key: str, loops: list[tuple[str, int, str]]) -> None:
        """Log the loops that ended after a step."""
        self._log.end_loops(key, loops)

    def abandon_step(self, key: str, used: UsageCounts) -> None:
        """Log what the replies in an unfinished step have used."""
        self._log.abandon_step(key, used)

    def count_tool_error(self, tool: str, error: ToolError) -> None:
        """Count an exception of a user's own tool."""
        self._run.events.count_tool_error(self._unit, tool, error)

    def show_message(self, text: str) -> None:
        """Tell the person who watches."""
        self._shared.run.watcher.message(text)

    def show_progress(self, text: str) -> None:
        """Tell the person who watches how far a node is."""
        self._shared.run.watcher.node_progress(self._unit, text)

    def forget_open_calls(self) -> None:
        """Uncount the tool calls of an unfinished step."""
        for _ in range(self._uncounted):
            self._shared.meter.uncount_tool_call()
        self._uncounted = 0

    async def _count_call(self) -> None:
        await self._shared.meter.count_tool_call()
        self._uncounted += 1


READS: Final = frozenset({"recall", "nearest", "entries", "select_exemplars", "select_lessons", "similarities"})
"""The methods by which units read a memory."""

ASKED: Final[Mapping[str, Callable[..., Awaitable[Any]]]] = {
    service.__name__: service
    for service in (
        UnitServices.reply,
        UnitServices.read_memory,
        UnitServices.draw_values,
        UnitServices.write_step,
        UnitServices.replay_step,
        UnitServices.enter_records,
        UnitServices.remember_records,
        UnitServices.start_call,
        UnitServices.wait_turn,
        UnitServices.ask_person,
        UnitServices.use_tape,
    )
}
"""The services that answer, by name."""

TOLD: Final[Mapping[str, Callable[..., None]]] = {
    service.__name__: service
    for service in (
        UnitServices.end_call,
        UnitServices.end_loops,
        UnitServices.begin_wave,
        UnitServices.end_wave,
        UnitServices.abandon_step,
        UnitServices.count_tool_error,
        UnitServices.show_message,
        UnitServices.show_progress,
    )
}
"""Those that give no answer."""
