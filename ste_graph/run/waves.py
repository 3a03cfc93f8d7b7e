"""Waves of units: a memory of values is filled from the units of the waves before, and then stays as it is.

What it knows of earlier runs counts as found before the first wave.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain

from ste_graph.contracts import ReadResult, Tool, ValueStore
from ste_graph.contracts.failure import has_succeeded
from ste_graph.language.workflow import VALUES, Workflow
from ste_graph.redaction import Redactor
from ste_graph.run.folder import RunFolder
from ste_graph.run.logs.logged_step import LoggedStep
from ste_graph.run.logs.step_log import StepLog
from ste_graph.run.units import Unit
from ste_graph.tools.threads import run_in_daemon_thread


@dataclass
class ValueStores:
    """The opened memories of values of a run, by name, and the tools that there are."""

    workflow: Workflow
    tools: Sequence[Tool]
    opened: Mapping[str, ValueStore]
    _earlier: dict[str, list[ReadResult]] = field(default_factory=dict, init=False)

    @classmethod
    def open(cls, workflow: Workflow, tools: Sequence[Tool], folder: RunFolder) -> ValueStores:
        """Opens the memories of values of a workflow."""
        opened = {
            name: spec.memory.open(name, folder.memory(name))
            for name, spec in workflow.memories.items()
            if spec.of == VALUES
        }
        return cls(workflow, tools, opened)

    async def begin_wave(self, number: int, earlier: Sequence[Unit], logs: Mapping[str, StepLog]) -> None:
        """Fill the stores with what the units of earlier waves have logged, and with what was known before the run.

        Raises `RunError`, or `WorkflowError` if an earlier run cannot be read.
        """
        reading = {tool.name: tool.description for unit in earlier for tool in unit.tools if tool.effect == "read"}

        def fill() -> None:
            # Read anew: a log keeps in memory only the steps that there were when it was opened.
            results = [
                result
                for unit in earlier
                for step in StepLog(logs[unit.name].path).finished.values()
                for result in _results(step, reading)
            ]
            for name, store in self.opened.items():
                store.begin_wave(number, chain(results, self._known_before(name)))

        if self.opened:
            await asyncio.to_thread(fill)

    def _known_before(self, name: str) -> Iterator[ReadResult]:
        """The results that a memory knows from earlier runs, read when first asked for, without this run's secrets."""
        if name not in self._earlier:
            redactor = Redactor(self.workflow.secrets)
            found: Iterable[ReadResult] = self.workflow.memories[name].memory.read_earlier(self.tools)
            self._earlier[name] = [
                result.model_copy(
                    update={"text": redactor.redact(result.text), "data": redactor.redact_data(result.data)}
                )
                for result in found
            ]
        yield from self._earlier[name]


async def next_wave(workflow: Workflow, stores: Mapping[str, ValueStore], left: Sequence[Unit]) -> list[Unit]:
    """The units, among those left, that run now, in order: the ones that lack the least of what they need.

    All run at once where no memory of values is on, or the units are not tools.
    """
    if not stores or workflow.unit_map is None or workflow.unit_map.over.text != "tools":
        return list(left)

    def rank() -> list[int]:
        return [max(store.waiting_rank(unit.item) for store in stores.values()) for unit in left]

    # Values are checked by the tools' own schemas, which may hold that up.
    ranks = await run_in_daemon_thread(rank)
    return [unit for unit, own in zip(left, ranks, strict=True) if own == min(ranks)]


def _results(step: LoggedStep, reading: Mapping[str, str]) -> Iterator[ReadResult]:
    """The results of a step's successful calls of tools that only read (with their descriptions).

    Of a step with several calls, none is known.
    """
    observation = step.outputs.get("observation")
    if len(step.calls) == 1 and isinstance(observation, dict) and has_succeeded(observation):
        ((tool, _),) = step.calls
        if tool in reading:
            yield ReadResult(
                tool=tool,
                description=reading[tool],
                data=observation.get("data"),
                text=observation.get("text") or "",
            )
