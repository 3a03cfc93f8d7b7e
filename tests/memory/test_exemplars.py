import numpy as np
import pytest

from ste_graph.errors import WorkflowError
from ste_graph.memory.exemplar import Exemplar
from ste_graph.memory.exemplars import ExemplarStore
from ste_graph.records import Seen, Step

GOOD = Seen(ok=True, kind="ok", text="done")


def exemplar(query: str, tool: str = "weather", *, id: str | None = None, verified=("format", "execution"), **more):
    step = Step(thought=None, action=tool, arguments={"q": query}, observation=GOOD)
    return Exemplar(
        id=id or f"{tool} {query}", query=query, tool=tool, calls=[step], answer="It is so.", verified=verified, **more
    )


REQUESTS = ["rain in Paris", "rain in Rome tomorrow", "wind at sea", "snow on the mountain"]


@pytest.fixture
def open_store(tmp_path, word_hashes):
    stores = []

    def open(path=tmp_path / "store", **more):
        store = ExemplarStore.open(path, **{"embedder": word_hashes, "create": True, **more})
        stores.append(store)
        return store

    yield open
    for store in stores:
        store.close()


@pytest.fixture
def store(open_store):
    store = open_store()
    store.add([*map(exemplar, REQUESTS), exemplar("3 miles in km", "units"), exemplar("rain in mm", "units")])
    return store


def queries(found):
    return [one.exemplar.query for one in found]


def test_search_gives_the_nearest_first_with_their_similarity(store):
    found = store.search("rain in Paris", 2)
    assert queries(found) == ["rain in Paris", "rain in mm"]
    assert found[0].similarity == 1.0
    assert found[0].exemplar == exemplar("rain in Paris")


def test_search_within_tools_finds_no_other(store):
    assert queries(store.search("rain in Paris", 9, tools=["units"])) == ["rain in mm", "3 miles in km"]
    assert store.search("rain", 3, tools=["roman"]) == []
    assert store.search("rain", 3, tools=[]) == []


def test_what_is_not_verified_or_stale_is_found_only_when_asked_for(store):
    store.add([exemplar("rain rain", verified=("format",)), exemplar("rain or not", stale=True)])
    assert not {"rain rain", "rain or not"} & {*queries(store.search("rain", 99))}
    assert {"rain rain", "rain or not"} < {*queries(store.search("rain", 99, gates=None))}


def test_nothing_is_found_in_an_empty_store_and_for_k_of_nought(open_store, store, tmp_path):
    empty = open_store(tmp_path / "other")
    assert (empty.search("rain"), empty.render("rain"), empty.messages("rain"), empty.tools) == ([], "", [], [])
    assert store.search("rain", 0) == []
    with pytest.raises(WorkflowError, match="k is -1; expected 0 or more"):
        store.search("rain", -1)


def test_another_store_object_sees_what_was_added_and_adding_again_changes_nothing(open_store, store):
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


def test_vectors_that_do_not_fit_are_refused(store, tmp_path):
    with pytest.raises(WorkflowError, match=r"vectors of shape \(1, 3\) do not fit; expected rows of 32 numbers"):
        store.add([exemplar("new")], np.ones((1, 3), np.float32))
    bad = np.full((1, 32), np.nan, np.float32)
    with pytest.raises(WorkflowError, match="vector 0 is not finite"):
        store.add([exemplar("new")], bad)
    with pytest.raises(WorkflowError, match="vector 0 is not finite"):
        store.search_vectors(bad)
    assert len(store) == 6


def test_a_path_that_is_no_store_is_refused(tmp_path):
    with pytest.raises(
        WorkflowError, match=r"is no store of exemplars and no run; expected a folder with exemplars\.jsonl"
    ):
        ExemplarStore.open(tmp_path / "nowhere")
