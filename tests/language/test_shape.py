from __future__ import annotations

import pytest
from language_bench import Bench


def test_keys_and_values_of_the_wrong_shape_are_reported_together(bench: Bench) -> None:
    assert bench.problems(
        ("dsl: 2", "dsl: two"),
        ("name: tiny", "name: a b"),
        ("params: {", "seed: x\nbudget: {tokns: 1}\nparams: {"),
        ("lives: round", "lives: [round]"),
        ("{use: steps.Ask}", "{usee: steps.Ask}"),
        ("times: params.rounds", "times: params.rounds\n    tims: 3"),
        ("- say\n", "- {sya: 1}\n"),
    ) == [
        "1:6 E203 `dsl` must be 2",
        "2:7 E203 `a b` is not a name | a letter first, then letters, digits and _",
        "3:7 E203 `seed` must be a whole number",
        "4:10 E201 unknown key `tokns` in `budget` | tokens? "
        "| one of: model_calls, money, per, time_s, tokens, tool_calls",
        "9:34 E203 `lives` in `memory` must be a text",
        "12:8 E202 missing key `use` in `nodes`",
        "19:5 E201 unknown key `tims` in `repeat` | times? "
        "| one of: at_most, do, parallel, repeat, times, until, while",
        "27:9 E203 this is not a block | a node's name, or a mapping with `map`, `repeat`, `when`, `record` or `run`",
    ]


def test_missing_keys_are_named_with_their_meaning(bench: Bench) -> None:
    assert bench.problems(("dsl: 2\n", ""), ("name: tiny\n", ""), ("times: params.rounds\n", "\n")) == [
        "1:1 E202 missing key `dsl` | `dsl: 2`, the version of the language",
        "1:1 E202 missing key `name` | a short name for the workflow",
        "13:5 E231 `repeat: round` has no bound | one of `times: …`, or `while: …` or `until: …` with `at_most: …`",
    ]


def test_a_block_without_its_body_is_an_error_and_no_crash(bench: Bench) -> None:
    assert bench.problems(("        do: [look, act]\n", "")) == [
        "20:9 E202 missing key `do` in `repeat` | `do: [blocks]`"
    ]


def test_a_text_in_quotes_is_not_a_number(bench: Bench) -> None:
    assert bench.problems(("params: {", 'seed: "3"\nparams: {')) == ["3:7 E203 `seed` must be a whole number"]


def test_the_rest_is_checked_although_a_section_is_wrong(bench: Bench) -> None:
    assert bench.problems(("name: tiny", "name: tiny\nlimits: 3"), ("not act.done", "not act.don")) == [
        "3:9 E203 `limits` must be a mapping",
        "22:20 E204 unknown name `act.don` in `while` | act.done? | `act` has: answer, done",
    ]


def test_a_list_of_constants_is_an_expression(bench: Bench) -> None:
    graph = "graph:\n  - map: item\n    over: [a, b]\n    do:\n"
    loaded = bench.load(
        ("graph:\n  - repeat: round\n    times: params.rounds\n    do:\n", graph),
        ("lives: round", "lives: item"),
        ("lives: run", "lives: item"),
    )
    assert loaded.workflow.unit_map is not None
    assert loaded.workflow.unit_map.over.evaluate(lambda name: None) == ["a", "b"]


@pytest.mark.parametrize(
    ("source", "help"),
    [
        ("my_tools.py", "write `{use: python, module: my_tools.py}`"),
        ("http://x.org/mcp", "write `{use: openapi, spec: http://x.org/mcp}`, or `{use: mcp, url: http://x.org/mcp}` "
         "for an MCP server"),
        ("python", "`{use: python, module: …}`, or another source"),
    ],
)  # fmt: skip
def test_a_source_of_tools_given_as_a_text_gets_its_mapping_shown(bench: Bench, source: str, help: str) -> None:
    (found,) = bench.problems(("graph:\n", f"tools: [{source}]\ngraph:\n"))
    assert found == f"14:9 E203 item 1 of `tools` must be a mapping | {help}"


def test_a_source_of_tools_without_its_list_is_shown_the_list(bench: Bench) -> None:
    (found,) = bench.problems(("graph:\n", "tools: my_tools.py\ngraph:\n"))
    legal, help = "a list of sources: `tools: [{use: …}]`", "write `{use: python, module: my_tools.py}`, in brackets"
    assert found == f"14:8 E203 `tools` must be a list | {legal} | {help}"


def test_a_body_that_is_a_text_is_shown_the_form_of_a_list_of_blocks(bench: Bench) -> None:
    assert bench.problems(("do: [look, act]", "do: look")) == [
        "23:13 E203 `do` in `repeat` must be a list | a list of blocks, each on its own line after `- `"
    ]
