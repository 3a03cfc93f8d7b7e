"""Finished units: a memory that is opened again leaves them alone, and one that is open lets go of them."""

import pytest

from ste_graph.contracts import LoggedEntries
from ste_graph.memory.experience.list_memory import ListMemory
from ste_graph.memory.experience.settings import Experience

DONE, OPEN = ["rain in Paris", "wind at sea"], ["3 miles in km"]


@pytest.fixture
def entries(entry):
    return [entry(text, unit="done") for text in DONE], [entry(text, unit="open") for text in OPEN]


def logged(entries, read):
    done, current = entries

    def read_units(units):
        read.extend(units)
        return [each for each in done if each.scope[0] in units]

    return LoggedEntries(current, {"done": len(done)}, read_units)


async def test_the_logs_of_units_that_are_whole_in_the_index_are_not_read(tmp_path, word_hashes, entries):
    store = Experience().open("long_term", tmp_path / "memory", word_hashes)
    await store.reconcile([*entries[0], *entries[1]])
    await store.close()
    word_hashes.asked.clear()
    read = []
    again = Experience().open("long_term", tmp_path / "memory", word_hashes)
    await again.reconcile(logged(entries, read))
    assert (read, word_hashes.asked) == ([], [])
    assert again._index.read()[1].keys() == {each.id for each in [*entries[0], *entries[1]]}
    assert [each.text for each in await again.entries(("open",))] == OPEN
    await again.close()


async def test_a_unit_of_which_the_index_lacks_something_is_read_and_made_whole(tmp_path, word_hashes, entries):
    store = Experience().open("long_term", tmp_path / "memory", word_hashes)
    await store.reconcile(entries[0][:1])
    await store.close()
    read = []
    again = Experience().open("long_term", tmp_path / "memory", word_hashes)
    await again.reconcile(logged(entries, read))
    assert read == ["done"]
    assert again._index.read()[1].keys() == {each.id for each in [*entries[0], *entries[1]]}
    await again.close()


async def test_who_goes_through_all_logged_entries_gets_those_of_every_unit(entries):
    assert list(logged(entries, [])) == [*entries[0], *entries[1]]


async def test_a_unit_that_is_released_still_reaches_the_index(tmp_path, word_hashes, entries):
    store = Experience().open("long_term", tmp_path / "memory", word_hashes)
    await store.reconcile([])
    for each in [*entries[0], *entries[1]]:
        store.add(each)
    store.release("done")
    assert await store.entries(("done",)) == []
    assert [each.text for each in await store.entries(("open",))] == OPEN
    await store.close()
    again = Experience().open("long_term", tmp_path / "memory", word_hashes)
    assert again._index.read()[1].keys() == {each.id for each in [*entries[0], *entries[1]]}
    await again.close()


async def test_a_list_lets_go_of_a_released_unit_too(tmp_path, entries):
    store = ListMemory().open("notes", tmp_path)
    for each in [*entries[0], *entries[1]]:
        store.add(each)
    store.release("done")
    assert await store.entries(("done",)) == []
    assert [each.text for each in await store.entries(("open",))] == OPEN
