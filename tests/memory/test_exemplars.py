import shutil
import warnings

import numpy as np
import pytest

from ste_graph.contracts import Selection
from ste_graph.errors import RunError, WorkflowError
from ste_graph.memory.exemplars.store import ExemplarStore
from ste_graph.memory.vectors.chroma_client import open_client
from ste_graph.memory.vectors.chroma_workarounds import close_client
from ste_graph.memory.vectors.collection import VectorCollection


def queries(found):
    return [item.exemplar.query for item in found]


def test_search_gives_the_nearest_first_with_their_similarity(store, exemplar):
    found = store.search("rain in Paris", 2)
    assert queries(found) == ["rain in Paris", "rain in mm"]
    assert found[0].similarity == 1.0
    assert found[0].exemplar == exemplar("rain in Paris")


def test_what_a_caller_changes_in_an_exemplar_stays_with_the_caller(store, exemplar):
    id = exemplar("rain in Paris").id
    for found in (store.get([id])[0], store.search("rain in Paris", 1)[0].exemplar):
        found.calls[0].arguments["other"] = 1
        found.calls.append(found.calls[0])
    assert store.get([id]) == [store.search("rain in Paris", 1)[0].exemplar] == [exemplar("rain in Paris")]


def test_search_within_tools_finds_no_other(store):
    assert queries(store.search("rain in Paris", 9, tools=["units"])) == ["rain in mm", "3 miles in km"]
    assert store.search("rain", 3, tools=["roman"]) == []
    assert store.search("rain", 3, tools=[]) == []


def test_what_is_not_verified_or_stale_is_found_only_when_asked_for(store, exemplar):
    store.add([exemplar("rain rain", verified=("format",)), exemplar("rain or not", stale=True)])
    assert not {"rain rain", "rain or not"} & {*queries(store.search("rain", 99))}
    assert {"rain rain", "rain or not"} < {*queries(store.search("rain", 99, gates=None))}


def test_nothing_is_found_in_an_empty_store_and_for_k_of_nought(open_store, store, tmp_path):
    empty = open_store(tmp_path / "other")
    assert (empty.search("rain"), empty.render("rain"), empty.messages("rain"), empty.tools) == ([], "", [], [])
    assert store.search("rain", 0) == []
    with pytest.raises(WorkflowError, match="k is -1; expected 0 or more"):
        store.search("rain", -1)


async def test_under_asyncio_the_same_is_had_with_an_a_before_the_name(store):
    assert queries(await store.asearch("rain", 2)) == queries(store.search("rain", 2))
    assert (await store.arender("rain"), await store.amessages("rain")) == (
        store.render("rain"),
        store.messages("rain"),
    )


def test_another_store_object_sees_what_was_added_and_adding_again_changes_nothing(open_store, store, exemplar):
    other = open_store()
    assert queries(other.search("hail", 1)) != ["hail"]
    assert store.add([exemplar("hail")]) == 1
    assert other.add([exemplar("hail")]) == 0
    assert queries(other.search("hail", 1)) == ["hail"]


def test_forgotten_exemplars_leave_no_trace(open_store, store, tmp_path):
    assert store.forget(tool="units") == 2
    assert queries(store.search("rain in mm", 9, tools=["units"])) == []
    assert len(open_store()) == 4
    assert "miles" not in (tmp_path / "store" / "exemplars.jsonl").read_text("utf-8")
    assert store.check() == []


def test_vectors_that_do_not_fit_are_refused(store, exemplar):
    with pytest.raises(WorkflowError, match=r"vectors of shape \(1, 3\) do not fit; expected rows of 32 numbers"):
        store.add([exemplar("new")], np.ones((1, 3), np.float32))
    bad = np.full((1, 32), np.nan, np.float32)
    with pytest.raises(WorkflowError, match="vector 0 is not finite"):
        store.add([exemplar("new")], bad)
    with pytest.raises(WorkflowError, match="vector 0 is not finite"):
        store.search_vectors(bad)
    assert len(store) == 6


