import pytest
from pydantic import ValidationError

from ste_graph.errors import RunError, WorkflowError
from ste_graph.memory.experience.settings import Experience
from ste_graph.memory.vectors.collection import VectorCollection

REQUESTS = ["rain in Paris", "rain in Rome tomorrow", "wind at sea", "snow on the mountain", "rain in Paris now"]


@pytest.fixture
async def opened(tmp_path, word_hashes):
    """Opens stores in one folder, and closes what is still open at the end."""
    stores = []

    async def open(embedder=word_hashes, **settings):
        store = Experience(**settings).open("long_term", tmp_path / "memory", embedder)
        stores.append(store)
        return store

    yield open
    for store in stores:
        await store.close()


async def filled(store, entry, texts=REQUESTS):
    await store.reconcile([])
    for text in texts:
        store.add(entry(text))
    return store


async def queries(store, unit="weather", *, like=None, seed=0):
    return [record["query"] for record in await store.recall((unit,), like=like, seed=seed)]


async def test_recall_all_gives_the_scope_in_order_and_needs_no_embedding(opened, entry, word_hashes):
    store = await filled(await opened(), entry)
    store.add(entry("3 miles in km", unit="units"))
    assert await queries(store) == REQUESTS
    assert await queries(store, "units") == ["3 miles in km"]
    assert await queries(store, "roman") == []
    assert word_hashes.asked == []


async def test_diverse_shows_the_newest_and_the_farthest_in_order_of_adding(opened, entry):
    store = await filled(await opened(recall={"diverse": 3}), entry)
    assert await queries(store) == ["wind at sea", "snow on the mountain", "rain in Paris now"]


async def test_nearest_recall_shows_the_most_similar_first_and_the_newest_without_a_text(opened, entry):
    store = await filled(await opened(recall={"nearest": 2, "like": "imagine.query"}), entry)
    assert await queries(store, like="rain in Paris") == ["rain in Paris", "rain in Paris now"]
    assert await queries(store) == ["snow on the mountain", "rain in Paris now"]


async def test_shuffled_changes_the_query_alone(opened, entry):
    store = await filled(await opened(recall="shuffled"), entry)
    records = await store.recall(("weather",), like=None, seed=7)
    assert sorted(" ".join(record["query"] for record in records).split()) == sorted(" ".join(REQUESTS).split())
    assert not {record["query"] for record in records} & set(REQUESTS)
    assert [record["solved"] for record in records] == [True] * 5
    assert await store.recall(("weather",), like=None, seed=7) == records


async def test_nearest_compares_with_the_true_entries_of_the_scope_alone(opened, entry):
    store = await filled(await opened(recall="shuffled"), entry)
    store.add(entry("rain in Paris", unit="elsewhere"))
    near = await store.nearest(("weather",), "rain in Paris", 2)
    assert (near[0].similarity, near[0].entry) == (1.0, entry("rain in Paris"))
    assert [item.entry.text for item in near] == ["rain in Paris", "rain in Paris now"]
    assert await store.nearest(("nowhere",), "rain", 2) == []
    assert await store.nearest(("weather",), "rain", 0) == []


async def test_adding_again_what_a_replay_adds_changes_nothing_and_other_content_is_refused(opened, entry):
    store = await filled(await opened(), entry)
    store.add(entry(REQUESTS[0]))
    assert await queries(store) == REQUESTS
    store.add(entry("one", id="e1"))
    with pytest.raises(RunError, match=r"memory `long_term`: entry e1 is there already with other content"):
        store.add(entry("two", id="e1"))


async def test_after_reconcile_the_index_holds_exactly_the_logs_and_nothing_is_embedded_twice(
    opened, entry, word_hashes
):
    store = await filled(await opened(), entry)
    await store.close()
    kept = [*map(entry, REQUESTS[1:]), entry("hail")]
    word_hashes.asked.clear()
    again = await opened(recall={"diverse": 2})
    await again.reconcile(kept)
    assert again._index.read()[1].keys() == {item.id for item in kept}
    assert word_hashes.asked == ["hail"]
    assert await queries(again) == ["wind at sea", "hail"]
    assert word_hashes.asked == ["hail"]


async def test_an_entry_whose_content_changed_is_indexed_anew(opened, entry, word_hashes):
    store = await filled(await opened(), entry, [])
    store.add(entry("old words", id="e1"))
    await store.close()
    again = await opened()
    await again.reconcile([entry("new words", id="e1")])
    assert word_hashes.asked == ["old words", "new words"]
    assert (await again.nearest(("weather",), "new words", 1))[0].similarity == 1.0


