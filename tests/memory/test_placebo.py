"""Exemplars that can teach nothing."""

import pytest

from ste_graph.contracts import Selection
from ste_graph.memory.exemplars.placebo import make_placebo
from ste_graph.memory.exemplars.rendering import exemplars_text
from ste_graph.memory.experience.settings import Experience

TOOLS = ("weather", "units", "dates", "songs")


@pytest.fixture
def library(open_store, exemplar):
    """Ten exemplars of each of four tools, of different lengths; each call says its request."""
    store = open_store()
    store.add([exemplar(f"{tool} request {n} {'word ' * n}".strip(), tool) for tool in TOOLS for n in range(10)])
    return store


def drawn(store, query, k=4, *, tools=None, seed=0, **settings):
    selection = Selection(k=k, placebo=seed, **settings)
    shown = [item.exemplar for item in store.select(query, selection, tools=tools)]
    candidates = store.candidates(selection, tools)
    return shown, make_placebo(
        query, shown, selection, candidates=candidates, get=store.get, text=lambda item: exemplars_text([item])
    )


def test_a_placebo_has_the_same_number_and_about_the_same_length(library):
    shown, others = drawn(library, "weather request 4 word word word")
    assert len(others) == len(shown) == 4
    assert abs(len(exemplars_text(others)) / len(exemplars_text(shown)) - 1) < 0.15


def test_each_request_stands_with_the_call_of_another_tool_and_none_is_near_the_one_at_hand(library):
    shown, others = drawn(library, "weather request 4 word word word")
    assert {item.tool for item in shown} == {"weather"}
    for item in others:
        asks, serves = item.query.split()[0], item.calls[-1].action
        assert asks != serves
        assert "weather" not in {asks, serves}
        assert item.tool == serves
        assert item.arguments["text"] != item.query
    assert len({item.query for item in others}) == len(others)
    assert not {item.id for item in others} & {item.id for item in library.exemplars()}


def test_the_same_request_and_seed_draw_the_same_and_others_draw_others(library):
    item, same = drawn(library, "weather request 1")[1], drawn(library, "weather request 1")[1]
    assert item == same
    assert item != drawn(library, "weather request 1", seed=1)[1]
    assert item != drawn(library, "weather request 2")[1]


def test_only_offered_tools_are_drawn_unless_it_is_done_as_in_the_paper(library):
    offered = ["weather", "units", "dates"]
    _, others = drawn(library, "weather request 1", tools=offered)
    assert {item.tool for item in others} <= {"units", "dates"}
    _, others = drawn(library, "weather request 1", k=8, tools=offered, paper=True)
    assert "songs" in {name for item in others for name in (item.tool, item.query.split()[0])}


def test_where_no_other_tool_is_left_requests_and_calls_of_the_shown_ones_are_exchanged(library):
    _, others = drawn(library, "weather request 1", tools=["weather"])
    assert len(others) == 4
    assert all(item.arguments["text"] != item.query for item in others)


def test_the_request_at_hand_never_stands_in_its_placebo(library, exemplar):
    library.add([exemplar("weather request 1", tool, id=f"twin of {tool}") for tool in TOOLS])
    for seed in range(5):
        assert "weather request 1" not in {item.query for item in drawn(library, "weather request 1", seed=seed)[1]}


def test_nothing_shown_or_nothing_to_draw_from_gives_no_placebo(library, open_store, exemplar, tmp_path):
    assert drawn(library, "weather request 1", k=0) == ([], [])
    lonely = open_store(tmp_path / "lonely")
    lonely.add([exemplar("weather request 1")])
    assert drawn(lonely, "weather")[1] == []


async def test_a_memory_lends_a_placebo_beside_the_exemplars_if_it_is_asked_for(library, tmp_path, word_hashes):
    memory = Experience(**{"from": str(tmp_path / "store")}).open("m", tmp_path / "run", word_hashes)
    shown = await memory.select_exemplars("weather request 1", Selection(k=2, placebo=0), tools=None)
    assert shown.placebo is not None
    assert shown.placebo.text.count("User Query:") == shown.text.count("User Query:") == 2
    assert {item["id"] for item in shown.placebo.exemplars}.isdisjoint(item["id"] for item in shown.exemplars)
    assert (await memory.select_exemplars("weather request 1", Selection(k=2), tools=None)).placebo is None
    await memory.close()
