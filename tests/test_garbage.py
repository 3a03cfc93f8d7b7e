from __future__ import annotations

import gc

import pytest

from ste_graph.garbage import MOST_NEW, rare_collection


@pytest.fixture(autouse=True)
def threshold():
    before = gc.get_threshold()
    yield
    gc.set_threshold(*before)


def test_the_thresholds_come_back_after_the_last_of_the_runs_that_overlap() -> None:
    gc.set_threshold(700, 11, 12)
    first, second = rare_collection(), rare_collection()
    first.__enter__()
    second.__enter__()
    assert gc.get_threshold() == (MOST_NEW, 11, 12)
    first.__exit__(None, None, None)
    assert gc.get_threshold() == (MOST_NEW, 11, 12)
    second.__exit__(None, None, None)
    assert gc.get_threshold() == (700, 11, 12)


@pytest.mark.parametrize("own", [0, MOST_NEW * 2])
def test_a_collector_that_is_off_or_rarer_is_left_as_it_is(own: int) -> None:
    gc.set_threshold(own, 10, 10)
    with rare_collection():
        assert gc.get_threshold() == (own, 10, 10)
