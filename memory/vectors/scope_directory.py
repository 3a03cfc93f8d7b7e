"""A directory of the rows of each scope on a server, kept next to a collection in small ones."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from ste_graph.contracts import Scope
from ste_graph.memory.batches import slices
from ste_graph.memory.vectors.collection import ROWS, VectorCollection

if TYPE_CHECKING:
    from chromadb.api.models.Collection import Collection

_SHARDS: Final = 64
_CONFIGURATION: Final[Mapping[str, Any]] = {"hnsw": {"max_neighbors": 2, "ef_construction": 2}}


class ScopeDirectory:
    """The ids of the rows of each scope.

    Chroma goes through all rows of a collection to find those with a value in their metadata, which for a million takes
    a fifth of a second. So the ids are spread over 64 collections by the hash of the scope. They only propose: a row
    is there if the collection has it, so that whoever stops in the middle of writing leaves nothing wrong, provided
    that rows are entered here before they are written, and removed here after they are deleted. Chroma wants vectors;
    those here are all the same, of one number, and never searched.
    """

    def __init__(self, collection: VectorCollection) -> None:
        self._collection = collection
        self._shards: dict[int, Collection] = {}

    def add(self, rows: Iterable[tuple[str, Scope]]) -> None:
        """Enter rows by id and scope; one that is there stays. Raises `RunError`."""
        for shard, keys in _group_by_shard(rows).items():
            for part in slices(len(keys), ROWS):
                some = [*keys][part]
                with self._collection.guard("writing the index"):
                    self._open(shard).upsert(
                        ids=some,
                        embeddings=np.ones((len(some), 1), dtype=np.float32),
                        metadatas=[{"scope": keys[key]} for key in some],
                    )

    def find(self, scope: Scope, limit: int) -> list[str]:
        """The ids of the rows that may be of a scope, so many at most. Raises `RunError`."""
        key = _hash(scope)
        with self._collection.guard("reading the index"):
            found = self._open(_shard(key)).get(where={"scope": key}, limit=limit, include=[])
        return [id.partition(":")[2] for id in found["ids"]]

    def delete(self, rows: Iterable[tuple[str, Scope]]) -> None:
        """Remove rows by id and scope. Raises `RunError`."""
        for shard, keys in _group_by_shard(rows).items():
            for part in slices(len(keys), ROWS):
                some = [*keys][part]
                with self._collection.guard("writing the index"):
                    self._open(shard).delete(ids=some)

    def _open(self, shard: int) -> Collection:
        if shard not in self._shards:
            self._shards[shard] = self._collection.open_beside(f"scopes.{shard}", _CONFIGURATION)
        return self._shards[shard]


def _group_by_shard(rows: Iterable[tuple[str, Scope]]) -> dict[int, dict[str, str]]:
    """The keys of rows with the hashes of their scopes, by shard."""
    shards: dict[int, dict[str, str]] = defaultdict(dict)
    for id, scope in rows:
        key = _hash(scope)
        shards[_shard(key)][f"{key}:{id}"] = key
    return shards


def _hash(scope: Scope) -> str:
    return hashlib.blake2b(json.dumps(scope).encode(), digest_size=8).hexdigest()


def _shard(key: str) -> int:
    return int(key, 16) % _SHARDS
