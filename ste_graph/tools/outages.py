"""`limits.unanswered`: a source of tools that no longer answers is not explored to its end."""

from __future__ import annotations

from collections import Counter

from ste_graph.contracts import Observation, Tool
from ste_graph.errors import NoAnswerError
from ste_graph.tools.forwarded import backend


class Outages:
    """The servers of a run that no longer answer, as its units find out.

    A unit pauses after `limit` calls in a row that got no answer from one server; 0: never. Until that server has
    answered again, other units pause after their first such call: each would wait for it as long as the first did.
    """

    def __init__(self, limit: int = 0) -> None:
        self._limit = limit
        self._down: set[int] = set()

    def watch_unit(self) -> UnitOutages:
        """The object that notes the calls of one unit."""
        return UnitOutages(self._limit, self._down)


class UnitOutages:
    """The calls of one unit that got no answer, in a row, by server."""

    def __init__(self, limit: int, down: set[int]) -> None:
        self._limit = limit
        self._down = down
        self._unanswered: Counter[int] = Counter()

    def note(self, tool: Tool, observation: Observation) -> None:
        """Counts a call. Raises `NoAnswerError` if the unit is to pause.

        A call whose time was over says nothing about the server: its tool may be slow.
        """
        server = backend(tool)
        if server is None or self._limit == 0 or observation.kind in ("timeout", "interrupted"):
            return
        key = id(server)
        if observation.kind != "transport":
            self._unanswered[key] = 0
            self._down.discard(key)
            return
        self._unanswered[key] += 1
        if self._unanswered[key] >= self._limit or key in self._down:
            self._down.add(key)
            count = self._unanswered[key]
            times = f"{count} calls in a row" if count > 1 else "a call, as in other units,"
            raise NoAnswerError(
                f"paused: {times} got no answer from the server of `{tool.name}` (`limits.unanswered`): "
                f"{observation.text}\nnote: once it answers again, the same command goes on with this unit"
            )