async def test_entries_of_many_units_are_embedded_together(opened, entry, word_hashes):
    store = await filled(await opened(), entry, [])
    for unit in range(40):
        store.add(entry("request", unit=f"tool {unit}"))
    await store.close()
    assert len(word_hashes.asked) == 40


async def test_a_folder_indexed_with_another_embedder_is_refused_with_the_way_out(opened, entry, tmp_path, word_hashes):
    await (await filled(await opened(), entry)).close()
    with pytest.raises(WorkflowError) as error:
        await opened(type(word_hashes)("other"))
    assert str(error.value) == (
        f"{tmp_path / 'memory'}: memory `long_term`: the index was made with embedder word hashes, expected other. "
        "Delete the folder: it is built again from the step logs."
    )


async def test_a_fault_of_the_index_is_raised_by_whoever_comes_next(tmp_path, entry, word_hashes, monkeypatch):
    store = Experience().open("long_term", tmp_path / "memory", word_hashes)
    await store.reconcile([])

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(VectorCollection, "_create", full)
    store.add(entry("rain"))
    store._hurry.set()
    await store._writer
    for action in (
        store.recall(("weather",), like=None, seed=0),
        store.nearest(("weather",), "rain", 1),
        store.close(),
    ):
        with pytest.raises(RunError) as error:
            await action
        assert str(error.value) == (
            f"{tmp_path / 'memory'}: memory `long_term`: writing the index failed "
            "(OSError: [Errno 28] No space left on device). Nothing is lost: the step logs hold every entry. "
            "Make room or repair the folder (or delete it), then start the same run again."
        )


async def test_a_folder_that_cannot_be_made_is_named(tmp_path, word_hashes):
    (tmp_path / "memory").write_text("a file", encoding="utf-8")
    with pytest.raises(RunError, match=r"memory: memory `long_term`: opening the index failed \(FileExistsError"):
        Experience().open("long_term", tmp_path / "memory", word_hashes)


@pytest.mark.parametrize("recall", ["some", {"diverse": 0}, {"nearest": 3}, {"diverse": 2, "nearest": 3}])
def test_a_recall_that_is_none_of_the_four_is_refused(recall):
    with pytest.raises(ValidationError):
        Experience(recall=recall)


async def test_on_a_server_each_run_has_an_index_of_its_own_that_outlives_the_process(
    chroma_server, tmp_path, entry, word_hashes
):
    def open(run):
        return Experience(recall={"diverse": 2}, url=chroma_server).open("long_term", tmp_path / run, word_hashes)

    first, second = open("one"), open("two")
    await filled(first, entry)
    await filled(second, entry, ["hail"])
    assert await queries(first) == ["wind at sea", "rain in Paris now"]
    assert await queries(second) == ["hail"]
    await first.close()
    await second.close()
    word_hashes.asked.clear()
    again = open("one")
    await again.reconcile(map(entry, REQUESTS))
    assert await queries(again) == ["wind at sea", "rain in Paris now"]
    assert word_hashes.asked == []
    await again.close()


def test_a_server_that_is_not_there_is_named(tmp_path, word_hashes):
    with pytest.raises(RunError, match=r"^http://127\.0\.0\.1:9: memory `long_term`: opening the index failed"):
        Experience(url="http://127.0.0.1:9").open("long_term", tmp_path, word_hashes)


@pytest.mark.parametrize("damage", ["a page of zeros", "half of it", "garbage"])
async def test_a_damaged_index_is_moved_aside_and_made_again_from_the_steps(damage, opened, entry, tmp_path, caplog):
    store = await filled(await opened(recall={"nearest": 1, "like": "imagine.query"}), entry)
    await store.close()
    database = tmp_path / "memory" / "chroma.sqlite3"
    content = database.read_bytes()
    damaged = {
        "a page of zeros": content[:4096] + bytes(4096) + content[8192:],
        "half of it": content[: len(content) // 2],
        "garbage": b"\xff\x13" * 50_000,
    }
    database.write_bytes(damaged[damage])
    again = await opened(recall={"nearest": 1, "like": "imagine.query"})
    assert "memory `long_term`: the index is damaged, and made again; the old one is in" in caplog.text
    assert (tmp_path / "memory.damaged" / "chroma.sqlite3").exists()
    await again.reconcile(map(entry, REQUESTS))
    assert await queries(again, like="rain in Paris") == ["rain in Paris"]
