"""The coverage of each tool by the trials of a run, as data and as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ste_graph.text import align_columns
from ste_graph.trials.coverage import ToolCoverage, measure_coverage

if TYPE_CHECKING:
    from ste_graph.contracts import Json
    from ste_graph.finished import FinishedRun


def coverage_by_tool(run: FinishedRun, tool: str | None) -> dict[str, ToolCoverage]:
    """The coverage of each tool of the run, or of one."""
    schemas = run.lock.get("schemas", {})
    trials: dict[str, list[dict[str, Json]]] = {name: [] for name in run.lock["units"] if tool in (None, name)}
    for kept in run.each_trial(tool):
        if kept.tool in trials:
            trials[kept.tool].append(kept.line)
    return {name: measure_coverage(own, schemas.get(name, {})) for name, own in trials.items()}


def coverage_table(found: dict[str, ToolCoverage]) -> str:
    """The coverage as a table, a line per tool."""
    rows = [["tool", "parameters", "choices", "requests", "spread", "idle", "errors met"]]
    for name, coverage in found.items():
        used = [(len(coverage.parameters), coverage.parameter_count), (len(coverage.values), coverage.value_count)]
        spread = "-" if coverage.spread is None else f"{coverage.spread:.2f}"
        shares = [f"{count}/{total}" for count, total in used]
        rows.append(
            [name, *shares, str(coverage.requests), spread, str(coverage.idle), ", ".join(coverage.errors) or "none"]
        )
    return "\n".join(align_columns(rows, left=(0, -1)))