def test_vectors_of_any_length_are_compared_by_their_direction(open_store, exemplar, tmp_path):
    store = open_store(tmp_path / "own")
    store.add([exemplar("far"), exemplar("near"), exemplar("none")], np.array([[90, 90], [0.1, 0], [0, 0]], np.float32))
    found = store.search_vectors(np.array([[7, 0]], np.float32), 3)[0]
    assert [(item.exemplar.query, round(item.similarity, 3)) for item in found] == [
        ("near", 1.0), ("far", 0.707), ("none", 0.0),
    ]  # fmt: skip
    assert store.search_vectors(np.array([[7, 0]], np.float32), 1, tools=["weather"])[0][0].exemplar.query == "near"


def test_a_path_that_is_no_store_is_refused(tmp_path):
    with pytest.raises(
        WorkflowError, match=r"not a store of exemplars, a pack or a run; expected a folder with exemplars\.jsonl"
    ):
        ExemplarStore.open(tmp_path / "nowhere")


def test_a_store_of_another_embedder_is_refused_with_the_way_to_make_it_again(open_store, store, tmp_path, word_hashes):
    other = type(word_hashes)("other hashes")
    with pytest.raises(WorkflowError) as refused:
        ExemplarStore.open(tmp_path / "store", embedder=other)
    folder = tmp_path / "store"
    assert str(refused.value) == (
        f"{folder}/index: the index was made with embedder word hashes, expected other hashes. "
        f"Make the index again from the log: ste memory rebuild --from {folder}"
    )


@pytest.mark.parametrize(
    ("metadata", "space", "size", "said"),
    [
        ({"embedder": "word hashes", "dimension": 32, "layout": 2}, "l2", 32, "metric l2, expected cosine"),
        ({"embedder": "word hashes", "dimension": 32, "layout": 2}, "cosine", 3, "dimension 3, expected 32"),
        ({"embedder": "word hashes", "layout": 2}, "cosine", 32, "dimension None, expected a number"),
        (None, "cosine", 32, "embedder None, expected word hashes"),
    ],
)
def test_an_index_that_others_made_in_another_way_is_refused_with_the_way_to_make_it_again(
    open_store, store, tmp_path, metadata, space, size, said
):
    ids = store.ids
    store.close()
    folder = tmp_path / "store"
    shutil.rmtree(folder / "index")
    client = open_client(folder / "index")
    settings = {"metadata": metadata, "configuration": {"hnsw": {"space": space}}, "embedding_function": None}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = client.create_collection("exemplars_1", **settings)
    made.upsert(ids=ids, embeddings=np.eye(len(ids), size, dtype=np.float32))
    close_client(client)
    with pytest.raises(WorkflowError) as refused:
        open_store().search("rain", 1)
    assert str(refused.value) == (
        f"{folder}/index: the index was made with {said}. "
        f"Make the index again from the log: ste memory rebuild --from {folder}"
    )


def test_a_store_whose_embedder_cannot_be_had_says_what_to_do(store, tmp_path, monkeypatch):
    store.close()
    monkeypatch.setattr("ste_graph.memory.vectors.weights._find_on_hub", _refuse)
    with pytest.raises(WorkflowError) as refused:
        ExemplarStore.open(tmp_path / "store").search("rain")
    folder = tmp_path / "store"
    assert str(refused.value) == (
        f"{folder}: the store was made with word hashes. sentence-transformers/word hashes is not available. "
        f"Or make its index again with another one: ste memory rebuild --from {folder} --embedder MODEL"
    )


