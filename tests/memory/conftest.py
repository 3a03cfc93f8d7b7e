import hashlib
from collections.abc import Sequence

import numpy as np
import pytest

from ste_graph.contracts import Entry
from ste_graph.memory.exemplars.exemplar import Exemplar
from ste_graph.memory.exemplars.store import ExemplarStore
from ste_graph.records import StepObservation, TrialStep


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
    """Makes an entry of a request: `entry("text")`, `entry("text", unit="…", id="…")`."""

    def make(text: str, *, unit: str = "weather", id: str | None = None) -> Entry:
        id = id or hashlib.md5(f"{unit} {text}".encode()).hexdigest()
        return Entry(id=id, scope=(unit,), text=text, record={"query": text, "solved": True, "steps": []})

    return make


@pytest.fixture
def exemplar():
    """Makes a verified exemplar: `exemplar("text")`, `exemplar("text", "tool", arguments={…}, id="…", …)`."""

    def make(
        query: str, tool: str = "weather", *, arguments=None, verified=("format", "execution", "grounding"), **more
    ) -> Exemplar:
        seen = StepObservation(ok=True, kind="ok", text="It rains.")
        call = TrialStep(thought="I look.", action=tool, arguments=arguments or {"text": query}, observation=seen)
        given = {"id": f"{tool} {query}", "calls": [call], "answer": "Take a coat.", **more}
        return Exemplar(query=query, tool=tool, verified=verified, **given)

    return make


@pytest.fixture
def open_store(tmp_path, word_hashes):
    """Opens stores of exemplars, all of one folder unless told otherwise, and closes them at the end."""
    stores = []

    def open(path=tmp_path / "store", **more) -> ExemplarStore:
        store = ExemplarStore.open(path, **{"embedder": word_hashes, "create": True, **more})
        stores.append(store)
        return store

    yield open
    for store in stores:
        store.close()


@pytest.fixture
def store(open_store, exemplar):
    """Four exemplars of `weather`, two of `units`."""
    store = open_store()
    requests = ["rain in Paris", "rain in Rome tomorrow", "wind at sea", "snow on the mountain"]
    store.add([*map(exemplar, requests), exemplar("3 miles in km", "units"), exemplar("rain in mm", "units")])
    return store


@pytest.fixture
def mended(exemplar):
    """A trial of `weather` in which a call failed and the next one did not."""

    def called(place, text, *, ok):
        seen = StepObservation(ok=ok, kind="ok" if ok else "tool_error", text=text)
        return TrialStep(thought=None, action="weather", arguments={"place": place}, observation=seen)

    calls = [called(3, "`place` must be a city.", ok=False), called("Rome", "Sun.", ok=True)]
    return exemplar("sun in Rome", calls=calls)
