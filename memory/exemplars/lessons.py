"""The lessons that the trials in a store of exemplars teach, and those that a pack keeps for a later run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ste_graph.distil.repairs import is_asked
from ste_graph.finished import open_run
from ste_graph.memory.exemplars.exemplar import Exemplar
from ste_graph.memory.exemplars.source import locate_store
from ste_graph.packs.pack import open_adopted_pack
from ste_graph.trials.lessons import Lesson, draw_lessons, rank_lessons


def lessons_from_exemplars(exemplars: Iterable[Exemplar]) -> list[Lesson]:
    """The lessons that trials teach; those of tools that have changed since are left out."""
    return draw_lessons(
        ({
            "id": exemplar.id, "tool": exemplar.tool, "query": exemplar.query, "lessons": exemplar.lessons,
            "steps": exemplar.model_dump(mode="json")["calls"],
        }
        for exemplar in exemplars
        if not exemplar.stale),
        is_asked=is_asked,
    )  # fmt: skip


def take_turns(lessons: Sequence[Lesson], tools: Iterable[str], *, per_tool: int, k: int) -> list[Lesson]:
    """At most k lessons, at most `per_tool` of each tool, tool by tool in the order given."""
    return [lesson for tool in tools for lesson in rank_lessons(lessons, tool, per_tool)][: max(k, 0)]


@dataclass(frozen=True, slots=True)
class KeptLessons:
    """Lessons of tools that were not explored again, and the descriptions of the tools, kept and explored."""

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
