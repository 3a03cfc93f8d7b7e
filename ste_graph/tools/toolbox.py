"""The wrapper through which a run calls its tools: name, arguments, policy, limits; a failure is an observation."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from difflib import get_close_matches
from typing import Protocol

from ste_graph.contracts import Json, Observation, ObservationKind, Tool
from ste_graph.redaction import Redactor
from ste_graph.tools.arguments import Arguments
from ste_graph.tools.asking import Asker, Terminal
from ste_graph.tools.forwarded import ensure_ready
from ste_graph.tools.names import unambiguous
from ste_graph.tools.policy import ToolPolicy, allowing
from ste_graph.tools.python.function import failed
from ste_graph.tools.rate import Rate
from ste_graph.tools.text import clipped, plain_data, sound

UNTOUCHED: frozenset[ObservationKind] = frozenset({"malformed", "invalid_arguments", "unknown_tool", "refused"})
"""Kinds of observations for which the tool itself was not called."""


class Tape(Protocol):
    """Where results are recorded, or come from instead of the tools."""

    async def result(
        self,
        tool: Tool,
        arguments: Mapping[str, Json],
        place: str,
        position: int,
        make: Callable[[], Awaitable[Observation]],
    ) -> Observation:
        """What `make`, which calls the tool, gave or once gave.

        `place` says which call of the run this is, `position` how many calls came before it in this pass.
        """


class Toolbox:
    """The tools of a unit, by unambiguous names, behind one policy.

    With `dry_run` a call goes through everything but the tool: what would have been called is `refused` instead.
    `rate` and `asker` are shared by the units of a run. What comes back has passed `redactor`.
    """

    def __init__(
        self,
        tools: Sequence[Tool],
        policy: ToolPolicy | None = None,
        *,
        dry_run: bool = False,
        redactor: Redactor | None = None,
        rate: Rate | None = None,
        asker: Asker | None = None,
        tape: Tape | None = None,
    ) -> None:
        self.policy = policy or ToolPolicy()
        self.dry_run = dry_run
        self.tools: Mapping[str, Tool] = {tool.name: tool for tool in unambiguous(tools)}
        self.calls: Counter[str] = Counter()
        self._redactor = redactor or Redactor()
        self._rate = rate or Rate(self.policy.per_minute)
        self._asker = asker or Terminal()
        self._tape = tape
        self._position = 0
        self._arguments: dict[str, Arguments] = {}

    @property
    def offered(self) -> tuple[str, ...]:
        """The names of the tools that may be called, in order."""
        return tuple(name for name, tool in self.tools.items() if self.may_call(tool))

    @property
    def faults(self) -> tuple[str, ...]:
        """What is wrong with schemas met so far; the arguments of these tools are not checked."""
        return tuple(arguments.fault for arguments in self._arguments.values() if arguments.fault)

    def may_call(self, tool: Tool) -> bool:
        """Whether the policy lets the run call the tool."""
        return self.policy.allows(tool)

    def replayed(self, name: str, observation: Observation) -> None:
        """Count a call that an earlier process of this run made, so that the cap holds for the whole run."""
        if observation.kind not in UNTOUCHED:
            self.calls[name] += 1
            self._position += 1

    def begin_pass(self) -> None:
        """The tools' state was reset: from here on, positions are counted anew."""
        self._position = 0

    async def call(self, name: str, arguments: Mapping[str, Json], *, place: str = "") -> Observation:
        """Call a tool if the call is right and allowed. Never raises for a fault of the tool or of the caller."""
        tool = self.tools.get(name)
        if tool is None:
            return self._unmade("unknown_tool", self._unknown(name))
        taken = self.arguments(name).taken(arguments)
        if taken.problem:
            return self._unmade("invalid_arguments", taken.problem)
        if refusal := self._refusal(tool):
            return self._unmade("refused", refusal)

        async def make() -> Observation:
            return await self._made(tool, taken.arguments)

        if self._tape is None:
            observation = await make()
        else:
            observation = await self._tape.result(tool, taken.arguments, place, self._position, make)
        if observation.kind not in UNTOUCHED:
            self.calls[name] += 1
            self._position += 1
        return observation.model_copy(update={"coerced": taken.coerced}) if taken.coerced else observation

    def arguments(self, name: str) -> Arguments:
        """What the tool of this name accepts."""
        if name not in self._arguments:
            self._arguments[name] = Arguments(name, self.tools[name].parameters)
        return self._arguments[name]

    async def _made(self, tool: Tool, arguments: Mapping[str, Json]) -> Observation:
        if self.policy.asks(tool) and (refusal := await self._asker.refusal(tool, arguments)):
            return self._unmade("refused", refusal)
        await self._rate.turn(tool.name)
        unready = await ensure_ready(tool)
        started = time.perf_counter()
        observation = await self._called(tool, arguments) if unready is None else unready
        ms = round((time.perf_counter() - started) * 1000, 3)
        # What is secret goes before anything is cut: half a secret would not be known for one.
        text, cut = clipped(self._redactor.redact(sound(observation.text)), self.policy.limit)
        data = self._redactor.redact_data(plain_data(observation.data, self.policy.limit))
        changed = {"text": text, "data": data, "truncated": cut or observation.truncated, "ms": ms}
        return observation.model_copy(update=changed)

    async def _called(self, tool: Tool, arguments: Mapping[str, Json]) -> Observation:
        limit = asyncio.timeout(self.policy.timeout_s)
        try:
            async with limit:
                return await tool.call(arguments)
        except (Exception, SystemExit) as fault:
            if limit.expired() and isinstance(fault, TimeoutError):
                text = f"`{tool.name}` did not answer within {self.policy.timeout_s:g} s."
                return Observation(ok=False, kind="timeout", text=text)
            return failed(fault)

    def _unmade(self, kind: ObservationKind, text: str) -> Observation:
        """The observation of a call that did not reach its tool."""
        return Observation(ok=False, kind=kind, text=self._redactor.redact(sound(text)))

    def _refusal(self, tool: Tool) -> str | None:
        if not self.may_call(tool):
            return (
                f"`{tool.name}` was not called: its effect is {tool.effect}, which this run does not allow. "
                f"To allow it: {allowing(tool.name, self.policy)}"
            )
        if self.policy.at_most is not None and self.calls[tool.name] >= self.policy.at_most:
            return f"`{tool.name}` was not called: its calls are limited to {self.policy.at_most}, which were made."
        if self.dry_run:
            return f"`{tool.name}` was not called: this is a dry run. The arguments are valid."
        return None

    def _unknown(self, name: str) -> str:
        names = sorted(self.offered)
        close = get_close_matches(name, names, 1)
        hint = f" Did you mean `{close[0]}`?" if close else ""
        shown = ", ".join(names[:25]) + (f" and {len(names) - 25} more" if len(names) > 25 else "")
        return f"There is no tool `{name:.80}`.{hint} Tools: {shown or 'none'}."
