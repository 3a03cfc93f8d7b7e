"""The trials of an earlier run, by tool."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from ste_graph.contracts import Frozen, Json
from ste_graph.errors import WorkflowError
from ste_graph.finished import open_run
from ste_graph.packs.pack import open_adopted_pack
from ste_graph.packs.since import kept_examples
from ste_graph.settings import RelativePath


class RunTrials(Frozen):
    """One item per tool: its definition, and under `trials` the journal's lines about it.

    `run` is the folder of a run. `licence` says what may be done with its model's texts, and goes with every example
    that is made of them. With `include`, the tools of these names. With `since`, a pack, also the tools that the run
    left out because the pack knows enough about them: these have no trials, and what the pack has of them under `kept`.
    """

    per_tool: ClassVar[bool] = True
    """It has one item per tool of its run at most, so that plans know a bound before there is the run."""

    run: RelativePath
    """The folder of a run."""
    licence: str | None = None
    """The terms of use of the texts of its model; they go with every example that is made of them."""
    include: tuple[str, ...] | None = None
    """Only the tools of these names."""
    since: RelativePath | None = None
    """A pack, whose tools need not be explored again while they stay as they are."""

    def items(self) -> list[Json]:
        """The tools, by name. Raises `WorkflowError` if the run is missing or has no trial."""
        opened = open_run(Path(self.run))
        lock = opened.lock
        by_tool: dict[str, list[Json]] = {}
        for trial in opened.trials():
            by_tool.setdefault(_tool(trial.line, trial.tool, lock), []).append(trial.line)
        kept = self._read_kept(lock)
        if not by_tool and not kept:
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
                "kept": [],
            }
            for tool in chosen
        ] + kept

    def count_costless(self, kept: Sequence[str]) -> int:
        """The number of tools that a pack is kept for and that cost nothing: all, as they have no trials."""
        return len(kept) if self.since is not None else 0

    def _read_kept(self, lock: Mapping[str, Json]) -> list[Json]:
        """The tools that a pack is kept for, by name. Raises `WorkflowError` if it was not adopted."""
        if self.since is None:
            return []

        pack, now = open_adopted_pack(Path(self.since)), lock.get("kept") or {}
        names = sorted(name for name, own in pack.definitions.items() if now.get(name) == own.fingerprint)
        examples = kept_examples(pack, names)
        return [
            {
                **pack.definitions[name].model_dump(include={"name", "description", "parameters", "fingerprint"}),
                "run": pack.path.resolve().name,
                "run_id": pack.run_id,
                "licence": self.licence,
                "trials": [],
                "kept": examples[name],
            }
            for name in names
            if self.include is None or name in self.include
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
