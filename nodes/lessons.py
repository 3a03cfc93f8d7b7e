"""Lessons: what failed and then mended calls have taught so far."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from ste_graph.contracts import Context, LessonView, RecordView
from ste_graph.lessons import lessons_of, shown, text
from ste_graph.node import Node, NodeInputs, NodeOutputs
from ste_graph.records import of_now


class Lessons(Node):
    """Give the lessons of the tool at hand, best founded first, as lines for a prompt.

    They are drawn anew each time from everything the memory holds, whatever the memory's `recall` shows, less the
    trials of an older definition of the tool: so a resumed run draws the same. Let the `record` keep `ids`, or nothing
    is learnt about what the lessons are worth.

    Differs: the paper keeps failed trials in view, but draws nothing from them.
    """

    memory: RecordView
    k: Annotated[int, Field(ge=0)] = 3

    class Inputs(NodeInputs):
        """The tool at hand."""

        tool: dict[str, Any]

    class Outputs(NodeOutputs):
        """A line per lesson, and their ids in the same order."""

        lines: list[str]
        ids: list[str]

    async def __call__(self, inputs: Inputs, ctx: Context) -> Outputs:
        # Entries of earlier runs may carry the same record ids; the memory's own ids tell them apart.
        entries = [entry for entry in await self.memory.entries() if of_now(entry.record, inputs.tool)]
        trials = [{**entry.record, "id": entry.id} for entry in entries]
        found = shown(lessons_of(trials), str(inputs.tool["name"]), self.k)
        return self.Outputs(lines=list(map(text, found)), ids=[lesson.id for lesson in found])


class LessonsOffered(Node):
    """Give the lessons of the tools that are offered, for a request of which nobody says which tool serves it.

    First those of the tool of whose earlier requests one is nearest to this one, at most `per_tool`; then those of the
    next nearest tool, until there are `k`.

    Differs: the paper has no lessons; those of the tool at hand alone would give away what is asked.
    """

    memory: LessonView
    per_tool: Annotated[int, Field(ge=1)] = 3
    k: Annotated[int, Field(ge=0)] = 6

    class Inputs(NodeInputs):
        """The request, and the names of the tools."""

        query: str
        names: list[str]

    class Outputs(NodeOutputs):
        """A line per lesson, and their ids in the same order; `origin` says which run's trials taught them."""

        lines: list[str]
        ids: list[str]
        origin: dict[str, Any] | None

    async def __call__(self, inputs: Inputs, ctx: Context) -> Outputs:
        found = await self.memory.select_lessons(inputs.query, tools=inputs.names, per_tool=self.per_tool, k=self.k)
        origin = found.origin.model_dump() if found.origin else None
        return self.Outputs(lines=found.lines, ids=found.ids, origin=origin)
