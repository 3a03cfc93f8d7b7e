"""The lessons that the trials in a store of exemplars teach."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ste_graph.distil.repairs import is_asked
from ste_graph.memory.exemplars.exemplar import Exemplar
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
