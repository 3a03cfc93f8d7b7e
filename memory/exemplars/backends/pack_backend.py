"""The exemplars of a pack: read only, for the tools that they were adopted for, along with the lessons."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from threading import RLock

from ste_graph.errors import RunError
from ste_graph.memory.exemplars.backends.backend import Changes
from ste_graph.memory.exemplars.backends.cached_vectors import CachedVectors
from ste_graph.memory.exemplars.backends.log import ExemplarRow, RowMaker
from ste_graph.memory.exemplars.exemplar import Exemplar
from ste_graph.memory.exemplars.packs.pack_import import read_pack_exemplars
from ste_graph.memory.exemplars.search.embedder import StoreEmbedder
from ste_graph.memory.vectors.similarity import Vectors
from ste_graph.packs.pack import open_adopted_pack
from ste_graph.trials.lessons import Lesson


class PackBackend:
    """The exemplars of a pack as it was when opened.

    Vectors are computed when they are first asked for, and kept in the user's cache; with `recompute`, what the cache
    has is not used.

    Raises `WorkflowError` if the pack is not whole, is of another version, or nothing in it was adopted.
    """

    keeps_vectors = False

    def __init__(self, path: Path, embedder: StoreEmbedder, *, recompute: bool = False) -> None:
        self.place = str(path)
        self.lock = RLock()
        self.pack = open_adopted_pack(path)
        self._exemplars = {exemplar.id: exemplar for exemplar in read_pack_exemplars(self.pack)}
        make_row = RowMaker()
        self.rows: dict[str, ExemplarRow] = {id: make_row(exemplar) for id, exemplar in self._exemplars.items()}
        self._vectors = CachedVectors(self.pack.manifest.digest[:32], embedder, recompute=recompute)

    @property
    def dimension(self) -> int | None:
        return self._vectors.dimension

    @property
    def pack_lessons(self) -> list[Lesson]:
        return self.pack.lessons

    def is_current(self) -> bool:
        return True

    @contextmanager
    def reading(self, wait_s: float) -> Iterator[None]:
        try:
            yield
        finally:
            self._vectors.save()

    def writing(self, wait_s: float) -> AbstractContextManager[Changes]:
        raise self._read_only()

    def catch_up(self) -> Changes:
        return ()

    def exemplars(self) -> list[Exemplar]:
        return list(self._exemplars.values())

    def get(self, ids: Sequence[str]) -> dict[str, Exemplar]:
        return {id: self._exemplars[id] for id in ids if id in self._exemplars}

    def get_vectors(self, ids: Sequence[str]) -> dict[str, Vectors]:
        known = [id for id in ids if id in self._exemplars]
        return dict(zip(known, self._vectors.get([self._exemplars[id].query for id in known]), strict=True))

    def put(self, exemplars: Sequence[Exemplar], vectors: Mapping[str, Vectors]) -> Changes:
        raise self._read_only()

    def remove(self, ids: Sequence[str]) -> None:
        raise self._read_only()

    def forgotten_ids(self) -> set[str]:
        return set()

    def find_differences(self) -> list[str]:
        return []

    def close(self) -> None: ...

    def _read_only(self) -> RunError:
        return RunError(
            f"{self.place}: a pack is read only, since its digests prove what was measured; look at it with `ste pack "
            f"verify`, or copy its exemplars to change them: ste memory import {self.pack.exemplars_file} --into FOLDER"
        )
