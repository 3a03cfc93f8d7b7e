from __future__ import annotations

import pytest
from language_bench import Bench, Edit

BOUND = "a whole number of at least 0, made of numbers and `params.…`"
TURN = "        while: not act.done\n        at_most: params.turns\n"


@pytest.mark.parametrize(
    ("bound", "message"),
    [
        ("-1", "E231 `-1` must be a whole number of at least 0"),
        ("1.5", "E231 `1.5` must be a whole number of at least 0"),
        ("params.turns - 4", "E231 `params.turns - 4` must be a whole number of at least 0, but is -1"),
        ("act.answer", f"E231 `at_most` of `turn` cannot depend on `act.answer`, which only the run knows | {BOUND}"),
        ("true", "E231 `True` must be a whole number of at least 0"),
        ("", f"E231 `at_most` of `turn` has no value | {BOUND}"),
    ],
)
def test_a_bound_is_a_whole_number_known_before_the_run(bench: Bench, bound: str, message: str) -> None:
    assert [found[found.index("E") :] for found in bench.problems(("at_most: params.turns", f"at_most: {bound}"))] == [
        message
    ]


@pytest.mark.parametrize("bound", ["params.turns", "params.turns + 1"])
def test_a_param_that_is_not_a_number_is_reported_at_its_definition(bench: Bench, bound: str) -> None:
    edits = (("turns: 3", "turns: three"), ("at_most: params.turns", f"at_most: {bound}"))
    assert bench.problems(*edits) == ["3:28 E231 `params.turns` must be a whole number of at least 0, but is 'three'"]


def test_a_loop_that_never_runs_is_a_remark(bench: Bench) -> None:
    (remark,) = bench.load(("turns: 3", "turns: 0")).remarks
    assert (remark.code, remark.message) == ("W234", "the loop `turn` never runs: `params.turns` is 0")


def test_names_without_dashes_between_them_get_help(bench: Bench) -> None:
    assert bench.problems(("      - say\n", "      - say\n        act\n")) == [
        "24:9 E203 `say act` is not a name | a letter first, then letters, digits and _ "
        "| if these are several items, write each on its own line after `- `"
    ]


def test_a_mistyped_param_in_a_bound_is_suggested(bench: Bench) -> None:
    assert bench.problems(("at_most: params.turns", "at_most: params.turn")) == [
        "22:18 E204 unknown name `params.turn` in `at_most` | params.turns? | one of: params.rounds, params.turns"
    ]


@pytest.mark.parametrize(
    ("loop", "message"),
    [
        ("while: not act.done", "`repeat: turn` has no bound | `at_most: …` next to `while`: loops are always bounded"),
        ("until: act.done", "`repeat: turn` has no bound | `at_most: …` next to `until`: loops are always bounded"),
        (
            "{times: 2, until: act.done}",
            "`repeat: turn` has both `times` and `until` "
            "| one of `times: …`, or `while: …` or `until: …` with `at_most: …`",
        ),
        ("{times: 2, at_most: 3}", "`repeat: turn` has two bounds, `times` and `at_most` | one of them"),
        ("{}", "`repeat: turn` has no bound | one of `times: …`, or `while: …` or `until: …` with `at_most: …`"),
    ],
)
def test_a_loop_has_exactly_one_bound(bench: Bench, loop: str, message: str) -> None:
    keys = loop.strip("{}").replace(", ", "\n        ")
    assert [found.split(" ", 2)[2] for found in bench.problems((TURN, f"        {keys}\n"))] == [message]


def test_a_map_inside_a_unit_is_bounded(bench: Bench) -> None:
    assert bench.problems(("      - say\n", "      - {map: item, over: [1, 2], do: [say]}\n")) == [
        "24:10 E231 `map: item` has no bound | `at_most: …` next to `over`"
    ]
    assert bench.load(("      - say\n", "      - {map: item, over: [1, 2], at_most: 2, do: [say]}\n"))


def test_a_map_at_the_top_is_alone_or_bounded(bench: Bench) -> None:
    assert bench.problems(("graph:\n", "graph:\n  - {map: item, over: [1], do: [ask]}\n")) == [
        "15:6 E233 `map: item` must be the only top-level block, or have `at_most` "
        "| the items of the only map are units; `at_most` runs the map in order inside one unit"
    ]


def test_nodes_loops_and_memories_share_one_name_space(bench: Bench) -> None:
    shared = "nodes, loops and memories share one name space"
    assert bench.problems(("repeat: turn", "repeat: round")) == [
        f"20:17 E221 duplicate name `round`: {shared} | another name for the loop"
    ]
    assert bench.problems(("repeat: turn", "repeat: past")) == [
        f"20:17 E221 duplicate name `past`: {shared} | another name for the loop"
    ]
    assert bench.problems(("repeat: turn", "repeat: act")) == [
        f"20:17 E221 duplicate name `act`: {shared} | another name for the loop"
    ]
    assert bench.problems(("repeat: turn", "repeat: forever")) == [
        "20:17 E221 `forever` is a reserved name | another name for the loop"
    ]


def test_an_unknown_node_is_reported_once_and_causes_no_further_errors(bench: Bench) -> None:
    assert bench.problems(("      - ask\n", "      - aks\n")) == [
        "18:9 E220 unknown node `aks` | ask? | one of: act, ask, look, say"
    ]


@pytest.mark.parametrize("condition", ["true", "1 < 2", "not False"])
def test_a_condition_that_never_changes_is_refused(bench: Bench, condition: str) -> None:
    assert bench.problems(("while: not act.done", f"while: {condition}"))[-1].endswith(
        "E232 this `while` never changes, so that a block is never reached or a loop never left "
        "| a condition that reads a value"
    )


@pytest.mark.parametrize(
    "escape",
    ["().__class__", "'[x for x in act]'", "'lambda: 1'", "2 ** 8", "'f\"{act}\"'", "act.done()", "__import__('os')"],
)
def test_an_expression_cannot_escape(bench: Bench, escape: str) -> None:
    edit: Edit = ("while: not act.done", f"while: {escape}")
    assert any("E230" in found for found in bench.problems(edit))
