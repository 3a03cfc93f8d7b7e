"""Exemplars on a real Chroma server: what it searches, many writers, a writer that is killed, moving, backup."""

import json
import multiprocessing
import os
import shutil
import signal
from functools import partial

import numpy as np
import pytest

from ste_graph.errors import RunError, WorkflowError
from ste_graph.memory.exemplars.exemplar import Exemplar
from ste_graph.memory.exemplars.search.chroma_rows import COLLECTION, add_exemplars
from ste_graph.memory.exemplars.search.searchable import Wanted
from ste_graph.memory.exemplars.search.server_exemplars import READ_WHOLE, ServerExemplars
from ste_graph.memory.exemplars.store import ExemplarStore
from ste_graph.memory.vectors.chroma_client import Wording
from ste_graph.memory.vectors.collection import VectorCollection
from ste_graph.memory.vectors.scope_directory import ScopeDirectory
from tests.bench.bench_memory import Given, exemplar
from tests.conftest import chroma

WRITERS, WRITTEN, SIZE = 3, 120, 16


def draw_vectors(rows: int, seed: int = 0):
    made = np.random.default_rng(seed).normal(size=(rows, SIZE)).astype(np.float32)
    return made / np.linalg.norm(made, axis=1, keepdims=True)


def queries(found) -> list[str]:
    return [match.exemplar.query for match in found]


def write(address: str, writer: int) -> None:
    """A process that adds its own exemplars, a few at a time, and one that all add."""
    vectors = draw_vectors(WRITTEN, writer + 1)
    with ExemplarStore.open(address, embedder=Given()) as store:
        for start in range(0, WRITTEN, 20):
            some = [exemplar(f"{writer}: {row}", f"tool {row % 3}") for row in range(start, start + 20)]
            store.add([exemplar("of all", "tool 0"), *some], np.vstack([draw_vectors(1), vectors[start : start + 20]]))


@pytest.fixture
def large(chroma_server):
    """A store on a server, with one tool of more exemplars than are compared in full, and ten of three each."""
    vectors = draw_vectors(READ_WHOLE + 44 + 30)
    made = [exemplar(f"request {row}", "large") for row in range(READ_WHOLE + 44)]
    made += [exemplar(f"request {len(made) + row}", f"small {row % 10}") for row in range(30)]
    with ExemplarStore.open(chroma_server, embedder=Given()) as store:
        store.add(made, vectors)
        yield store, made, vectors


def test_what_a_server_finds_is_what_is_nearest_within_any_tools_and_across(large):
    store, made, vectors = large
    small = [f"small {number}" for number in range(10)]
    for asked in draw_vectors(5, 9):
        order = np.argsort(-(vectors @ asked))
        for tools in (None, ["large"], ["small 3"], ["small 3", "large"], small, [*small, "large"], ["unknown"]):
            true = [made[row].query for row in order if tools is None or made[row].tool in tools][:8]
            assert queries(store.search_vectors(asked[None], 8, tools=tools)[0]) == true


def test_those_that_may_not_be_shown_are_passed_over_however_many_are_nearer(large):
    store, made, vectors = large
    asked = draw_vectors(1, 9)
    order = [made[row] for row in np.argsort(-(vectors @ asked[0]))]
    store.mark_stale(each.id for each in order[:100])
    assert queries(store.search_vectors(asked, 8)[0]) == [each.query for each in order[100:108]]
    assert queries(store.search_vectors(asked, 2, gates=None)[0]) == [each.query for each in order[:2]]


def test_the_nearest_of_each_tool_are_found(large):
    store, *_ = large
    asked = draw_vectors(1, 9)
    small = [f"small {number}" for number in range(5)]
    found = store._exemplars.search(asked, Wanted(1, frozenset(small), by_tool=True))[0]
    assert sorted(match.exemplar.tool for match in found) == small
    of_all = store._exemplars.search(asked, Wanted(2, by_tool=True))[0]
    tools = [match.exemplar.tool for match in of_all]
    assert len({*tools}) > 8
    assert max(map(tools.count, tools)) == 2
    assert of_all == sorted(of_all, key=lambda match: -match.similarity)


