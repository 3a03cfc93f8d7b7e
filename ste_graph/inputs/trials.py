"""The trials of an earlier run, by tool."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from ste_graph.contracts import Frozen, Json
from ste_graph.errors import WorkflowError
from ste_graph.settings import RelativePath


class RunTrials(Frozen):
    """One item per tool: its definition, and under `trials` the journal's lines about it.

    `run` is the folder of a run. `licence` says what may be done with its model's texts, and goes with every example
    that is made of them. With `include`, the tools of these names.
    """

    per_tool: ClassVar[bool] = True
    """It has one item per tool of its run at most, so that plans know a bound before there is the run."""

    run: RelativePath
    """The folder of a run."""
    licence: str | None = None
    """What may be done with the texts of its model; it goes with every example that is made of them."""
    include: tuple[str, ...] | None = None
    """Only the tools of these names."""

    def items(self) -> list[Json]:
        """The tools, by name. Raises `WorkflowError` if there is no run, or it has no trial."""
        from ste_graph.finished import open_run

        opened = open_run(Path(self.run))
        lock = opened.lock
        by_tool: dict[str, list[Json]] = {}
        for trial in opened.trials():
            by_tool.setdefault(_tool(trial.line, trial.tool, lock), []).append(trial.line)
        if not by_tool:
            raise WorkflowError(f"{opened.path}: no trials found; finish the run first, or name another one")
        if missing := sorted(set(self.include or ()) - by_tool.keys()):
            listed = ", ".join(sorted(by_tool))
            raise WorkflowError(f"{opened.path}: has no trial of {', '.join(missing)}; it has trials of: {listed}")
        chosen = [tool for tool in sorted(by_tool) if self.include is None or tool in self.include]
        return [
            {
                "name": tool,
                "description": lock.get("descriptions", {}).get(tool, ""),
                "parameters": lock.get("schemas", {}).get(tool, {}),
                "fingerprint": lock.get("tools", {}).get(tool),
                "run": opened.path.resolve().name,
                "run_id": opened.id,
                "licence": self.licence,
                "trials": _sort_lines(by_tool[tool]),
            }
            for tool in chosen
        ]


def _tool(line: Mapping[str, Json], unit: str, lock: Mapping[str, Json]) -> str:
    """The tool that a trial is of: the unit's, else that of its last call."""
    if unit in lock.get("schemas", {}):
        return unit
    called = [step["action"] for step in line["steps"] if step["action"]]
    return str(called[-1]) if called else unit


def _sort_lines(lines: Sequence[Mapping[str, Json]]) -> list[Json]:
    """Returns the lines in the order of the loop counters, whichever unit wrote first."""
    counters = [key for key, value in lines[0].items() if key not in ("id", "record") and isinstance(value, int)]
    return sorted(lines, key=lambda line: ([_count(line.get(key)) for key in counters], line["id"]))


def _count(value: Json) -> int:
    return int(value) if isinstance(value, int) else -1
