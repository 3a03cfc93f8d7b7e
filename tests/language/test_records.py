from __future__ import annotations

import pytest
from language_bench import Bench


def test_a_record_gets_all_it_needs_and_nothing_else(bench: Bench) -> None:
    found = bench.problems(("{query: ask.query", "{qery: ask.query"))
    assert [one.partition(" | one of")[0] for one in found] == [
        "25:9 E202 `as` does not give `query`, which a `trial` needs | `query: …`, a value that is str",
        "26:14 E201 a `trial` has no `qery` to give | query?",
    ]


def test_what_a_record_gets_has_its_type(bench: Bench) -> None:
    assert bench.problems(("answer: act.answer", "answer: act.done"), ("query: ask.query", "query: {each: [ask]}")) == [
        "26:14 E212 `query` is str, but `each` gives a list | an expression that is str",
        "26:72 E204 `act.done` is bool, where maybe str is needed",
    ]


@pytest.mark.parametrize(
    ("pair", "message"),
    [
        ("[act, lok]", "E220 no node `lok` stands in the graph | look? | one of: act, ask, look, say"),
        ("[act, act]", "E213 `act` and `act` both give `answer`, so they cannot be joined "
         "| two nodes whose outputs have different names"),
        ("act", "E203 `each` in `as` should be a list"),
        ("[act, look, say]", "E203 `each` in `as` is wrong: list should have at most 2 items, not 3"),
    ],
)  # fmt: skip
def test_each_joins_two_nodes_of_the_graph(bench: Bench, pair: str, message: str) -> None:
    (found,) = bench.problems(("each: [act, look]", f"each: {pair}"))
    assert found.split(" ", 1)[1] == message


def test_an_unknown_type_of_record_is_said_once(bench: Bench) -> None:
    holds, unknown = bench.problems(("record: trial", "record: trail"))
    assert holds == (
        "8:27 E243 `past` holds records of type `trial`, but the graph makes none "
        "| a `record: trial` block in the graph"
    )
    assert unknown.startswith("25:9 E215 there is no record type `trail` | trial? | one of: ")
