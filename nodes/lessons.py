"""Lessons: what failed and then mended calls of the tool have taught so far."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from ste_graph.contracts import Recall
from ste_graph.lessons import lessons_of, shown, text
from ste_graph.node import Node, Output, Reads
from ste_graph.records import of_now


class Lessons(Node):
    """Give the lessons of the tool at hand, best founded first, as lines for a prompt.

    They are drawn anew each time from everything the memory holds, whatever the memory's `recall` shows, less the
    trials of an older definition of the tool: so a resumed run draws the same. Let the `record` keep `ids`, or nothing
    is learnt about what the lessons are worth.

    Differs: the paper keeps failed trials in view, but draws nothing from them.
    """

    memory: Recall
    k: Annotated[int, Field(ge=0)] = 3

    class See(Reads):
        """The tool at hand."""

        tool: dict[str, Any]

    class Gives(Output):
        """A line per lesson, and their ids in the same order."""

        lines: list[str]
        ids: list[str]

    async def __call__(self, see: See) -> Gives:
        # Entries of earlier runs may carry the same record ids; the memory's own ids tell them apart.
        entries = [entry for entry in await self.memory.entries() if of_now(entry.record, see.tool)]
        trials = [{**entry.record, "id": entry.id} for entry in entries]
        found = shown(lessons_of(trials), str(see.tool["name"]), self.k)
        return self.Gives(lines=list(map(text, found)), ids=[lesson.id for lesson in found])
