"""How much of each tool a run has tried out, for a person and as data."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ste_graph.cli.trials import columns
from ste_graph.coverage import Coverage, coverage_of

if TYPE_CHECKING:
    from ste_graph.finished import FinishedRun, Trials


def coverages(run: FinishedRun, trials: Trials, tool: str | None) -> dict[str, Coverage]:
    """The coverage of each tool of the run, or of one."""
    schemas = run.lock.get("schemas", {})
    return {
        name: coverage_of([kept.line for kept in trials if kept.tool == name], schemas.get(name, {}))
        for name in run.lock["units"]
        if tool in (None, name)
    }


def covered(found: dict[str, Coverage]) -> str:
    """A line per tool."""
    rows = [["tool", "parameters", "choices", "requests", "spread", "idle", "errors met"]]
    for name, one in found.items():
        used = [(len(one.parameters), one.of_parameters), (len(one.values), one.of_values)]
        spread = "-" if one.spread is None else f"{one.spread:.2f}"
        shares = [f"{count}/{total}" for count, total in used]
        rows.append([name, *shares, str(one.requests), spread, str(one.idle), ", ".join(one.errors) or "none"])
    return "\n".join(columns(rows))
