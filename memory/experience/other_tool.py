"""An earlier run as a source of records that have nothing to do with the tool at hand."""

from __future__ import annotations

from collections import defaultdict
from itertools import cycle, islice
from pathlib import Path

from ste_graph.contracts import Json, Scope
from ste_graph.errors import WorkflowError
from ste_graph.finished import open_run
from ste_graph.ids import derive_seed


class OtherToolSource:
    """The records of a run by its units, as they were when it was read. Blocking.

    Raises `WorkflowError` if the folder is not that of a run.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._units: dict[str, dict[str, list[dict[str, Json]]]] = {}
        for unit, log in open_run(path).logs().items():
            by_type = defaultdict(list)
            for step in log.record_steps:
                assert step.record is not None, "these are the steps with a record"
                by_type[step.record["record"]].append(step.record)
            self._units[unit] = by_type

    def records(self, scope: Scope, kind: str, count: int) -> list[dict[str, Json]]:
        """`count` records of type `kind`, in order, of a unit that is not the one to which `scope` belongs.

        The unit depends on the scope alone, so that a growing memory keeps to it. If it has too few, the next unit's
        follow, and in the end the first again. Raises `WorkflowError` if no other unit has any.
        """
        others = [unit for unit, by_type in self._units.items() if by_type.get(kind) and unit != scope[0]]
        if count and not others:
            raise WorkflowError(
                f"{self._path}: `other_tool` needs a run with records of type `{kind}` of another tool than "
                f"`{scope[0]}`; it has none. Name a run that explored several tools."
            )
        others.sort(key=lambda unit: derive_seed(*scope, unit))
        found = [record for unit in others for record in self._units[unit][kind]]
        return [dict(record) for record in islice(cycle(found), count)]
