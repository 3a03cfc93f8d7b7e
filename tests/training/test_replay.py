from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ste_graph.training.replay import mix_rows
from ste_graph.training.rows.row import TrainingRow


def batch(name: str, count: int) -> list[TrainingRow]:
    return [TrainingRow(prompt=f"{name}{number}", completion="!", tool=name) for number in range(count)]


@pytest.mark.parametrize(("replay", "counts"), [(0.0, {"c": 50}), (0.1, {"a": 3, "b": 1, "c": 50})])
def test_a_round_has_all_new_rows_and_a_share_of_each_earlier_batch(replay: float, counts: dict[str, int]) -> None:
    rows = mix_rows(batch("c", 50), [batch("a", 30), batch("b", 2)], replay=replay)
    assert Counter(row.tool for row in rows) == counts


def test_all_general_rows_are_used() -> None:
    assert Counter(row.tool for row in mix_rows(batch("a", 5), [], replay=0.1, general=batch("g", 7))) == {
        "a": 5,
        "g": 7,
    }


@given(st.integers(1, 60), st.floats(0.01, 1), st.integers())
def test_no_row_is_replayed_twice_and_a_seed_gives_the_same_rows(count: int, replay: float, seed: int) -> None:
    rows = mix_rows([], [batch("a", count)], replay=replay, seed=seed)
    assert len({row.prompt for row in rows}) == len(rows) >= 1
    assert rows == mix_rows([], [batch("a", count)], replay=replay, seed=seed)
