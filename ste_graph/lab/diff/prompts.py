"""The prompts of a workflow as its model would see them, with a scripted model and tools that nothing is behind."""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from ste_graph.compile.stepper import StepKey
from ste_graph.compile.walk import WalkedGraph
from ste_graph.contracts import Context, Message
from ste_graph.errors import SteError
from ste_graph.lab.diff.stand_in_memory import StandInMemory
from ste_graph.lab.diff.workflows import ShownPrompt
from ste_graph.lab.proofs.arm import UNITS, with_stand_ins
from ste_graph.lab.proofs.canaries import Canaries, Counters, StepPlace
from ste_graph.lab.proofs.stand_ins import Script
from ste_graph.lab.proofs.watch import ObservedContext
from ste_graph.language.workflow import EARLIER_RUN, VALUES, NodeSpec, Workflow
from ste_graph.prompts.prompt import Prompt
from ste_graph.run.context import Watcher
from ste_graph.run.execution import execute
from ste_graph.run.unit.step_context import StepContext

ROLE: Final = "[{}]"
PASSES: Final = 2
"""The most passes of a loop: the first, in which memories are empty, and one more."""


@dataclass(frozen=True, slots=True)
class PromptPlace:
    """The place of a prompt: the unit, the node, the loops around it, and its number among the prompts of the step."""

    unit: str
    node: str
    counters: Counters
    number: int

    def __str__(self) -> str:
        loops = ", ".join(f"{loop} {count}" for loop, count in self.counters if count is not None)
        return f"{self.node} ({', '.join(filter(None, [self.unit, loops]))})"


@dataclass(frozen=True, slots=True)
class Prompts:
    """The prompts of a workflow by their places, in order. `problem` says why there are not all."""

    lines: Mapping[PromptPlace, list[str]]
    problem: str | None


def render_prompts(workflow: Workflow) -> Prompts:
    """The prompts of the first passes. Nothing is asked, called, or kept."""
    listener = _Listener()
    problem = None
    with tempfile.TemporaryDirectory(prefix="ste-diff-") as folder:
        out = Path(folder) / "run"
        stand_ins = with_stand_ins(workflow, listener.script, out, passes=PASSES)
        memories = {
            name: spec
            if spec.of in (None, VALUES, EARLIER_RUN)
            else replace(spec, memory=StandInMemory(_recall(workflow, name)))
            for name, spec in stand_ins.memories.items()
        }
        try:
            running = execute(
                replace(stand_ins, memories=memories),
                out,
                watcher=listener,
                concurrency=UNITS,
                compile_unit=WalkedGraph,
            )
            summary = asyncio.run(running)
            problem = next(iter(summary.failed.values()), None)
        except SteError as error:
            problem = str(error).partition("\n")[0]
    return Prompts(listener.lines, problem)


def compare_prompts(a: Prompts, b: Prompts) -> list[ShownPrompt]:
    """For each node the first place at which what the model sees differs."""
    found: dict[str, ShownPrompt] = {}
    nodes = [{place.node for place in side.lines} for side in (a, b)]
    for place in {**a.lines, **b.lines}:
        first, second = a.lines.get(place), b.lines.get(place)
        in_both = all(place.node in side for side in nodes)
        if first != second and place.node not in found and (not in_both or None not in (first, second)):
            found[place.node] = ShownPrompt(str(place), first, second)
    return list(found.values())


def message_lines(messages: Sequence[Message]) -> list[str]:
    """Messages as lines, each with its role above it."""
    lines: list[str] = []
    for message in messages:
        lines.append(ROLE.format(message["role"]))
        lines += str(message.get("content") or "").splitlines()
        lines += [json.dumps(call.get("function"), ensure_ascii=False) for call in message.get("tool_calls") or ()]
    return lines


def _recall(workflow: Workflow, name: str) -> Any:
    return getattr(workflow.memories[name].memory, "recall", "all")


class _Places(Canaries):
    """Names steps instead of hiding canaries: two sides that do the same then say the same."""

    def make(self, place: StepPlace) -> str:
        return "-".join([place.node, *(str(number) for _, number in place.counters if number is not None)])


class _Listener(Watcher):
    """Takes down each prompt."""

    def __init__(self) -> None:
        self.script = Script(canaries=_Places())
        self.lines: dict[PromptPlace, list[str]] = {}

    def context(self, unit: str, spec: NodeSpec, key: StepKey, context: StepContext) -> Context:
        place = StepPlace(unit, spec.name, key.counters, frozenset(spec.outputs.model_fields))
        return _Listening(self, place, context)


class _Listening(ObservedContext):
    """The context of one step, whose prompts are taken down."""

    def __init__(self, listener: _Listener, place: StepPlace, context: StepContext) -> None:
        super().__init__(place, context)
        self._listener, self._number = listener, 0

    async def look(self, prompt: Prompt, result: str | None) -> None:
        sent = await self._context.compose(prompt, result)
        place = PromptPlace(self._place.unit, self._place.node, self._place.counters, self._number)
        self._listener.lines[place] = message_lines(sent.messages)
        self._number += 1