def test_a_client_of_a_server_holds_no_exemplars(large):
    store, *_ = large
    assert isinstance(store._exemplars, ServerExemplars)
    store.search_vectors(draw_vectors(1), 8)
    assert not [name for name, value in vars(store._exemplars).items() if isinstance(value, dict | list)]


def test_what_writers_add_at_once_is_there_once(chroma_server):
    start = multiprocessing.get_context("spawn")
    writers = [start.Process(target=write, args=(chroma_server, writer)) for writer in range(WRITERS)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert [writer.exitcode for writer in writers] == [0] * WRITERS
    expected = {f"{writer}: {row}" for writer in range(WRITERS) for row in range(WRITTEN)} | {"of all"}
    with ExemplarStore.open(chroma_server, embedder=Given()) as store:
        there = list_queries(store)
        assert (len(store), len(there), {*there}) == (len(expected), len(expected), expected)
        for writer in range(WRITERS):
            nearest = store.search_vectors(draw_vectors(WRITTEN, writer + 1)[:20], 1)
            assert [found[0].exemplar.query for found in nearest] == [f"{writer}: {row}" for row in range(20)]


def list_queries(store: ExemplarStore) -> list[str]:
    return [each.query for each in store.read()]


def write_until_killed(address: str, ready) -> None:
    with ExemplarStore.open(address, embedder=Given()) as store:
        for row, vector in enumerate(draw_vectors(2_000)):
            store.add([exemplar(f"request {row}", "tool")], vector[None])
            if row == 3:
                ready.set()


def test_a_writer_that_is_killed_leaves_whole_exemplars_and_adding_again_completes_them(chroma_server):
    start = multiprocessing.get_context("spawn")
    ready = start.Event()
    writer = start.Process(target=write_until_killed, args=(chroma_server, ready))
    writer.start()
    assert ready.wait(60)
    os.kill(writer.pid, signal.SIGKILL)
    writer.join()
    vectors = draw_vectors(2_000)
    with ExemplarStore.open(chroma_server, embedder=Given()) as store:
        left = len(store)
        assert left >= 4
        assert list_queries(store) == [f"request {row}" for row in range(left)]
        found = store.search_vectors(vectors[:left], 1, tools=["tool"])
        assert queries(match for (match,) in found) == [f"request {row}" for row in range(left)]
        assert store.add([exemplar(f"request {row}", "tool") for row in range(left + 5)], vectors[: left + 5]) == 5
        assert len(store) == left + 5


def test_an_exemplar_that_changes_its_request_and_tool_is_found_by_the_new_ones_only(open_store, chroma_server):
    store = open_store(chroma_server)
    before = exemplar("rain in Paris", "weather")
    store.add([before])
    store.add([before.model_copy(update={"query": "3 miles in km", "tool": "units", "calls": []})])
    assert store.search("rain in Paris", tools=["weather"]) == []
    assert queries(store.search("3 miles in km", tools=["units"])) == ["3 miles in km"]
    assert (len(store), store.tools, store.has_tool("weather")) == (1, ["units"], False)
    assert store.forget(tool="units") == 1
    assert (len(store), store.search("3 miles in km")) == (0, [])


def test_what_is_frozen_shows_what_there_was(open_store, chroma_server):
    store, writer = open_store(chroma_server), open_store(chroma_server)
    writer.add([exemplar("rain in Paris", "weather"), exemplar("wind at sea", "weather")])
    store.freeze(["weather-rain in Paris"])
    writer.add([exemplar("rain in Rome", "weather")])
    assert queries(store.search("rain", tools=["weather"])) == queries(store.search("rain")) == ["rain in Paris"]
    assert (len(store), store.ids, list_queries(store)) == (1, ["weather-rain in Paris"], ["rain in Paris"])
    with pytest.raises(RunError, match="is read as it was; open it again to change it"):
        store.add([exemplar("hail", "weather")])


def test_a_copy_of_a_stopped_servers_folder_is_a_backup(tmp_path, word_hashes):
    made = [exemplar(f"request {row}", f"tool {row % 2}") for row in range(12)]
    with chroma(tmp_path / "server") as address, ExemplarStore.open(address, embedder=word_hashes) as store:
        store.add(made)
        before = store.search("request 7", 12)
    shutil.copytree(tmp_path / "server", tmp_path / "backup")
    with chroma(tmp_path / "backup") as address, ExemplarStore.open(address, embedder=word_hashes) as store:
        assert (store.exemplars(), store.search("request 7", 12)) == (made, before)


def test_the_commands_work_on_a_server_and_what_is_exported_comes_back(ste, chroma_server, tmp_path):
    lines = tmp_path / "exemplars.jsonl"
    made = [exemplar("rain in Paris", "weather"), exemplar("3 miles in km", "units")]
    lines.write_text("".join(each.model_dump_json() + "\n" for each in made), encoding="utf-8")
    assert ste("memory", "import", lines, "--into", chroma_server).out == "2 added or changed\n"
    assert ste("memory", "import", lines, "--into", chroma_server).out == "0 added or changed\n"
    shown = ste("memory", "search", "rain", "--from", chroma_server, "--tool", "weather", "--format", "json")
    assert [match["exemplar"]["query"] for match in json.loads(shown.out)] == ["rain in Paris"]
    unknown = ste("memory", "search", "rain", "--from", chroma_server, "--tool", "wether")
    assert unknown.code == 2
    assert "there are no exemplars of `wether`; there are some of: units, weather" in unknown.err
    assert ste("memory", "rebuild", "--from", chroma_server, "--check").code == 0
    out = tmp_path / "out.jsonl"
    assert ste("memory", "export", "--from", chroma_server, "--out", out).code == 0
    assert ste("memory", "forget", "--from", chroma_server, "--tool", "units").out == "1 forgotten\n"
    ste("memory", "import", out, "--into", chroma_server)
    again = tmp_path / "again.jsonl"
    ste("memory", "export", "--from", chroma_server, "--out", again)
    assert sorted(again.read_text("utf-8").splitlines()) == sorted(out.read_text("utf-8").splitlines())


def test_what_an_earlier_version_left_is_refused_and_can_be_exported(chroma_server, ste, tmp_path):
    made = [exemplar("rain in Paris", "weather")]
    client = VectorCollection(chroma_server, COLLECTION, Wording("", "", ""), "synthetic")
    add_exemplars(client, made, {made[0].id: draw_vectors(1)[0]}, "synthetic")
    client.close()
    with pytest.raises(WorkflowError) as error:
        ExemplarStore.open(chroma_server, embedder=Given())
    assert str(error.value) == (
        f"{chroma_server}: the index was made with layout 2, expected 3. Use that one, or a new server: "
        "`ste memory export`, then `ste memory import`"
    )
    assert ste("memory", "export", "--from", chroma_server, "--out", tmp_path / "out.jsonl").code == 0
    assert Exemplar.model_validate_json((tmp_path / "out.jsonl").read_text("utf-8")) == made[0]


@pytest.mark.parametrize("fails", ["add_exemplars", "delete"])
def test_a_writer_that_stops_halfway_leaves_nothing_wrong(open_store, chroma_server, monkeypatch, fails):
    store, reader = open_store(chroma_server), open_store(chroma_server)
    rain, wind = exemplar("rain in Paris", "weather"), exemplar("wind at sea", "weather")
    store.add([rain])

    def stop(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        if fails == "delete":
            patch.setattr(ScopeDirectory, "delete", stop)
            interrupted = partial(store.forget, ids=[rain.id])
        else:
            patch.setattr("ste_graph.memory.exemplars.search.server_exemplars.add_exemplars", stop)
            interrupted = partial(store.add, [wind])
        with pytest.raises(KeyboardInterrupt):
            interrupted()
    left = [] if fails == "delete" else ["rain in Paris"]
    assert queries(reader.search("rain", tools=["weather"])) == queries(reader.search("rain")) == left
    assert reader.add([rain, wind]) == 2 - len(left)
    assert {*queries(reader.search("rain", tools=["weather"]))} == {"rain in Paris", "wind at sea"}
