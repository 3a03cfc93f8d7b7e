"""Lessons that a pack keeps for a run that went on from it: those of tools that the run did not explore again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ste_graph.finished import open_run
from ste_graph.memory.exemplars.source import locate_store
from ste_graph.packs.pack import open_adopted_pack
from ste_graph.trials.lessons import Lesson


@dataclass(frozen=True, slots=True)
class KeptLessons:
    """The lessons, and the descriptions of the tools, kept and explored."""

    lessons: Sequence[Lesson]
    descriptions: Mapping[str, str]

    def describe(self, tool: str) -> str:
        """The text by which a tool is compared with a request."""
        return f"{tool}: {self.descriptions.get(tool, '')}"


def read_kept_lessons(explored: str | Path, since: str | Path) -> KeptLessons:
    """Reads the lessons that a pack keeps for the run `explored`. Raises `WorkflowError` if it was not adopted."""
    pack, lock = open_adopted_pack(since), open_run(locate_store(explored)).lock
    known = {name: tool.description for name, tool in pack.definitions.items()}
    kept = lock.get("kept") or {}
    return KeptLessons(
        [lesson for lesson in pack.lessons if lesson.tool in kept], {**known, **(lock.get("descriptions") or {})}
    )
