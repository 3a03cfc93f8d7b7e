"""The promises of a store of exemplars when processes die, disks fill up, or two write at once."""

import multiprocessing
import os
import signal
import time

import numpy as np
import pytest

from ste_graph.errors import RunError
from ste_graph.files.lock import FileLock
from ste_graph.memory.exemplars.exemplar import Exemplar
from ste_graph.memory.exemplars.store import ExemplarStore
from ste_graph.memory.vectors.collection import VectorCollection
from ste_graph.records import StepObservation, TrialStep

SIZE = 16


class Numbered:
    """Embeds `WRITER: NUMBER` as a vector that no other text has."""

    name = "numbered"

    async def embed(self, texts):
        rows = [np.random.default_rng([int(part) for part in text.split(": ")]).normal(size=SIZE) for text in texts]
        return np.array([row / np.linalg.norm(row) for row in rows], dtype=np.float32)


def made(writer: int, number: int) -> Exemplar:
    step = TrialStep(thought=None, action="t", arguments={}, observation=StepObservation(ok=True, kind="ok", text="x"))
    text = f"{writer}: {number}"
    return Exemplar(
        id=text, query=text, tool=f"t{number % 3}", calls=[step], verified=("format", "execution", "grounding")
    )


def append(folder, writer, count, batch, acknowledged=None):
    store = ExemplarStore.open(folder, embedder=Numbered())
    for start in range(0, count, batch):
        store.add([made(writer, number) for number in range(start, min(start + batch, count))])
        if acknowledged is not None:
            acknowledged.value = min(start + batch, count)
    store.close()


@pytest.fixture
def folder(tmp_path):
    ExemplarStore.open(tmp_path / "s", embedder=Numbered(), create=True).close()
    return tmp_path / "s"


def assert_whole(folder, texts):
    with ExemplarStore.open(folder, embedder=Numbered()) as store:
        assert store.check() == []
        found = store.search_many(sorted(texts), 1)
        assert [item[0].exemplar.query for item in found] == sorted(texts)
        assert [item[0].similarity for item in found] == [1.0] * len(texts)


def full(*_, **__):
    raise RunError("no room in the index")


def test_two_processes_that_append_at_once_lose_nothing(folder):
    spawn = multiprocessing.get_context("spawn")
    writers = [spawn.Process(target=append, args=(folder, writer, 400, 40)) for writer in (0, 1)]
    with ExemplarStore.open(folder, embedder=Numbered()) as reader:
        for writer in writers:
            writer.start()
        seen = []
        while any(writer.is_alive() for writer in writers):
            seen.append(len(reader.search("0: 1", 1000)))
        for writer in writers:
            writer.join()
        assert [writer.exitcode for writer in writers] == [0, 0]
        assert seen == sorted(seen)
        assert len(reader.search("0: 1", 1000)) == 800
    assert_whole(folder, {f"{writer}: {number}" for writer in (0, 1) for number in range(400)})


@pytest.mark.parametrize("delay_s", [0.0, 0.02, 0.05, 0.09])
def test_a_process_killed_while_adding_loses_nothing_that_it_was_told_is_there(folder, delay_s):
    spawn = multiprocessing.get_context("spawn")
    acknowledged = spawn.Value("i", 0)
    writer = spawn.Process(target=append, args=(folder, 0, 100_000, 7, acknowledged))
    writer.start()
    while acknowledged.value < 50:
        assert writer.is_alive()
        time.sleep(0.005)
    time.sleep(delay_s)
    os.kill(writer.pid, signal.SIGKILL)
    writer.join()
    told = acknowledged.value
    with ExemplarStore.open(folder, embedder=Numbered()) as store:
        there = {item.query for item in store.exemplars()}
    assert {f"0: {number}" for number in range(told)} <= there
    assert len(there) <= told + 7
    assert_whole(folder, there)


def test_what_is_in_the_log_but_not_in_the_index_is_indexed_when_the_store_is_opened(folder, monkeypatch):
    with ExemplarStore.open(folder, embedder=Numbered()) as store:
        store.add([made(0, 0)])
        with monkeypatch.context() as patch:
            patch.setattr(VectorCollection, "add", full)
            with pytest.raises(RunError, match="no room in the index"):
                store.add([made(0, 1)])
    assert_whole(folder, {"0: 0", "0: 1"})


