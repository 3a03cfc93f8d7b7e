import pytest
from pydantic import ValidationError

from ste_graph.contracts import Entry, ExemplarMemory, Selection
from ste_graph.errors import RunError, WorkflowError
from ste_graph.memory.experience.settings import Experience


@pytest.fixture
def lent(store, tmp_path, word_hashes):
    def open(**settings):
        memory = Experience(**{"from": str(tmp_path / "store"), **settings})
        return memory.open("examples", tmp_path / "run" / "memory" / "examples", word_hashes)

    return open


async def test_a_memory_lends_the_exemplars_of_a_store_as_the_selection_says(lent, store):
    memory = lent()
    assert isinstance(memory, ExemplarMemory)
    shown = await memory.select_exemplars("rain in Paris", Selection(k=1), tools=["weather"])
    assert [item["query"] for item in shown.exemplars] == ["rain in Paris"]
    assert shown.text.startswith("User Query: rain in Paris\n")
    (near,) = await memory.nearest(("anywhere",), "rain in Paris", 1)
    assert (near.similarity, near.entry.text, near.entry.record["tool"]) == (1.0, "rain in Paris", "weather")
    await memory.close()


@pytest.mark.parametrize("place", ["in a folder", "on a server"])
async def test_what_is_lent_stays_as_it_stood_when_the_run_began_even_when_it_is_taken_up_again(
    lent, store, exemplar, open_store, place, request
):
    where = {}
    if place == "on a server":
        here, where = store, {"from": request.getfixturevalue("chroma_server")}
        store = open_store(where["from"])
        store.add(here.exemplars())
    memory = lent(**where)
    store.add([exemplar("hail")])
    stood = [item["query"] for item in await memory.recall((), like=None, seed=0)]
    assert stood == [item.query for item in store.exemplars()][:6]
    await memory.close()
    again = lent(**where)
    assert [item["query"] for item in await again.recall((), like=None, seed=0)] == stood
    shown = await again.select_exemplars("hail", Selection(k=9), tools=None)
    assert len(shown.exemplars) == 6
    await again.close()


async def test_nearest_recall_shows_the_most_similar_first(lent):
    memory = lent(recall={"nearest": 2, "like": "imagine.query"})
    recalled = await memory.recall((), like="rain in Paris", seed=0)
    assert [item["query"] for item in recalled] == ["rain in Paris", "rain in mm"]
    await memory.close()


async def test_a_memory_that_is_lent_takes_nothing(lent):
    memory = lent()
    with pytest.raises(RunError, match="memory `examples`: is read only, since it belongs to another run"):
        memory.add(Entry(id="x", scope=(), text="x", record={}))
    await memory.close()


def test_settings_that_do_not_go_with_from_are_refused(tmp_path, word_hashes):
    with pytest.raises(ValidationError, match="it cannot be combined with `path`"):
        Experience(**{"from": "x", "path": "y"})
    with pytest.raises(ValidationError, match=r"with `from`, `recall` is `all` or `\{nearest: k, like: …\}`"):
        Experience(**{"from": "x", "recall": "shuffled"})
    with pytest.raises(
        WorkflowError, match=r"^memory `examples`: .*nowhere: not a store of exemplars, a pack or a run"
    ):
        Experience(**{"from": str(tmp_path / "nowhere")}).open("examples", tmp_path, word_hashes)
