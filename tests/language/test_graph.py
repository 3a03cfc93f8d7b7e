from __future__ import annotations

import pytest
from language_bench import Bench, Edit

BOUND = "a whole number of at least 0, made of numbers and `params.…`"
TURN = "        while: not act.done\n        at_most: params.turns\n"


@pytest.mark.parametrize(
    ("bound", "message"),
    [
        ("-1", "E231 `-1` is no bound"),
        ("1.5", "E231 `1.5` is no bound"),
        ("params.turns - 4", "E231 `params.turns - 4` is no bound: it is -1"),
        ("act.answer", "E231 a bound may not depend on `act.answer`"),
        ("true", "E231 `True` is no bound"),
        ("", "E231 the bound has no value"),
    ],
)
def test_a_bound_is_a_whole_number_known_before_the_run(bench: Bench, bound: str, message: str) -> None:
    assert [one[one.index("E") :] for one in bench.problems(("at_most: params.turns", f"at_most: {bound}"))] == [
        f"{message} | {BOUND}"
    ]


def test_a_mistyped_param_in_a_bound_is_suggested(bench: Bench) -> None:
    assert bench.problems(("at_most: params.turns", "at_most: params.turn")) == [
        "22:18 E204 unknown name `params.turn` | params.turns? | one of: params.rounds, params.turns"
    ]


@pytest.mark.parametrize(
    ("loop", "message"),
    [
        ("while: not act.done", "`repeat: turn` has no bound | `at_most: …` beside `while`: loops are always bounded"),
        ("until: act.done", "`repeat: turn` has no bound | `at_most: …` beside `until`: loops are always bounded"),
        (
            "{times: 2, until: act.done}",
            "`repeat: turn` has `times` and `until` at once "
            "| one of `times: …`, or `while: …` or `until: …` with `at_most: …`",
        ),
        ("{times: 2, at_most: 3}", "`at_most` beside `times` says the same twice | one of them"),
        ("{}", "`repeat: turn` has no bound | one of `times: …`, or `while: …` or `until: …` with `at_most: …`"),
    ],
)
def test_a_loop_has_exactly_one_bound(bench: Bench, loop: str, message: str) -> None:
    keys = loop.strip("{}").replace(", ", "\n        ")
    assert [one.split(" ", 2)[2] for one in bench.problems((TURN, f"        {keys}\n"))] == [message]


def test_a_map_inside_a_unit_is_bounded(bench: Bench) -> None:
    assert bench.problems(("      - say\n", "      - {map: item, over: [1, 2], do: [say]}\n")) == [
        "24:10 E231 `map: item` has no bound | `at_most: …` beside `over`"
    ]
    assert bench.load(("      - say\n", "      - {map: item, over: [1, 2], at_most: 2, do: [say]}\n"))


def test_a_map_at_the_top_stands_alone_or_is_bounded(bench: Bench) -> None:
    assert bench.problems(("graph:\n", "graph:\n  - {map: item, over: [1], do: [ask]}\n")) == [
        "15:6 E233 `map: item` stands beside other blocks at the top | one map alone, whose items are the units; "
        "or `at_most`, to run it in order inside one unit"
    ]


def test_nodes_loops_and_memories_share_one_name_space(bench: Bench) -> None:
    shared = "nodes, loops and memories share one name space"
    assert bench.problems(("repeat: turn", "repeat: round")) == [f"20:17 E221 the name `round` is taken | {shared}"]
    assert bench.problems(("repeat: turn", "repeat: past")) == [f"20:17 E221 the name `past` is taken | {shared}"]
    assert bench.problems(("repeat: turn", "repeat: act")) == [f"20:17 E221 the name `act` is taken | {shared}"]
    assert bench.problems(("repeat: turn", "repeat: forever")) == [
        "20:17 E221 `forever` is reserved | another name for the loop"
    ]


def test_an_unknown_node_is_said_once_and_causes_no_further_errors(bench: Bench) -> None:
    assert bench.problems(("      - ask\n", "      - aks\n")) == [
        "18:9 E220 there is no node `aks` | ask? | one of: act, ask, look, say"
    ]


@pytest.mark.parametrize("condition", ["true", "1 < 2", "not False"])
def test_a_condition_that_never_changes_is_refused(bench: Bench, condition: str) -> None:
    assert bench.problems(("while: not act.done", f"while: {condition}"))[-1].endswith(
        "E232 this `while` never changes, so a block here is never reached or never left "
        "| a condition that reads a value"
    )


@pytest.mark.parametrize(
    "escape",
    ["().__class__", "'[x for x in act]'", "'lambda: 1'", "2 ** 8", "'f\"{act}\"'", "act.done()", "__import__('os')"],
)
def test_an_expression_cannot_escape(bench: Bench, escape: str) -> None:
    edit: Edit = ("while: not act.done", f"while: {escape}")
    assert any("E230" in one for one in bench.problems(edit))