def test_a_damaged_line_is_named_once_and_the_rest_is_used(open_store, store, tmp_path, caplog):
    store.close()
    log = tmp_path / "store" / "exemplars.jsonl"
    lines = log.read_text("utf-8").splitlines(keepends=True)
    log.write_text("".join([lines[0], '{"id": 3\n', *lines[1:]]), "utf-8")
    again = open_store()
    assert len(again) == 6
    assert again.search("rain in Paris", 1)[0].similarity == 1.0
    wrong = "Invalid JSON: EOF while parsing an object at line 2 column 0"
    said = f"{log}:2: this line is left out: not an exemplar ({wrong})"
    assert again.check() == [said]
    assert caplog.messages == [f"{said}; the rest is used"]


def test_a_torn_last_line_is_as_if_it_were_never_written(open_store, store, exemplar, tmp_path):
    store.close()
    with (tmp_path / "store" / "exemplars.jsonl").open("a") as log:
        log.write('{"id": "half')
    again = open_store()
    assert (len(again), again.check()) == (6, [])
    again.add([exemplar("hail")])
    assert (len(again), again.check()) == (7, [])


def test_a_comparison_says_what_differs_and_mends_nothing(store, tmp_path):
    folder = tmp_path / "store"
    assert ExemplarStore.compare(folder) == (6, [])
    store.close()
    shutil.rmtree(folder / "index")
    count, said = ExemplarStore.compare(folder)
    assert (count, len(said)) == (6, 6)
    assert all(line.endswith("is in the log but not in the index") for line in said)
    assert not (folder / "index").exists()


def holding(folder, text):
    """The files that hold a text, but for `forgotten.json`: the ids in it hold the request in these tests."""
    files = (file for file in folder.rglob("*") if file.is_file() and file.name != "forgotten.json")
    return sorted(file.name for file in files if text in file.read_bytes())


def test_what_was_forgotten_is_in_no_file_of_the_store(open_store, store, tmp_path):
    folder = tmp_path / "store"
    assert holding(folder, b"rain in mm") == ["chroma.sqlite3", "exemplars.jsonl"]
    store.forget(tool="units")
    assert holding(folder, b"rain in mm") == []
    assert queries(store.search("rain in Paris", 1)) == queries(open_store().search("rain in Paris", 1))
    assert store.check() == []


def test_what_the_memory_of_a_process_held_does_not_stay_in_the_unused_room_of_the_index(open_store, tmp_path, store):
    store.close()
    (vectors,) = (tmp_path / "store").rglob("data_level0.bin")
    size = vectors.stat().st_size
    vectors.write_bytes(b"a secret".ljust(size, b"\1"))
    again = open_store()
    assert vectors.read_bytes() == bytes(size)
    assert again.search("rain in Paris", 1)[0].similarity == 1.0


def test_an_index_stays_when_the_embedder_to_make_it_again_cannot_be_had(tmp_path, store, monkeypatch):
    store.close()
    monkeypatch.setattr("ste_graph.memory.vectors.weights._find_on_hub", _refuse)
    with pytest.raises(WorkflowError, match="is not available"):
        ExemplarStore.rebuild(tmp_path / "store")
    assert ExemplarStore.compare(tmp_path / "store") == (6, [])


def _refuse(name, why):
    raise WorkflowError(f"{name} is not available.")


def test_a_server_has_no_log_to_make_an_index_from():
    with pytest.raises(WorkflowError, match="http://localhost:1: a server keeps no log"):
        ExemplarStore.rebuild("http://localhost:1")


def test_lessons_of_the_tool_at_hand_stand_above_the_exemplars(open_store, store, mended):
    reader = open_store()
    assert reader.lessons("weather") == []
    store.add([mended])
    (lesson,) = reader.lessons("weather")
    assert lesson.startswith("Lesson: calling weather, it failed with `place`: 3")
    assert reader.lessons("weather", 0) == reader.lessons("units") == []
    text = reader.render("rain in Paris", Selection(k=1), introduction="Look:", lessons=3)
    assert text == f"{lesson}\n\nLook:\n\n{reader.render('rain in Paris', Selection(k=1))}"
    assert "Lesson" not in reader.render("3 miles in km", Selection(k=1), lessons=3)
    assert reader.render("rain", Selection(k=0), tools=["weather"], introduction="Look:", lessons=1) == lesson
    store.mark_stale([mended.id])
    assert reader.lessons("weather") == []


