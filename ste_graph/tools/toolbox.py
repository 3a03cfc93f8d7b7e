"""The wrapper through which a run calls its tools: name, arguments, policy, limits; a failure is an observation."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol

from ste_graph.contracts import Json, Observation, ObservationKind, Tool
from ste_graph.redaction import Redactor
from ste_graph.suggest import did_you_mean, list_choices
from ste_graph.tools.arguments import ArgumentChecker
from ste_graph.tools.asking import Asker, TerminalAsker
from ste_graph.tools.failures import judge_answer
from ste_graph.tools.forwarded import ensure_ready, errors
from ste_graph.tools.names import rename_repeats
from ste_graph.tools.observation import observe_exception
from ste_graph.tools.outages import Outages
from ste_graph.tools.policy import ToolPolicy, allow_line
from ste_graph.tools.rate import RateLimiter
from ste_graph.tools.text import clip, plain_data, replace_surrogates
from ste_graph.tracebacks import INTERRUPTS

NEVER_CALLED: frozenset[ObservationKind] = frozenset({"malformed", "invalid_arguments", "unknown_tool", "refused"})
"""Kinds of observations for which the tool was not called."""


class Tape(Protocol):
    """A store in which results are recorded, or from which they come instead of the tools."""

    async def result(
        self,
        tool: Tool,
        arguments: Mapping[str, Json],
        place: str,
        position: int,
        make: Callable[[], Awaitable[Observation]],
    ) -> Observation:
        """The result that `make`, which calls the tool, gives or once gave.

        `place` says which call of the run this is, `position` how many calls came before it in this pass.
        """


class Toolbox:
    """The tools of a unit, by unique names, within one policy.

    With `dry_run` a call goes through everything but the tool: what would have been called is `refused` instead.
    `rate` and `asker` are shared by the units of a run. Whatever comes back has passed `redactor`.
    """

    def __init__(
        self,
        tools: Sequence[Tool],
        policy: ToolPolicy | None = None,
        *,
        dry_run: bool = False,
        redactor: Redactor | None = None,
        rate: RateLimiter | None = None,
        asker: Asker | None = None,
        tape: Tape | None = None,
        outages: Outages | None = None,
    ) -> None:
        self.policy = policy or ToolPolicy()
        self.dry_run = dry_run
        self.tools: Mapping[str, Tool] = {tool.name: tool for tool in rename_repeats(tools)}
        self.calls: Counter[str] = Counter()
        self._redactor = redactor or Redactor()
        self._rate = rate or RateLimiter(self.policy.per_minute)
        self._asker = asker or TerminalAsker()
        self._tape = tape
        self._outages = (outages or Outages()).watch_unit()
        self._position = 0
        self._checkers: dict[str, ArgumentChecker] = {}
        self._noted: list[str] = []

    @property
    def callable_names(self) -> tuple[str, ...]:
        """The names of the tools that may be called, in order."""
        return tuple(name for name, tool in self.tools.items() if self.may_call(tool))

    @property
    def faults(self) -> tuple[str, ...]:
        """The parts of schemas met so far that are broken or too slow, so that arguments were not checked by them."""
        own = (fault for checker in self._checkers.values() for fault in checker.faults)
        return tuple(dict.fromkeys((*own, *self._noted)))

    def note_faults(self, faults: Sequence[str]) -> None:
        """Add faults of the same tools that were met in another process."""
        self._noted += faults

    def may_call(self, tool: Tool) -> bool:
        """True if the policy lets the run call the tool."""
        return self.policy.allows(tool)

    def count_replayed(self, name: str, observation: Observation) -> None:
        """Count a call that an earlier process of this run made, so that the cap holds for the whole run."""
        if observation.kind not in NEVER_CALLED:
            self.calls[name] += 1
            self._position += 1

    def begin_pass(self) -> None:
        """Counts positions anew: the tools' state was reset."""
        self._position = 0

    async def call(self, name: str, arguments: Mapping[str, Json], *, place: str = "") -> Observation:
        """Call a tool if the call is right and allowed. Never raises for a fault of the tool or of the caller.

        Raises `NoAnswerError` if the tool's server has given no answer to a number of calls in a row.
        """
        tool = self.tools.get(name)
        if tool is None:
            return self._refuse("unknown_tool", self._unknown(name))
        checked = await self.checker(name).check_aside(arguments)
        if checked.problem:
            return self._refuse("invalid_arguments", checked.problem)
        if refusal := self._refusal(tool):
            return self._refuse("refused", refusal)

        made: Observation | None = None

        async def make() -> Observation:
            nonlocal made
            made = await self._make_call(tool, checked.arguments)
            return made

        tape = self._tape
        observation = await (tape.result(tool, checked.arguments, place, self._position, make) if tape else make())
        if observation is not made:  # but recorded
            observation = judge_answer(observation, errors(tool))
        if observation.kind not in NEVER_CALLED:
            self.calls[name] += 1
            self._position += 1
            self._outages.note(tool, observation)
        if not checked.coerced and not checked.unchecked:
            return observation
        notes = (*observation.notes, *checked.unchecked)
        return observation.model_copy(update={"coerced": checked.coerced, "notes": notes})

    def checker(self, name: str) -> ArgumentChecker:
        """The checker of the arguments of the tool of this name."""
        if name not in self._checkers:
            self._checkers[name] = ArgumentChecker(name, self.tools[name].parameters)
        return self._checkers[name]

    async def _make_call(self, tool: Tool, arguments: Mapping[str, Json]) -> Observation:
        if self.policy.asks(tool) and (refusal := await self._asker.refusal(tool, arguments)):
            return self._refuse("refused", refusal)
        await self._rate.wait_turn(tool.name)
        unready = await ensure_ready(tool)
        started = time.perf_counter()
        observation = await self._call_in_time(tool, arguments) if unready is None else unready
        observation = judge_answer(observation, errors(tool))  # before it is cut: half an object has no keys
        ms = round((time.perf_counter() - started) * 1000, 3)
        # Secrets go before anything is cut: half a secret would not be recognised.
        text, cut = clip(self._redactor.redact(replace_surrogates(observation.text)), self.policy.characters)
        data = self._redactor.redact_data(plain_data(observation.data, self.policy.characters))
        changed = {"text": text, "data": data, "truncated": cut or observation.truncated, "ms": ms}
        return observation.model_copy(update=changed)

    async def _call_in_time(self, tool: Tool, arguments: Mapping[str, Json]) -> Observation:
        limit = asyncio.timeout(self.policy.timeout_s)
        try:
            async with limit:
                return await tool.call(arguments)
        except INTERRUPTS:
            raise
        except BaseException as error:
            if limit.expired() and isinstance(error, TimeoutError):
                text = f"`{tool.name}` did not answer within {self.policy.timeout_s:g} s."
                return Observation(ok=False, kind="timeout", text=text)
            return observe_exception(error)

    def _refuse(self, kind: ObservationKind, text: str) -> Observation:
        """The observation of a call that did not reach its tool."""
        return Observation(ok=False, kind=kind, text=self._redactor.redact(replace_surrogates(text)))

    def _refusal(self, tool: Tool) -> str | None:
        if not self.may_call(tool):
            return (
                f"`{tool.name}` was not called: its effect is {tool.effect}, which this run does not allow. "
                f"To allow it: {allow_line(tool.name, self.policy)}"
            )
        if self.policy.calls is not None and self.calls[tool.name] >= self.policy.calls:
            return f"`{tool.name}` was not called: its calls are limited to {self.policy.calls}, which were made."
        if self.dry_run:
            return f"`{tool.name}` was not called: this is a dry run. The arguments are valid."
        return None

    def _unknown(self, name: str) -> str:
        hint = did_you_mean(name, self.callable_names).replace("did", "Did", 1)
        return f"There is no tool `{name:.80}`. {hint}Tools: {list_choices(self.callable_names)}."
