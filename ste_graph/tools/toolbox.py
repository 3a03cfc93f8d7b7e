"""The wrapper through which a run calls its tools: name, arguments, policy, limits; a failure is an observation."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import get_args

from ste_graph.contracts import Effect, Json, Kind, Observation, Tool
from ste_graph.errors import WorkflowError
from ste_graph.tools.arguments import Arguments
from ste_graph.tools.function import failed
from ste_graph.tools.names import unambiguous
from ste_graph.tools.policy import ToolPolicy, allowing
from ste_graph.tools.text import clipped, sound

UNTOUCHED: frozenset[Kind] = frozenset({"malformed", "invalid_arguments", "unknown_tool", "refused"})
"""Kinds of observations for which the tool itself was not called."""


class Toolbox:
    """The tools of a run, by unambiguous names, behind one policy.

    With `dry_run` a call goes through everything but the tool: what would have been called is `refused` instead.
    Raises `WorkflowError` if the policy names a tool that is not there.
    """

    def __init__(self, tools: Sequence[Tool], policy: ToolPolicy | None = None, *, dry_run: bool = False) -> None:
        self.policy = policy or ToolPolicy()
        self.dry_run = dry_run
        self.tools: Mapping[str, Tool] = {tool.name: tool for tool in unambiguous(tools)}
        self.calls: Counter[str] = Counter()
        self._arguments: dict[str, Arguments] = {}
        self._know(self.policy.allow)

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

    async def call(self, name: str, arguments: Mapping[str, Json]) -> Observation:
        """Call a tool if the call is right and allowed. Never raises for a fault of the tool or of the caller."""
        tool = self.tools.get(name)
        if tool is None:
            return unmade("unknown_tool", self._unknown(name))
        if problem := self.arguments(name).problem(arguments):
            return unmade("invalid_arguments", problem)
        if refusal := self._refusal(tool):
            return unmade("refused", refusal)
        self.calls[name] += 1
        started = time.perf_counter()
        observation = await self._made(tool, arguments)
        ms = round((time.perf_counter() - started) * 1000, 3)
        text, cut = clipped(sound(observation.text), self.policy.limit)
        return observation.model_copy(update={"text": text, "truncated": cut or observation.truncated, "ms": ms})

    def arguments(self, name: str) -> Arguments:
        """What the tool of this name accepts."""
        if name not in self._arguments:
            self._arguments[name] = Arguments(name, self.tools[name].parameters)
        return self._arguments[name]

    async def _made(self, tool: Tool, arguments: Mapping[str, Json]) -> Observation:
        limit = asyncio.timeout(self.policy.timeout_s)
        try:
            async with limit:
                return await tool.call(arguments)
        except (Exception, SystemExit) as fault:
            if limit.expired() and isinstance(fault, TimeoutError):
                text = f"`{tool.name}` did not answer within {self.policy.timeout_s:g} s."
                return Observation(ok=False, kind="timeout", text=text)
            return failed(fault)

    def _refusal(self, tool: Tool) -> str | None:
        if not self.may_call(tool):
            return (
                f"`{tool.name}` was not called: its effect is {tool.effect}, which this run does not allow. "
                f"To allow it: {allowing(tool.name, self.policy)}"
            )
        if self.policy.at_most is not None and self.calls[tool.name] >= self.policy.at_most:
            return f"`{tool.name}` was not called: this run has made its {self.policy.at_most} calls of it."
        if self.dry_run:
            return f"`{tool.name}` was not called: this is a dry run. The arguments are valid."
        return None

    def _unknown(self, name: str) -> str:
        names = sorted(self.offered)
        close = get_close_matches(name, names, 1)
        hint = f" Did you mean `{close[0]}`?" if close else ""
        shown = ", ".join(names[:25]) + (f" and {len(names) - 25} more" if len(names) > 25 else "")
        return f"There is no tool `{name:.80}`.{hint} Tools: {shown or 'none'}."

    def _know(self, allowed: Sequence[str]) -> None:
        known = sorted({*get_args(Effect), *self.tools})
        for entry in allowed:
            if entry not in known:
                close = get_close_matches(entry, known, 1)
                hint = f"did you mean `{close[0]}`? " if close else ""
                raise WorkflowError(
                    f"calls: `allow` names `{entry}`, which is neither an effect nor a tool; {hint}"
                    f"effects: {', '.join(sorted(get_args(Effect)))}; tools: {', '.join(sorted(self.tools)) or 'none'}"
                )


def unmade(kind: Kind, text: str) -> Observation:
    """The observation of a call that did not reach its tool."""
    return Observation(ok=False, kind=kind, text=text)