@pytest.mark.parametrize("query", ["rain " * 20_000, "дождь в Париже", "巴黎下雨吗", "half \ud800", "", "\x00"])
def test_any_request_is_answered(store, exemplar, query):
    assert len(store.search(query, 3)) == 3
    assert store.render(query).count("User Query:") == 6
    assert store.add([exemplar(query, id="odd")]) == 1
    assert "odd" in {item.exemplar.id for item in store.search(query, 9)}


def test_what_is_marked_stale_is_not_embedded_again_and_the_mark_can_be_taken_off(store, exemplar, word_hashes):
    word_hashes.asked.clear()
    assert store.mark_stale(["weather rain in Paris"]) == 1
    assert store.mark_stale(["weather rain in Paris"]) == 0
    assert word_hashes.asked == []
    assert "rain in Paris" not in queries(store.search("rain in Paris", 9))
    store.add([exemplar("rain in Paris")])
    assert store.search("rain in Paris", 1)[0].similarity == 1.0


def test_a_store_on_a_server_behaves_like_one_in_a_folder(open_store, exemplar, chroma_server, tmp_path, word_hashes):
    here, there = open_store(tmp_path / "here"), open_store(chroma_server)
    reader = open_store(chroma_server)
    assert len(reader) == 0
    for store in (here, there):
        store.add([exemplar(text) for text in ("rain in Paris", "wind at sea", "hail")])
        store.add([exemplar("3 miles in km", "units")])
        store.mark_stale(["weather hail"])
        assert store.forget(ids=["weather wind at sea"]) == 1
    assert reader.exemplars() == here.exemplars()
    assert reader.search("rain in Paris", 9) == here.search("rain in Paris", 9)
    assert reader.search("hail", 9, gates=None) == here.search("hail", 9, gates=None)
    assert (reader.tools, len(reader), reader.check()) == (["units", "weather"], 3, [])
    with pytest.raises(WorkflowError, match="the index was made with embedder word hashes, expected other"):
        ExemplarStore.open(chroma_server, embedder=type(word_hashes)("other"))


def test_who_writes_to_a_server_sees_what_another_one_wrote_meanwhile(open_store, exemplar, chroma_server, monkeypatch):
    here, there = open_store(chroma_server), open_store(chroma_server)
    here.add([exemplar("rain in Paris")])
    add = VectorCollection.add

    def add_while_another_writes(self, rows, *more, **settings):
        add(self, rows, *more, **settings)
        if rows[0].text == "hail":
            there.add([exemplar("wind at sea")])

    with monkeypatch.context() as patch:
        patch.setattr(VectorCollection, "add", add_while_another_writes)
        here.add([exemplar("hail")])
    assert here.ids == there.ids == ["weather hail", "weather rain in Paris", "weather wind at sea"]
    assert here.search("wind at sea", 1)[0].similarity == 1.0


def test_a_server_that_is_not_there_is_said(word_hashes):
    with pytest.raises(RunError, match=r"^http://127\.0\.0\.1:9: opening the index failed .* Start the server"):
        ExemplarStore.open("http://127.0.0.1:9", embedder=word_hashes)


def test_the_tools_of_the_nearest_exemplars_are_mostly_the_right_ones(tmp_path):
    """Real requests, the real embedder; the benchmark prints the figures."""
    from tests.bench.bench_memory import nearest_tools, real_requests

    requests = real_requests()
    if not requests:
        pytest.skip("STE_DATA holds no ste/tool_test.json")
    shares = nearest_tools(tmp_path / "store", requests)
    assert shares[1] > 0.88
    assert shares[8] > 0.96
