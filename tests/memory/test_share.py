import pytest

from ste_graph.errors import WorkflowError
from ste_graph.memory.experience import Experience


@pytest.fixture
def run(tmp_path, word_hashes):
    """Opens the shared memory for a run of the given name."""

    async def open(name, entries=(), embedder=word_hashes):
        memory = Experience(path=str(tmp_path / "kept"), recall={"diverse": 9})
        store = memory.open("long_term", tmp_path / name / "memory", embedder)
        await store.reconcile(entries)
        return store

    return open


async def queries(store):
    return [record["query"] for record in await store.recall("weather", like=None, seed=0)]


async def test_a_run_sees_what_earlier_runs_left_and_its_own_entries_after_it(run, entry, word_hashes):
    first = await run("first")
    first.add(entry("rain"))
    first.add(entry("snow"))
    await first.close()
    second = await run("second")
    second.add(entry("rain"))
    assert await queries(second) == ["rain", "snow", "rain"]
    assert [one.similarity for one in await second.nearest("weather", "rain", 3)][:2] == [1.0, 1.0]
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


async def test_a_second_run_at_the_same_time_is_refused(run, tmp_path):
    first = await run("first")
    with pytest.raises(WorkflowError) as error:
        await run("second")
    assert str(error.value) == (
        f"{tmp_path / 'kept'}: memory `long_term` is in use by another run; "
        "wait until it ends, or give the memory another `path`"
    )
    await first.close()


async def test_another_embedder_is_refused_without_advice_to_delete_what_others_left(run, tmp_path, word_hashes):
    await (await run("first")).close()
    with pytest.raises(WorkflowError) as error:
        await run("second", embedder=type(word_hashes)("other"))
    assert str(error.value) == (
        f"{tmp_path / 'kept'}: memory `long_term` was indexed with embedder word hashes, expected other. "
        "Set that one, or give the memory another `path`."
    )
    await (await run("third")).close()
