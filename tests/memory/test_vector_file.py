import logging

import numpy as np

from ste_graph.memory.vectors.vector_file import VectorFile

VECTORS = {2**64 - 1: np.array([1, 0], dtype=np.float32), 7: np.array([0, 1], dtype=np.float32)}


def written(path):
    file = VectorFile(path)
    file.put(dict(VECTORS))
    file.save()
    return path


def test_vectors_come_back_by_the_hashes_of_their_texts(tmp_path):
    file = VectorFile(written(tmp_path / "new" / "v.npz"))
    found = file.get([7, 8, 2**64 - 1])
    assert {hash: vector.tolist() for hash, vector in found.items()} == {7: [0, 1], 2**64 - 1: [1, 0]}


def test_what_is_removed_is_in_no_file(tmp_path):
    path = written(tmp_path / "v.npz")
    file = VectorFile(path)
    file.remove([7, 8])
    file.save()
    assert list(VectorFile(path).get([7, 2**64 - 1])) == [2**64 - 1]


def test_nothing_is_written_while_nothing_changes(tmp_path):
    path = written(tmp_path / "v.npz")
    before = path.stat().st_mtime_ns, path.stat().st_ino
    file = VectorFile(path)
    file.get([7])
    file.remove([8])
    file.save()
    assert (path.stat().st_mtime_ns, path.stat().st_ino) == before


def test_a_damaged_file_is_made_again(tmp_path):
    path = written(tmp_path / "v.npz")
    for content in (b"", b"nothing of the kind", path.read_bytes()[:-40]):
        path.write_bytes(content)
        file = VectorFile(path)
        assert file.get([7]) == {}
        file.put(dict(VECTORS))
        file.save()
        assert len(VectorFile(path).get([7])) == 1


def test_a_cache_that_cannot_be_written_is_a_warning(tmp_path, caplog):
    (tmp_path / "file").write_text("no folder")
    file = VectorFile(tmp_path / "file" / "v.npz")
    file.put(dict(VECTORS))
    with caplog.at_level(logging.WARNING):
        file.save()
    assert list(file.get([7])) == [7]
    (message,) = caplog.messages
    assert message == (
        f"{tmp_path}/file: vectors cannot be cached here (File exists), so that they are computed again next time; "
        "set STE_CACHE to another folder"
    )
