from importlib.metadata import version

import numpy as np
import pytest

from ste_graph.memory.experience.settings import Experience
from ste_graph.memory.vectors import chroma_workarounds
from ste_graph.memory.vectors.chroma_client import Wording
from ste_graph.memory.vectors.chroma_workarounds import TRIED, zero_unused_pages
from ste_graph.memory.vectors.collection import VectorCollection
from ste_graph.memory.vectors.shared_collections import SharedCollections
from ste_graph.memory.vectors.vector_store import VectorRow


@pytest.fixture
def index(tmp_path):
    """The folder of an index of so many vectors, written out."""

    def make(rows: int):
        vectors = np.random.default_rng(0).normal(size=(rows, 8)).astype(np.float32)
        collection = VectorCollection(tmp_path / "index", "vectors", Wording("index", "", ""), "synthetic")
        names = [str(row) for row in range(rows)]
        collection.add([VectorRow(name, (), name, {}) for name in names], vectors, embedder="synthetic")
        collection.close()
        return tmp_path / "index"

    return make


def test_the_workarounds_were_tried_with_the_installed_version_of_chroma():
    assert version("chromadb") in TRIED, (
        "look at every workaround in memory/vectors/chroma_workarounds.py again, then add the version to TRIED"
    )


def test_unused_pages_are_filled_with_zeros(index):
    folder = index(3)
    for name in ("data_level0.bin", "length.bin"):
        (file,) = folder.rglob(name)
        size = file.stat().st_size
        file.write_bytes(b"x" * size)
        zero_unused_pages(folder)
        assert file.read_bytes() == bytes(size)


def test_rows_that_are_used_stay_as_they_are(index):
    folder = index(1200)
    before = {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()}
    (vectors,) = folder.rglob("data_level0.bin")
    assert any(before[vectors])
    zero_unused_pages(folder)
    assert {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()} == before


def test_files_of_a_form_that_is_not_known_are_left_alone(index):
    folder = index(3)
    (vectors,) = folder.rglob("data_level0.bin")
    vectors.write_bytes(b"x" * 999)
    zero_unused_pages(folder)
    assert vectors.read_bytes() == b"x" * 999
    (header,) = folder.rglob("header.bin")
    header.write_bytes(b"short")
    zero_unused_pages(folder)


def test_an_index_that_is_made_again_in_the_same_process_is_cleaned_again(tmp_path, monkeypatch):
    cleaned = []
    monkeypatch.setattr(chroma_workarounds, "zero_unused_pages", cleaned.append)
    collections = SharedCollections()
    collection = collections.open(tmp_path / "index", "vectors", Wording("index", "", ""), "synthetic")
    for _ in range(2):
        cleaned.clear()
        collection.open()
        opened = len(cleaned)
        rows = [VectorRow("a", (), "a", {})]
        collection.add(rows, np.array([[1, 0]], dtype=np.float32), embedder="synthetic")
        assert len(cleaned) > opened, "what was written first was not cleaned"
        collections.remove(tmp_path / "index")
    collections.close(collection)


async def test_the_memory_of_a_run_leaves_its_unused_pages_empty_too(tmp_path, entry, word_hashes):
    for number in range(3):
        store = Experience().open("long_term", tmp_path, word_hashes)
        await store.reconcile([entry(f"rain {row}") for row in range(number + 1)])
        await store.nearest(("weather",), "rain", 1)
        await store.close()
        (vectors,) = tmp_path.rglob("data_level0.bin")
        assert not any(vectors.read_bytes())
        vectors.write_bytes(b"x" * vectors.stat().st_size)
