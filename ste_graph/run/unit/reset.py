"""`reset:` brings tools that keep a state back to a known one before each pass of a loop."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import get_args

from ste_graph.compile.flow import Flow
from ste_graph.contracts import Effect, Json, Tool
from ste_graph.errors import SteError, WorkflowError
from ste_graph.language.workflow import ResetSpec, Workflow
from ste_graph.redaction import Redactor
from ste_graph.run.logs.logged_step import EffectfulCall
from ste_graph.suggest import did_you_mean, list_choices
from ste_graph.tools.policy import ToolPolicy
from ste_graph.tools.text import clip
from ste_graph.tools.toolbox import Toolbox


class ResetError(SteError):
    """The tools could not be brought to a known state: the unit fails, as its passes would start from anything."""


class Resetter:
    """Makes the reset of a run. Raises `WorkflowError` where the tool that it names is not there or cannot be called.

    It goes around policy, write-ahead log, budget and counts: the workflow asks for it, not the model.
    """

    def __init__(self, workflow: Workflow, spec: ResetSpec, tools: Sequence[Tool], policy: ToolPolicy) -> None:
        self._workflow = workflow
        self._spec = spec
        self._redactor = Redactor(workflow.secrets)
        self._timeout_s = policy.timeout_s
        bare = policy.model_copy(update={"allow": get_args(Effect), "ask": False, "at_most": None, "per_minute": None})
        self._box = Toolbox(tools, bare, redactor=self._redactor)
        if spec.tool is not None:
            self._check(spec.tool)

    def _check(self, tool: str) -> None:
        where = f"{self._spec.span.file}:{self._spec.span.line}: `reset`"
        if tool not in self._box.tools:
            hint = did_you_mean(tool, self._box.tools)
            raise WorkflowError(
                f"{where} names `{tool}`, which is not a tool; {hint}tools: {list_choices(self._box.tools)}"
            )
        if problem := self._box.checker(tool).check(self._spec.arguments).problem:
            raise WorkflowError(f"{where}: {problem}")

    async def reset(self, unit: str) -> None:
        """Bring the tools back to the known state. Raises `ResetError`."""
        if self._spec.tool is None:
            await self._run(unit)
            return
        observation = await self._box.call(self._spec.tool, self._spec.arguments)
        if not observation.ok:
            raise ResetError(f"the reset with `{self._spec.tool}` failed: {observation.text}")

    async def replay_effects(self, calls: Sequence[EffectfulCall]) -> None:
        """Make calls that were undone by a reset again, in order. Raises `ResetError` where one ends differently."""
        for number, (tool, arguments, kind) in enumerate(calls, start=1):
            observation = await self._box.call(tool, arguments)
            if observation.kind != kind:
                raise ResetError(
                    f"the state in which the pass goes on cannot be restored: call {number} of the pass, of "
                    f"`{tool}`, ended as {kind} then and as {observation.kind} now"
                )

    async def _run(self, unit: str) -> None:
        words = self._spec.command
        try:
            process = await asyncio.create_subprocess_exec(
                *words,
                cwd=self._workflow.file.parent,
                env={**os.environ, "STE_UNIT": unit},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
            )
        except OSError as error:
            raise ResetError(f"the reset command `{words[0]}` cannot be started: {error.strerror}") from error
        try:
            output, _ = await asyncio.wait_for(process.communicate(), self._timeout_s)
        except TimeoutError:
            raise ResetError(f"the reset command `{words[0]}` did not end within {self._timeout_s:g} s") from None
        finally:
            if process.returncode is None:
                with suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
        if process.returncode:
            text, _ = clip(self._redactor.redact(output.decode("utf-8", "replace")).strip(), 1000)
            raise ResetError(f"the reset command `{words[0]}` ended with {process.returncode}: {text}")


class UnitReset:
    """The resets of one unit: before the first step of a pass that is run rather than replayed.

    In a pass that an earlier process began, the calls that it logged are made again after the reset, so that the
    tools' state is as it was: the pass goes on, and none is favoured for being short.
    """

    def __init__(self, spec: ResetSpec, flow: Flow, unit: str, toolbox: Toolbox, resetter: Resetter | None) -> None:
        self._flow = flow
        self._before = spec.before
        self._unit = unit
        self._toolbox = toolbox
        self._resetter = resetter
        self._pass: Mapping[str, Json] | None = None
        self._effects: list[EffectfulCall] = []
        self._is_reset = False

    def enter(self, state: Mapping[str, Json]) -> None:
        """Take note of a pass that has begun."""
        entered = entered_pass(self._flow, self._before, state)
        if entered != self._pass:
            self._pass, self._effects, self._is_reset = entered, [], False
            self._toolbox.begin_pass()

    def replay(self, effects: Sequence[EffectfulCall]) -> None:
        """Remember the calls of a step that is replayed."""
        self._effects += effects

    async def ensure_reset(self) -> None:
        """Bring the tools to the state in which the next step finds them. Raises `ResetError`."""
        if self._pass is None or self._is_reset or self._resetter is None:
            return
        await self._resetter.reset(self._unit)
        await self._resetter.replay_effects(self._effects)
        self._is_reset = True


def entered_pass(flow: Flow, loop: str, counters: Mapping[str, Json]) -> dict[str, Json] | None:
    """The pass of a loop and of those around it, by loop; None outside of it, nothing where it is the unit."""
    if loop not in flow.heads:
        return {}
    if counters.get(loop) is None:
        return None
    return {name: counters[name] for name in (*flow.heads[loop].around, loop)}
