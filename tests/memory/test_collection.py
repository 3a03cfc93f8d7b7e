import subprocess
import sys
import warnings

import numpy as np
import pytest

from ste_graph.errors import RunError, WorkflowError
from ste_graph.memory.vectors.chroma_client import Wording, open_client
from ste_graph.memory.vectors.chroma_workarounds import close_client
from ste_graph.memory.vectors.collection import VectorCollection
from ste_graph.memory.vectors.vector_store import VectorRow

WORDING = Wording("here: vectors", "Repair it.", "Make it again.")


@pytest.fixture(params=["in a folder", "on a server"])
def where(request, tmp_path):
    return tmp_path / "index" if request.param == "in a folder" else request.getfixturevalue("chroma_server")


@pytest.fixture
def open_collection(where):
    """Opens the same collection, and closes what is open at the end."""
    opened = []

    def open(embedder="synthetic") -> VectorCollection:
        collection = VectorCollection(where, "vectors", WORDING, embedder)
        opened.append(collection)
        return collection

    yield open
    for collection in opened:
        collection.close()


def add(collection, vectors, *, scope=("add",), names="abcdefgh"):
    rows = [VectorRow(name, scope, f"text {name}", {"number": 1}) for name in names[: len(vectors)]]
    collection.add(rows, np.array(vectors, dtype=np.float32), embedder="synthetic")
    return rows


def test_rows_come_back_with_scope_text_metadata_and_vector(open_collection):
    collection = open_collection()
    assert (len(collection), collection.get(), collection.dimension) == (0, {}, None)
    rows = add(collection, [[1, 0], [0, 1]], scope=("add days", "episode=3", "ä"))
    again = open_collection(None)
    assert again.get() == {row.id: row for row in rows}
    assert again.get(["b", "x"]) == {"b": rows[1]}
    assert again.get_vectors(["b"])["b"].tolist() == [0, 1]
    assert (len(again), again.dimension, again.embedder) == (2, 2, "synthetic")


def test_a_row_that_is_there_is_replaced_and_deleted_rows_are_gone(open_collection):
    collection = open_collection()
    add(collection, [[1, 0], [0, 1]])
    add(collection, [[0, 1]])
    assert (len(collection), collection.get_vectors(["a"])["a"].tolist()) == (2, [0, 1])
    collection.delete(["a", "x"])
    assert list(collection.get()) == ["b"]


def test_a_search_finds_the_nearest_of_one_scope_or_of_all_ties_by_id(open_collection):
    collection = open_collection()
    assert collection.search(np.array([1, 0], dtype=np.float32), 3) == []
    add(collection, [[1, 0], [0.6, 0.8], [0.6, -0.8]], names="acb")
    add(collection, [[1, 0]], scope=("other",), names="d")
    query = np.array([1, 0], dtype=np.float32)
    assert collection.search(query, 2, scope=("add",)) == [("a", 1.0), ("b", 0.6)]
    assert collection.search(query, 2) == [("a", 1.0), ("d", 1.0)]
    assert collection.search(query, 0) == []
    assert collection.search(query, 2, scope=("nothing",)) == []


def test_a_search_misses_few_of_the_nearest(tmp_path):
    vectors = np.random.default_rng(0).normal(size=(3000, 32)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    collection = VectorCollection(tmp_path, "vectors", WORDING, "synthetic")
    rows = [VectorRow(str(row), (str(row % 3),), "", {}) for row in range(len(vectors))]
    collection.add(rows, vectors, embedder="synthetic")
    hits = 0
    for query in vectors[:30]:
        true = np.argsort(-(vectors @ query))[:8]
        hits += len({id for id, _ in collection.search(query, 8)} & {str(row) for row in true})
    collection.close()
    assert hits / (30 * 8) > 0.9


def test_what_an_earlier_version_has_written_is_refused(where, open_collection):
    client = open_client(where)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        configuration = {"hnsw": {"space": "cosine"}}
        metadata = {"embedder": "synthetic", "dimension": 2}
        client.create_collection("vectors", metadata=metadata, configuration=configuration, embedding_function=None)
    close_client(client)
    with pytest.raises(WorkflowError) as error:
        open_collection()
    assert str(error.value) == "here: vectors: the index was made with layout None, expected 2. Make it again."


def test_a_panic_in_chromas_rust_half_is_an_error_like_any_other(tmp_path, monkeypatch):
    class PanicException(BaseException): ...

    collection = VectorCollection(tmp_path, "vectors", WORDING, "synthetic")
    add(collection, [[1, 0]])

    def panic(*_, **__):
        raise PanicException("range end index 9 out of range")

    with monkeypatch.context() as patch:
        patch.setattr(collection._collection, "get", panic)
        with pytest.raises(RunError) as error:
            collection.get(["a"])
    assert str(error.value) == (
        "here: vectors: reading the index failed (PanicException: range end index 9 out of range). Repair it."
    )
    collection.close()


def test_a_folder_without_an_index_is_opened_without_chroma(tmp_path):
    script = (
        "import sys; from pathlib import Path\n"
        "from ste_graph.memory.vectors.chroma_client import Wording\n"
        "from ste_graph.memory.vectors.collection import VectorCollection\n"
        "collection = VectorCollection(Path(sys.argv[1]), 'vectors', Wording('', '', ''), 'synthetic')\n"
        "collection.close()\n"
        "sys.exit('chromadb' in sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", script, tmp_path / "index"], check=True)
    assert [*(tmp_path / "index").iterdir()] == []


def test_a_folder_that_cannot_be_written_to_is_refused_when_it_is_opened(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(
        RunError, match=r"^here: vectors: opening the index failed \(NotADirectoryError: .*Repair it\.$"
    ):
        VectorCollection(tmp_path / "file" / "index", "vectors", WORDING, "synthetic")


def test_a_collection_that_was_closed_before_anything_was_added_is_not_opened_again_by_adding(tmp_path):
    collection = VectorCollection(tmp_path / "index", "vectors", WORDING, "synthetic")
    collection.close()
    with pytest.raises(RunError, match="writing the index failed"):
        add(collection, [[1, 0]])
