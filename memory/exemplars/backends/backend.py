"""The contract of the places where the exemplars of a store are kept: a folder, a server, the folder of a run."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Protocol, TypeAlias

from ste_graph.memory.exemplars.backends.log import ExemplarRow
from ste_graph.memory.exemplars.exemplar import Exemplar
from ste_graph.memory.vectors.similarity import Vectors
from ste_graph.trials.lessons import Lesson

BATCH = 1024
"""Exemplars embedded and written in one go."""

Changes: TypeAlias = Sequence[ExemplarRow] | None
"""The rows that are new or different; None if anything may have changed."""


class Backend(Protocol):
    """A place where exemplars are kept, which notices what others have written. Used under `lock` only."""

    place: str
    """The store's place, for messages."""
    lock: threading.RLock
    rows: dict[str, ExemplarRow]
    """The rows of all exemplars as last read, by id."""
    keeps_vectors: bool
    """True if vectors are written with the exemplars; else they are computed when they are first asked for."""

    @property
    def pack_lessons(self) -> Sequence[Lesson] | None:
        """The lessons that are kept along with the exemplars; None if they are drawn from these."""

    @property
    def dimension(self) -> int | None:
        """The length of a vector; None before the first one."""

    def is_current(self) -> bool:
        """True if nobody has written since `catch_up`."""

    def reading(self, wait_s: float) -> AbstractContextManager[None]:
        """Around `catch_up` and `get_vectors`: alone with the store, if it must be. Raises `BusyError`."""

    def writing(self, wait_s: float) -> AbstractContextManager[Changes]:
        """Around `put` and `remove`: alone with the store, with the changes of others. Raises `RunError`."""

    def catch_up(self) -> Changes:
        """Read what others have written, and return what is new."""

    def exemplars(self) -> list[Exemplar]:
        """All exemplars, in the order in which they came."""

    def get(self, ids: Sequence[str]) -> dict[str, Exemplar]:
        """The exemplars of `ids`, by id, those that are not there left out."""

    def get_vectors(self, ids: Sequence[str]) -> dict[str, Vectors]:
        """The vectors of exemplars, by id, those that are not there left out."""

    def put(self, exemplars: Sequence[Exemplar], vectors: Mapping[str, Vectors]) -> Changes:
        """Write exemplars, durably, replacing those that are there. `vectors` by id, unless it keeps none."""

    def remove(self, ids: Sequence[str]) -> None:
        """Remove exemplars for good: nothing of them stays, and none comes back from a run."""

    def forgotten_ids(self) -> set[str]:
        """Ids that are never again to be imported from a run."""

    def find_differences(self) -> list[str]:
        """The problems of the data that are kept, in words."""

    def close(self) -> None:
        """Let go of files and connections."""
