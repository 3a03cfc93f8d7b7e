"""The values that `parallel` may have, and the loops that may have it."""

from __future__ import annotations

import pytest
from language_bench import Bench, Edit

from ste_graph.language.blocks import Map, Repeat

WIDTH = "a whole number of at least 1, made of numbers and `params.…`"
ROUND = "times: params.rounds"
WAVES: Edit = (ROUND, f"{ROUND}\n    parallel: 2")


def width(bench: Bench, *edits: Edit) -> int | None:
    (block, *_) = bench.load(*edits).workflow.blocks
    assert isinstance(block, Repeat | Map)
    return block.parallel.width if block.parallel else None


@pytest.mark.parametrize(("text", "expected"), [("2", 2), ("params.turns", 3), ("params.rounds + 2", 4), ("1", None)])
def test_it_is_a_number_or_made_of_params_and_one_is_the_loop_in_order(
    bench: Bench, text: str, expected: int | None
) -> None:
    assert width(bench, (ROUND, f"{ROUND}\n    parallel: {text}")) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0", "17:15 E231 `0` must be a whole number of at least 1"),
        ("-1", "17:15 E231 `-1` must be a whole number of at least 1"),
        ("1.5", "17:15 E231 `1.5` must be a whole number of at least 1"),
        ("params.rounds - 2", "17:15 E231 `params.rounds - 2` must be a whole number of at least 1, but is 0"),
        ("act.answer", "17:15 E231 `parallel` of `round` cannot depend on `act.answer`, which only the run knows "
         f"| {WIDTH}"),
        ("params.round", "17:15 E204 unknown name `params.round` in `parallel` | params.rounds? "
         "| one of: params.rounds, params.turns"),
        ("", f"17:14 E231 `parallel` of `round` has no value | {WIDTH}"),
    ],
)  # fmt: skip
def test_anything_else_is_an_error(bench: Bench, text: str, message: str) -> None:
    assert bench.problems((ROUND, f"{ROUND}\n    parallel: {text}")) == [message]


def test_a_param_that_is_too_small_is_reported_at_its_definition(bench: Bench) -> None:
    assert bench.problems(("turns: 3", "turns: 3, at_once: 0"), (ROUND, f"{ROUND}\n    parallel: params.at_once")) == [
        "3:40 E231 `params.at_once` must be a whole number of at least 1, but is 0"
    ]


@pytest.mark.parametrize("test", ["while", "until"])
def test_a_condition_is_tested_between_passes(bench: Bench, test: str) -> None:
    loop = f"        {test}: not act.done\n        parallel: 2\n"
    assert bench.problems(("        while: not act.done\n", loop)) == [
        f"22:9 E235 the passes of `turn` cannot run side by side: `{test}` is tested between them "
        "| `times: …`, or no `parallel`"
    ]


def test_a_transcript_that_outlives_the_loop_goes_from_pass_to_pass(bench: Bench) -> None:
    assert bench.problems(WAVES, ("lives: round", "lives: run")) == [
        "17:5 E235 the passes of `round` cannot run side by side: `say` goes on with the transcript `talk`, which "
        "lives in `run` | `lives: round` at `talk`, or no `parallel`"
    ]


def test_an_output_that_outlives_the_loop_and_is_read_before_it_is_given_is_another_pass_s(bench: Bench) -> None:
    look: Edit = ("look: {use: steps.Look}", "look: {use: steps.Look, lives: run}")
    assert bench.problems(WAVES, look) == [
        "17:5 E235 the passes of `round` cannot run side by side: `act` reads `look`, which lives in `run`: perhaps "
        "what another pass gave | `lives: round` at `look`, or no `parallel`"
    ]
    act: Edit = ("act: {use: steps.Act}", "act: {use: steps.Act, lives: run}")
    assert width(bench, WAVES, act) == 2, "each pass reads what it gave itself"


def test_a_memory_of_a_repeat_is_read_as_it_stood_and_that_of_a_map_is_refused(bench: Bench) -> None:
    assert width(bench, WAVES) == 2
    over: Edit = (
        "  - repeat: round\n    times: params.rounds",
        "  - map: round\n    over: [1, 2]\n    at_most: 2\n    parallel: 2",
    )
    say: Edit = ("graph:\n", "graph:\n  - ask\n")
    assert bench.problems(over, say) == [
        "19:5 E235 the passes of `round` cannot run side by side: `say` reads `past`, into which each pass puts a "
        "`trial` | `lives: round` at `past`, or no `parallel`"
    ]
    assert bench.load(over, say, ("lives: run", "lives: round")).workflow.blocks[1].parallel is not None


def test_units_run_side_by_side_anyway(bench: Bench) -> None:
    over: Edit = ("  - repeat: round\n    times: params.rounds", "  - map: round\n    over: [1, 2]\n    parallel: 2")
    assert bench.problems(over, ("lives: run", "lives: round")) == [
        "17:5 E235 `parallel` is for loops inside a unit: the items of this map are units, which run side by side "
        "anyway | no `parallel`; `--concurrency` bounds the requests"
    ]


def test_what_counts_or_resets_in_order_is_refused(bench: Bench) -> None:
    assert bench.problems(WAVES, ("name: tiny\n", "name: tiny\nlimits: {calls: 3}\n")) == [
        "18:5 E235 the passes of `round` cannot run side by side: `limits.calls` counts the calls of a whole unit in "
        "their order | no `parallel`, or no `limits.calls`"
    ]
    reset = 'name: tiny\nreset: {before: round, command: ["true"]}\n'
    assert bench.problems(WAVES, ("name: tiny\n", reset)) == [
        "18:5 E235 the passes of `round` cannot run side by side: `reset` brings the tools to a known state, which one "
        "pass would undo for another | no `parallel`, or no `reset`"
    ]


def test_an_output_joined_to_one_of_another_pass_is_refused(bench: Bench) -> None:
    values = "{query: ask.query, steps: {each: [act, look]}, answer: act.answer, solved: act.done}"
    record = f"      - record: trial\n        as: {values}\n"
    outside = record.replace("      - record", "  - record").replace("        as", "    as")
    within: Edit = ("        do: [look, act]\n", "        do: [act, look]\n")
    assert width(bench, WAVES, (record, outside)) == 2
    inner: Edit = ("      - act\n", "      - look\n      - act\n")
    assert bench.problems(WAVES, inner, (record, outside), within) == [
        "17:5 E235 the passes of `round` cannot run side by side: `look` joins an output of `act` that it did not give "
        "in the same pass | the `record` with `each: [act, …]` inside the loop, or no `parallel`"
    ]


def test_an_output_joined_to_one_from_before_the_loop_is_refused(bench: Bench) -> None:
    values = "{query: ask.query, steps: {each: [act, look]}, answer: act.answer, solved: act.done}"
    record = f"      - record: trial\n        as: {values}\n"
    outside = record.replace("      - record", "  - record").replace("        as", "    as")
    turns = (
        "      - repeat: turn\n        while: not act.done\n        at_most: params.turns\n        do: [look, act]\n"
    )
    before: Edit = ("  - repeat: round\n", "  - ask\n  - act\n  - repeat: round\n")
    assert bench.problems(
        WAVES, before, (f"      - ask\n      - act\n{turns}", "      - look\n"), (record, outside)
    ) == [
        "19:5 E235 the passes of `round` cannot run side by side: `look` joins an output of `act` that it did not give "
        "in the same pass | the `record` with `each: [act, …]` inside the loop, or no `parallel`"
    ]