def test_while_the_index_has_no_room_what_it_has_is_found_and_later_all(folder, monkeypatch, caplog):
    with ExemplarStore.open(folder, embedder=Numbered()) as store:
        store.add([made(0, 0)])
        with monkeypatch.context() as patch:
            patch.setattr(VectorCollection, "add", full)
            with pytest.raises(RunError, match="no room in the index"):
                store.add([made(0, 1)])
            with ExemplarStore.open(folder, embedder=Numbered()) as reader:
                caplog.clear()
                assert [item.exemplar.query for item in reader.search("0: 1", 9)] == ["0: 0"]
                assert [item.exemplar.query for item in store.search("0: 1", 9)] == ["0: 0"]
                assert caplog.messages == ["no room in the index (going on without 1 exemplars)"] * 2
                with pytest.raises(RunError, match="no room in the index"):
                    reader.add([made(0, 2)])
        assert len(store.search("0: 1", 9)) == 1
        with ExemplarStore.open(folder, embedder=Numbered()) as other:
            assert len(other.search("0: 1", 9)) == 2
        assert len(store.search("0: 1", 9)) == 2
        assert store.add([made(0, 2)]) == 1
    assert_whole(folder, {"0: 0", "0: 1", "0: 2"})


def test_an_index_that_cannot_be_made_again_is_said_and_not_counted_as_whole(folder, monkeypatch):
    with ExemplarStore.open(folder, embedder=Numbered()) as store:
        store.add([made(0, 0)])
    with monkeypatch.context() as patch:
        patch.setattr(VectorCollection, "add", full)
        with pytest.raises(RunError, match="no room in the index"):
            ExemplarStore.rebuild(folder, embedder=Numbered())
    assert_whole(folder, {"0: 0"})


def test_a_full_disk_while_adding_is_said_and_nothing_of_it_is_in_the_store(folder, monkeypatch):
    with ExemplarStore.open(folder, embedder=Numbered()) as store:
        store.add([made(0, 0)])
        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left on device")))
            with pytest.raises(RunError) as said:
                store.add([made(0, number) for number in range(1, 9)])
        assert str(said.value) == (
            f"{folder}/exemplars.jsonl: cannot be written (No space left on device); what was being added is not in "
            "the store, everything else is. Make room, then add it again"
        )
        assert len(store) == 1
        assert store.add([made(0, 1)]) == 1
    assert_whole(folder, {"0: 0", "0: 1"})


def test_a_second_writer_that_waits_in_vain_is_told(folder):
    with ExemplarStore.open(folder, embedder=Numbered()) as store:
        store.add([made(0, 0)])
        store._exemplars.wait_s = 0.05
        with FileLock(folder / ".writer"), pytest.raises(RunError) as said:
            store.add([made(0, 1)])
        assert str(said.value) == (
            f"{folder}: another process has been writing to this store for 0.05 s; nothing was changed. "
            "Wait until it ends, then do it again"
        )
        assert len(store.search("0: 0")) == 1


def test_an_index_that_is_damaged_is_said_and_made_again_in_the_same_process(folder):
    with ExemplarStore.open(folder, embedder=Numbered()) as store:
        store.add([made(0, number) for number in range(5)])
    (folder / "index" / "chroma.sqlite3").write_bytes(b"no database " * 999)
    for _ in range(2):
        with pytest.raises(
            RunError, match=f"^{folder}/index: opening the index failed .* ste memory rebuild --from {folder}$"
        ):
            ExemplarStore.open(folder, embedder=Numbered()).search("0: 3")
    ExemplarStore.rebuild(folder, embedder=Numbered()).close()
    assert_whole(folder, {f"0: {number}" for number in range(5)})


def test_an_index_that_is_gone_or_of_another_embedder_is_made_again(folder):
    class Other(Numbered):
        name = "other"

    with ExemplarStore.open(folder, embedder=Numbered()) as store:
        store.add([made(0, number) for number in range(5)])
    ExemplarStore.rebuild(folder, embedder=Other()).close()
    with ExemplarStore.open(folder, embedder=Other()) as store:
        assert (len(store), store.check()) == (5, [])
        assert store.search("0: 3", 1)[0].similarity == 1.0
