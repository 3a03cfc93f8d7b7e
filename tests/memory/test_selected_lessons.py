"""Lessons for a request of which nobody says which tool serves it; and how alike texts are."""

import pytest

from ste_graph.memory.experience.settings import Experience
from ste_graph.records import StepObservation, TrialStep


def trial(exemplar, query, tool, *wrong):
    """A trial in which each of the arguments in `wrong` was mended."""
    right = {argument: 1 for argument in wrong} | {"q": query}
    calls = [
        TrialStep(
            thought=None,
            action=tool,
            arguments={**right, argument: "one"},
            observation=StepObservation(ok=False, kind="invalid_arguments", text=f"`{argument}`: expected int"),
        )
        for argument in wrong
    ]
    calls.append(
        TrialStep(thought=None, action=tool, arguments=right, observation=StepObservation(ok=True, kind="ok", text="1"))
    )
    return exemplar(query, tool, calls=calls)


@pytest.fixture
async def memory(open_store, exemplar, tmp_path, word_hashes):
    store = open_store()
    store.add(
        [
            trial(exemplar, "rain in Paris", "weather", "place", "day", "unit", "hour"),
            trial(exemplar, "three miles in km", "units", "value"),
            trial(exemplar, "play a song", "songs", "song"),
            trial(exemplar, "sing of snow", "songs"),
        ]
    )
    opened = Experience(**{"from": str(tmp_path / "store")}).open("m", tmp_path / "run", word_hashes)
    yield opened
    await opened.close()


async def tools_taught(memory, query, tools, **settings):
    found = await memory.select_lessons(query, tools=tools, **{"per_tool": 3, "k": 9, **settings})
    assert len(found.ids) == len(found.lines)
    return [line.split()[2].rstrip(",") for line in found.lines]


ALL = ["songs", "units", "weather"]


async def test_the_lessons_of_the_tool_with_the_nearest_request_come_first(memory):
    found = await tools_taught(memory, "rain in Rome", ALL)
    assert found[:3] == ["weather"] * 3
    assert sorted(found[3:]) == ["songs", "units"]
    assert (await tools_taught(memory, "five miles in km", ALL))[0] == "units"


async def test_there_are_at_most_so_many_of_a_tool_and_in_all_and_only_of_offered_tools(memory):
    found = await tools_taught(memory, "rain in Rome", ALL, per_tool=1)
    assert (found[0], sorted(found)) == ("weather", ALL)
    assert await tools_taught(memory, "rain in Rome", ALL, per_tool=1, k=2) == found[:2]
    assert await tools_taught(memory, "rain in Rome", ["songs"]) == ["songs"]
    assert await tools_taught(memory, "rain in Rome", ALL, k=0) == []
    assert await tools_taught(memory, "rain in Rome", []) == []


async def test_the_trial_that_asks_the_very_same_does_not_say_which_tool_it_was(memory):
    assert await tools_taught(memory, "Sing of snow!", ALL, per_tool=1) != ["songs", "units", "weather"]
    assert (await tools_taught(memory, "sing of snow today", ALL, per_tool=1))[0] == "songs"


async def test_texts_are_alike_by_the_embedder_of_the_memory(memory):
    same, other = await memory.similarities("rain in Paris", ["rain in Paris", "play a song"])
    assert (same, other < 0.9) == (1.0, True)
    assert await memory.similarities("rain", []) == []


async def test_a_memory_of_the_runs_own_records_can_compare_too(tmp_path, word_hashes):
    own = Experience().open("m", tmp_path / "own", word_hashes)
    assert (await own.similarities("rain in Paris", ["rain in Paris"])) == [1.0]
    await own.close()
