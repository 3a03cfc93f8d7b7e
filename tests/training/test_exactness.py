import pytest

from ste_graph.training.exactness import exactness
from ste_graph.training.faults import TrainingError
from ste_graph.training.gain import gain_table
from ste_graph.training.rows import Row

GOLD = Row(prompt="?", completion='Action: add\nAction Input: {"a": 1, "b": "x"}')


@pytest.mark.parametrize(
    ("reply", "formed", "named", "exact"),
    [
        ('Action: add\nAction Input: {"b": "x", "a": 1.0}', 1, 1, 1),
        ('Action: add\nAction Input: {"a": 2, "b": "x"}', 1, 1, 0),
        ('Action: add\nAction Input: {"a": 1, "b": "x", "c": 0}', 1, 1, 0),
        ('Action: sub\nAction Input: {"a": 1, "b": "x"}', 1, 0, 0),
        ("I do not know.", 0, 0, 0),
    ],
)
def test_a_reply_is_exact_if_it_is_the_same_call(reply: str, formed: float, named: float, exact: float) -> None:
    found = exactness([GOLD], [reply])
    assert (found.well_formed, found.api_match, found.exact) == (formed, named, exact)


def test_requests_none_of_whose_values_was_trained_on_are_counted_apart() -> None:
    new = Row(prompt="?", completion='Action: add\nAction Input: {"a": 7}')
    half = Row(prompt="?", completion='Action: add\nAction Input: {"a": 7, "b": "x"}')
    found = exactness([GOLD, new, half], [GOLD.completion, "?", "?"], known=GOLD.said)
    assert (found.unseen, found.exact_unseen, found.per_tool) == (1, 0.0, {"add": 1 / 3})
    assert (found.counts, found.unseen_counts) == ({"add": 3}, {"add": 1})


def test_only_the_tools_that_are_named_count_and_the_others_are_listed() -> None:
    other = Row(prompt="?", completion='Action: sub\nAction Input: {"a": 7}')
    found = exactness([GOLD, other], [GOLD.completion, "?"], only=["add"])
    assert (found.count, found.exact, found.per_tool) == (1, 1.0, {"add": 1.0, "sub": 0.0})
    with pytest.raises(TrainingError) as fault:
        exactness([GOLD, other], ["", ""], only=["mul"])
    assert str(fault.value) == "there are no rows to judge by of mul; there are rows of: add, sub"


def test_the_gain_is_a_table_by_tool() -> None:
    other = Row(prompt="?", completion='Action: sub\nAction Input: {"a": 7}')
    found = exactness([GOLD, other], [GOLD.completion, "?"], known=GOLD.said, only=["add"])
    assert gain_table({"add": 0.0, "sub": 0.0}, found, ["add"]).splitlines() == [
        "exact, %        cases  before  after  new values  after",
        "add                 1     0.0  100.0           0      -",
        "(sub)               1     0.0    0.0           1    0.0",
        "all that count      1     0.0  100.0           0      -",
    ]
