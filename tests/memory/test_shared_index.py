from functools import partial
from uuid import uuid4

import pytest

from ste_graph.errors import RunError, WorkflowError
from ste_graph.memory.experience.settings import Experience
from ste_graph.memory.vectors.collection import VectorCollection


@pytest.fixture(params=["in a folder", "on a server"])
def place(request, tmp_path):
    """The settings that say where a memory is kept."""
    if request.param == "in a folder":
        return {"path": str(tmp_path / "kept")}
    return {"url": request.getfixturevalue("common_chroma_server"), "collection": uuid4().hex}


@pytest.fixture
def run_at(tmp_path, word_hashes):
    """Opens the memory that lives at a place for a run of the given name."""

    async def open(place, name, entries=(), embedder=word_hashes):
        memory = Experience(**place, recall={"diverse": 9})
        store = memory.open("long_term", tmp_path / name / "memory", embedder, lasting=True)
        await store.reconcile(entries)
        return store

    return open


@pytest.fixture
def run(run_at, place):
    return partial(run_at, place)


async def queries(store):
    return [record["query"] for record in await store.recall(("weather",), like=None, seed=0)]


async def test_a_run_sees_what_earlier_runs_left_and_its_own_entries_after_it(run, entry, word_hashes):
    first = await run("first")
    first.add(entry("rain"))
    first.add(entry("snow"))
    await first.close()
    second = await run("second")
    second.add(entry("rain"))
    assert await queries(second) == ["rain", "snow", "rain"]
    assert [item.similarity for item in await second.nearest(("weather",), "rain", 3)][:2] == [1.0, 1.0]
    await second.close()
    assert word_hashes.asked.count("snow") == 1


async def test_a_resumed_run_sees_the_memory_as_it_stood_when_it_began(run, entry):
    first = await run("first")
    first.add(entry("rain"))
    await first.close()
    second = await run("second")
    second.add(entry("snow"))
    await second.close()
    again = await run("first", [entry("rain")])
    assert await queries(again) == ["rain"]
    await again.close()
    third = await run("third")
    assert await queries(third) == ["rain", "snow"]
    await third.close()


async def test_reconcile_drops_only_phantoms_of_its_own_run(run, entry):
    first = await run("first")
    first.add(entry("rain"))
    await first.close()
    second = await run("second")
    second.add(entry("snow"))
    await second.close()
    await (await run("second", [])).close()
    third = await run("third")
    assert await queries(third) == ["rain"]
    await third.close()


async def test_what_a_run_saw_at_its_beginning_does_not_hang_on_clocks(run, entry, monkeypatch):
    await (await run("first")).close()
    second = await run("second")
    monkeypatch.setattr("time.time_ns", lambda: 1)
    second.add(entry("snow"))
    await second.close()
    again = await run("first")
    assert await queries(again) == []
    await again.close()
    third = await run("third")
    assert await queries(third) == ["snow"]
    await third.close()


async def test_a_second_run_in_a_folder_at_the_same_time_is_refused(run_at, tmp_path):
    place = {"path": str(tmp_path / "kept")}
    first = await run_at(place, "first")
    with pytest.raises(WorkflowError) as error:
        await run_at(place, "second")
    assert str(error.value) == (
        f"{tmp_path / 'kept'}: memory `long_term` is in use by another run; "
        "wait until it ends, or give the memory another `path`"
    )
    await first.close()


async def test_runs_on_a_server_at_the_same_time_lose_nothing_and_see_what_stood_when_they_began(
    run_at, entry, common_chroma_server, word_hashes
):
    place = {"url": common_chroma_server, "collection": uuid4().hex}
    first, second = await run_at(place, "first"), await run_at(place, "second")
    for number in range(40):
        first.add(entry(f"rain {number}"))
        second.add(entry(f"snow {number}"))
    assert {item.text.split()[0] for item in await second.entries(("weather",))} == {"snow"}
    await first.close()
    await second.close()
    third = await run_at(place, "third")
    everything = {f"{what} {number}" for what in ("rain", "snow") for number in range(40)}
    assert {item.text for item in await third.entries(("weather",))} == everything
    word_hashes.asked.clear()
    assert (await third.nearest(("weather",), "snow 39", 1))[0].similarity == 1.0
    assert word_hashes.asked == ["snow 39"]
    await third.close()


async def test_another_embedder_is_refused_without_advice_to_delete_what_others_left(run, place, entry, word_hashes):
    await (await run("first", [entry("rain")])).close()
    with pytest.raises(WorkflowError) as error:
        await run("second", embedder=type(word_hashes)("other"))
    assert str(error.value) == (
        f"{place.get('url') or place['path']}: memory `long_term`: the index was made with embedder word hashes, "
        f"expected other. Set that one, or give the memory another `{'collection' if 'url' in place else 'path'}`."
    )
    await (await run("third")).close()


async def test_without_a_name_the_memory_on_a_server_goes_by_its_own(chroma_server, tmp_path, word_hashes, entry):
    def open(name, run, **settings):
        return Experience(url=chroma_server, **settings).open(name, tmp_path / run, word_hashes, lasting=True)

    first = open("long_term", "first")
    await first.reconcile([entry("rain")])
    await first.close()
    seen = {}
    for settings in ({"name": "long_term"}, {"name": "mine", "collection": "long_term"}, {"name": "mine"}):
        later = open(run=f"later {len(seen)}", **settings)
        await later.reconcile([])
        seen[str(settings)] = await queries(later)
        await later.close()
    assert list(seen.values()) == [["rain"], ["rain"], []]


async def test_nobody_is_told_to_delete_what_others_left(run, place, entry, monkeypatch):
    store = await run("first")

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(VectorCollection, "_create", full)
    store.add(entry("rain"))
    with pytest.raises(RunError) as error:
        await store.close()
    assert str(error.value) == (
        f"{place.get('url') or place['path']}: memory `long_term`: writing the index failed "
        "(OSError: [Errno 28] No space left on device). Nothing is lost: the step logs hold every entry. "
        + ("See that the server runs (`chroma run`)" if "url" in place else "Make room or repair the folder")
        + ", then start the same run again."
    )


async def test_of_what_other_runs_left_a_run_reads_only_the_scopes_it_asks_for(run, entry, monkeypatch):
    first = await run("first")
    for unit in ("weather", "units"):
        first.add(entry(f"about {unit}", unit=unit))
    await first.close()
    second = await run("second")
    read = []
    get = VectorCollection.get

    def get_and_note(self, ids=None, **more):
        rows = get(self, ids, **more)
        read.extend(row.text for row in rows.values())
        return rows

    monkeypatch.setattr(VectorCollection, "get", get_and_note)
    second.add(entry("more rain"))
    assert await queries(second) == ["about weather", "more rain"]
    assert [near.entry.text for near in await second.nearest(("weather",), "about weather", 1)] == ["about weather"]
    assert read == ["about weather"]
    await second.close()
