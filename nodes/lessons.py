"""Lessons: errors of calls and how they were repaired, as lines for a prompt."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from ste_graph.contracts import Context, LessonView, RecordView
from ste_graph.distil.repairs import is_asked
from ste_graph.node import Node, NodeInputs, NodeOutputs
from ste_graph.records import is_current
from ste_graph.trials.lessons import draw_lessons, lesson_text, rank_lessons


class Lessons(Node):
    """Draw the lessons of the tool at hand, those with most evidence first, as lines for a prompt.

    They are drawn anew each time from all trials in the memory, whatever its `recall` shows, except those of an older
    definition of the tool: so a resumed run draws the same. Let the `record` keep `ids`, or the effect of a lesson is
    never measured.

    Differs: the paper keeps failed trials in view, but draws nothing from them.
    """

    memory: RecordView
    k: Annotated[int, Field(ge=0)] = 3
    """The most lessons."""

    class Inputs(NodeInputs):
        """The tool at hand."""

        tool: dict[str, Any]

    class Outputs(NodeOutputs):
        """A line per lesson, and their ids in the same order."""

        lines: list[str]
        ids: list[str]

    async def __call__(self, inputs: Inputs, ctx: Context) -> Outputs:
        # Entries of earlier runs may carry the same record ids; the memory's own ids tell them apart.
        entries = [entry for entry in await self.memory.entries() if is_current(entry.record, inputs.tool)]
        trials = [{**entry.record, "id": entry.id} for entry in entries]
        found = rank_lessons(draw_lessons(trials, is_asked=is_asked), str(inputs.tool["name"]), self.k)
        return self.Outputs(lines=list(map(lesson_text, found)), ids=[lesson.id for lesson in found])


class LessonsOffered(Node):
    """Select the lessons of the offered tools, for a request whose tool is not known.

    First come those of the tool with the earlier request nearest to this one, at most `per_tool`; then those of the
    next nearest tool, until there are `k`.

    Differs: the paper has no lessons. Those of the right tool alone would give the answer away.
    """

    memory: LessonView
    per_tool: Annotated[int, Field(ge=1)] = 3
    """The most lessons of one tool."""
    k: Annotated[int, Field(ge=0)] = 6
    """The most lessons of all tools."""

    class Inputs(NodeInputs):
        """The request, and the names of the tools."""

        query: str
        names: list[str]

    class Outputs(NodeOutputs):
        """A line per lesson, and their ids in the same order; `origin` is the run that they were drawn from."""

        lines: list[str]
        ids: list[str]
        origin: dict[str, Any] | None

    async def __call__(self, inputs: Inputs, ctx: Context) -> Outputs:
        found = await self.memory.select_lessons(inputs.query, tools=inputs.names, per_tool=self.per_tool, k=self.k)
        origin = found.origin.model_dump() if found.origin else None
        return self.Outputs(lines=found.lines, ids=found.ids, origin=origin)
