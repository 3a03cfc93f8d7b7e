"""The meters of one unit: its own, and those of the passes of the loops that have a budget (`budget.per`)."""

from __future__ import annotations

from collections.abc import Mapping

from ste_graph.compile.stepper import StepKey
from ste_graph.language.workflow import Workflow
from ste_graph.models.meter import Budget, Meter
from ste_graph.models.prices import Prices
from ste_graph.run.costs import money_spent, seconds_between
from ste_graph.run.logs.logged_step import LoggedStep


class UnitMeters:
    """Finds the meter that a step counts in. A pass counts in those around it, in its unit, and in the run."""

    def __init__(self, run: Meter, workflow: Workflow, unit: str, prices: Mapping[str, Prices]) -> None:
        budget = Budget.model_validate(dict(workflow.budget))
        self._prices = prices
        self._limits = {name: limits for name, limits in budget.per.items() if name != workflow.unit}
        own = budget.per.get(workflow.unit)
        self._unit = run if own is None else run.part(own, _path(workflow.unit), f" of {workflow.unit} `{unit}`")
        self._passes: dict[tuple[tuple[str, int | None], ...], Meter] = {}
        self._has_own = own is not None or bool(self._limits)
        self._run = run

    def find(self, key: StepKey) -> Meter:
        """The meter of a step."""
        found = self._unit
        for number, (loop, count) in enumerate(key.counters, start=1):
            if loop not in self._limits or count is None:
                continue
            place = key.counters[:number]
            if place not in self._passes:
                of = f" of {loop} {count}"
                self._passes[place] = found.part(self._limits[loop], _path(loop), of)
            found = self._passes[place]
        found.begin()
        return found

    def replay(self, key: StepKey, step: LoggedStep) -> None:
        """Count what a finished step has used; the run counts that already."""
        if not self._has_own:
            return
        used = step.used
        meter = self.find(key)
        meter.add_replayed(
            model_calls=used.model_calls,
            tool_calls=used.tool_calls,
            usage=used.usage,
            money=money_spent(used, self._prices),
            until=self._run,
        )
        for own in meter.chain[: meter.chain.index(self._run)]:
            own.used_s += seconds_between(step.started, step.ended)


def _path(scope: str) -> str:
    return f"budget.per.{scope}"
