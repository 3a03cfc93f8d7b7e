import pytest

from ste_graph.training.errors import TrainingError
from ste_graph.training.exactness import exactness
from ste_graph.training.results import gain_table
from ste_graph.training.rows.row import TrainingRow

GOLD = TrainingRow(prompt="?", completion='Action: add\nAction Input: {"a": 1, "b": "x"}')


@pytest.mark.parametrize(
    ("reply", "well_formed", "api_match", "exact"),
    [
        ('Action: add\nAction Input: {"b": "x", "a": 1.0}', 1, 1, 1),
        ('Action: add\nAction Input: {"a": 2, "b": "x"}', 1, 1, 0),
        ('Action: add\nAction Input: {"a": 1, "b": "x", "c": 0}', 1, 1, 0),
        ('Action: sub\nAction Input: {"a": 1, "b": "x"}', 1, 0, 0),
        ("I do not know.", 0, 0, 0),
    ],
)
def test_a_reply_is_exact_if_it_is_the_same_call(
    reply: str, well_formed: float, api_match: float, exact: float
) -> None:
    found = exactness([GOLD], [reply])
    assert (found.well_formed, found.api_match, found.exact) == (well_formed, api_match, exact)


def test_requests_with_new_values_only_are_counted_apart() -> None:
    new = TrainingRow(prompt="?", completion='Action: add\nAction Input: {"a": 7}')
    half = TrainingRow(prompt="?", completion='Action: add\nAction Input: {"a": 7, "b": "x"}')
    found = exactness([GOLD, new, half], [GOLD.completion, "?", "?"], known_values=GOLD.value_keys)
    assert (found.unseen, found.exact_unseen, found.per_tool) == (1, 0.0, {"add": 1 / 3})
    assert (found.counts, found.unseen_counts) == ({"add": 3}, {"add": 1})


def test_only_the_included_tools_count_and_the_others_are_listed() -> None:
    other = TrainingRow(prompt="?", completion='Action: sub\nAction Input: {"a": 7}')
    found = exactness([GOLD, other], [GOLD.completion, "?"], include=["add"])
    assert (found.count, found.exact, found.per_tool) == (1, 1.0, {"add": 1.0, "sub": 0.0})
    with pytest.raises(TrainingError) as fault:
        exactness([GOLD, other], ["", ""], include=["mul"])
    assert str(fault.value) == "there are no held-out rows of mul; there are rows of: add, sub"


def test_the_gain_is_a_table_per_tool() -> None:
    other = TrainingRow(prompt="?", completion='Action: sub\nAction Input: {"a": 7}')
    found = exactness([GOLD, other], [GOLD.completion, "?"], known_values=GOLD.value_keys, include=["add"])
    assert gain_table({"add": 0.0, "sub": 0.0}, found, ["add"]).splitlines() == [
        "exact, %        cases  before  after  new values  after",
        "add                 1     0.0  100.0           0      -",
        "(sub)               1     0.0    0.0           1    0.0",
        "all that count      1     0.0  100.0           0      -",
    ]
