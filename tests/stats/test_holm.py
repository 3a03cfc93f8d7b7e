"""Several candidates, and none of them better by luck."""

from ste_graph.stats import holm


def test_the_least_p_value_counts_for_all_and_each_next_for_those_that_are_left() -> None:
    assert holm({"a": 0.01, "b": 0.04, "c": 0.03}) == {"a": 0.03, "b": 0.06, "c": 0.06}
    assert holm({"only": 0.04}) == {"only": 0.04}
    assert holm({"x": 0.9, "y": 0.8}) == {"x": 1.0, "y": 1.0}
    assert holm({}) == {}
