"""The trials of an earlier run, by tool."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from ste_graph.contracts import Frozen, Json
from ste_graph.errors import WorkflowError
from ste_graph.settings import RelativePath


class RunTrials(Frozen):
    """One item per tool: its definition, and under `trials` the journal's lines about it.

    `run` is the folder of a run. `licence` says what may be done with its model's texts, and goes with every example
    that is made of them. With `only`, the tools of these names.
    """

    run: RelativePath
    licence: str | None = None
    only: tuple[str, ...] | None = None

    def items(self) -> list[Json]:
        """The tools, by name. Raises `WorkflowError` where there is no run, or none with a trial."""
        from ste_graph.finished import open_run

        opened = open_run(Path(self.run))
        lock = opened.lock
        by_tool: dict[str, list[Json]] = {}
        for kept in opened.trials():
            by_tool.setdefault(_tool(kept.line, kept.tool, lock), []).append(kept.line)
        if not by_tool:
            raise WorkflowError(f"{opened.path}: this run has no trial yet; finish it first, or name another run")
        if missing := sorted(set(self.only or ()) - by_tool.keys()):
            listed = ", ".join(sorted(by_tool))
            raise WorkflowError(f"{opened.path}: has no trial of {', '.join(missing)}; it has trials of: {listed}")
        chosen = [tool for tool in sorted(by_tool) if self.only is None or tool in self.only]
        return [
            {
                "name": tool,
                "description": lock.get("descriptions", {}).get(tool, ""),
                "parameters": lock.get("schemas", {}).get(tool, {}),
                "fingerprint": lock.get("tools", {}).get(tool),
                "run": opened.path.resolve().name,
                "run_id": opened.id,
                "licence": self.licence,
                "trials": _in_order(by_tool[tool]),
            }
            for tool in chosen
        ]


def _tool(line: Mapping[str, Json], unit: str, lock: Mapping[str, Json]) -> str:
    """The tool that a trial is of: the unit's, else that of its last call."""
    if unit in lock.get("schemas", {}):
        return unit
    called = [step["action"] for step in line["steps"] if step["action"]]
    return str(called[-1]) if called else unit


def _in_order(lines: Sequence[Mapping[str, Json]]) -> list[Json]:
    """The lines in an order that does not depend on which unit wrote first: as they were made, by loop counters."""
    counters = [key for key, value in lines[0].items() if key not in ("id", "record") and isinstance(value, int)]
    return sorted(lines, key=lambda line: ([_count(line.get(key)) for key in counters], line["id"]))


def _count(value: Json) -> int:
    return int(value) if isinstance(value, int) else -1
