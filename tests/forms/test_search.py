"""The search for better descriptions in a planted world, by either method."""

import pytest

from ste_graph.forms.search import SearchMethod
from tests.planted_descriptions import BUDGETS, World, measure, search

SEEDS = 8


@pytest.mark.parametrize("method", ["own", "gepa"])
def test_a_search_betters_descriptions_within_its_calls_and_harms_nothing(method: SearchMethod) -> None:
    found = measure(World(), method, SEEDS)
    assert found["after"] > found["before"] + 0.1
    assert found["harmed"] == 0
    assert found["most_calls"] <= 45


def test_gepa_comes_further_where_a_model_learns_from_its_wrong_replies() -> None:
    own, gepa = (measure(World(), method, SEEDS)["after"] for method in BUDGETS)  # type: ignore[arg-type]
    assert gepa > own + 0.1


@pytest.mark.parametrize("method", ["own", "gepa"])
def test_nothing_is_kept_where_no_proposal_tells_anything(method: SearchMethod) -> None:
    rounds, batch = BUDGETS[method]
    found = search(World(noticed=0, corrected=0), method, 1, rounds=rounds, batch=batch)
    assert found.after == found.before
    assert found.proposals > 2


def test_gepa_ends_by_itself_where_it_has_seen_all_and_nothing_is_left_to_ask() -> None:
    perfect = World(noticed=1, forgotten=0, lucky=0.05)
    found = search(perfect, "gepa", 3, rounds=500, batch=3)
    assert (found.after, found.proposals) == (1, 1)


def test_the_same_seed_gives_the_same_search() -> None:
    first, second, other = (search(World(), "gepa", seed, rounds=11, batch=3) for seed in (5, 5, 6))
    assert first == second
    assert first != other
