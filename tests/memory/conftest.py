import hashlib
from collections.abc import Sequence

import numpy as np
import pytest

from ste_graph.contracts import Entry


class WordHashes:
    """An embedder without a model: texts that share words are near. Counts what it is asked; can be told to fail."""

    def __init__(self, name: str = "word hashes") -> None:
        self.name = name
        self.asked: list[str] = []
        self.fails: Exception | None = None

    async def embed(self, texts: Sequence[str]):
        self.asked.extend(texts)
        if self.fails:
            raise self.fails
        rows = np.full((len(texts), 32), 0.01, dtype=np.float32)
        for row, text in zip(rows, texts, strict=True):
            for word in text.lower().split():
                row[hashlib.md5(word.encode()).digest()[0] % 32] += 1
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)


@pytest.fixture
def word_hashes():
    return WordHashes()


@pytest.fixture
def entry():
    """Makes an entry of a request: `entry("text")`, `entry("text", scope="…", id="…")`."""

    def make(text: str, *, scope: str = "weather", id: str | None = None) -> Entry:
        id = id or hashlib.md5(f"{scope} {text}".encode()).hexdigest()
        return Entry(id=id, scope=scope, text=text, record={"query": text, "solved": True, "steps": []})

    return make
