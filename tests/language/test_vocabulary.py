from __future__ import annotations

import pytest
from language_bench import Bench

from ste_graph.diagnostics import DiagnosticsError
from ste_graph.language.expressions.types import ANY, NULL, STR
from ste_graph.language.sections.vocabulary import Names


def test_below_an_opened_name_everything_has_its_type() -> None:
    names = Names({"a.b": STR}, {"a.c": ANY, "x": NULL})
    assert (names["a.b"], names["a.c.d.e"], names["x"], names["x.y"]) == (STR, ANY, NULL, NULL)
    assert "a.d" not in names
    assert (names.has_parts("a"), names.has_parts("a.b")) == (True, False)


def test_the_designs_example_of_an_error(bench: Bench) -> None:
    (found,) = bench.problems(("not act.done", "not act.doen"))
    assert found == "21:20 E204 unknown name `act.doen` in `while` | act.done? | `act` has: answer, done"


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ("act.answer", "`act.answer` must be bool, but is maybe str"),
        ("look.text == ''", None),
        ("look.text in ['a']", None),
        ("len(look.text) > 1", "`look.text` may be null, but must be str or list or object for `len` "
                               "| test `look.text is not None and …` first"),
        ("look.text is not None and len(look.text) > 1", None),
        ("round > 1 and params.turns > round", None),
        ("turn > 1", "unknown name `turn` in `while` | known here: act, ask, look, params, round, say"),
        ("params.trun > 1", "unknown name `params.trun` in `while` | params.turns? | `params` has: rounds, turns"),
        ("talk.empty", "unknown name `talk.empty` in `while` | known here: act, ask, look, params, round, say"),
    ],
)  # fmt: skip
def test_a_condition_reads_known_names_by_their_types(bench: Bench, condition: str, message: str | None) -> None:
    edit = ("while: not act.done", f'while: "{condition}"')
    if message is None:
        assert bench.load(edit)
    else:
        (found,) = bench.problems(edit)
        assert found.split(" ", 2)[1:] == ["E204", message]


def test_an_expression_that_needs_a_node_that_is_off_names_both_places(bench: Bench) -> None:
    off = ("  act: {use: steps.Act}", "  act: off")
    with pytest.raises(DiagnosticsError) as caught:
        bench.load(off)
    assert str(caught.value) == (
        "w.yaml:21:20: error[E412] `act` is off, but `while` needs it: `act.done` must be bool, but is null\n"
        "   21 |         while: not act.done\n"
        "      |                    ^^^^^^^^\n"
        "   help: turn off what reads it as well, or change this in the same variant\n"
        "   note: `act` is off (w.yaml:11:8)"
    )


def test_the_item_of_a_map_over_tools_is_known(bench: Bench) -> None:
    bench.write("tools.py", "def f() -> str:\n    '''Do it.'''\n    return ''\n")
    over = (
        ("graph:\n", "tools: [{use: python, module: tools.py}]\ngraph:\n"),
        ("  - repeat: round\n    times: params.rounds\n", "  - map: tool\n    over: tools\n"),
        ("lives: round", "lives: tool"),
        ("lives: run", "lives: tool"),
    )  # fmt: skip
    assert bench.load(*over, ("not act.done", "tool.name == 'f' and tool.parameters.x is None")).workflow.unit == "tool"
    assert bench.problems(*over, ("not act.done", "tool.nam == 'f'"))[0].endswith(
        "unknown name `tool.nam` in `while` | tool.name? "
        "| `tool` has: description, effect, fingerprint, name, parameters"
    )


def test_the_units_are_known_before_anything_ran(bench: Bench) -> None:
    units = (
        ("graph:\n  - repeat: round\n    times: params.rounds\n", "graph:\n  - map: item\n    over: ask.query\n"),
        ("lives: round", "lives: item"),
        ("lives: run", "lives: item"),
    )
    assert bench.problems(*units) == ["16:11 E204 unknown name `ask.query` in `over` | known here: params, tools"]


def test_a_mistyped_tools_is_suggested(bench: Bench) -> None:
    units = (
        ("graph:\n  - repeat: round\n    times: params.rounds\n", "graph:\n  - map: tool\n    over: tool\n"),
        ("lives: round", "lives: tool"),
        ("lives: run", "lives: tool"),
    )
    assert bench.problems(*units) == ["16:11 E204 unknown name `tool` in `over` | tools? | known here: params, tools"]


def test_a_param_of_the_wrong_type_is_reported_at_its_definition(bench: Bench) -> None:
    edits = (("turns: 3", "turns: 3, flag: 'yes'"), ("not act.done", "act.done is None and params.flag"))
    with pytest.raises(DiagnosticsError) as caught:
        bench.load(*edits)
    assert str(caught.value) == (
        "w.yaml:3:37: error[E204] `params.flag` must be bool, but is str\n"
        "    3 | params: {rounds: 2, turns: 3, flag: 'yes'}\n"
        "      |                                     ^^^^^\n"
        "   note: `params.flag` is used here, in `while` (w.yaml:21:37)"
    )
