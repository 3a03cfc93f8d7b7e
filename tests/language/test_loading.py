from __future__ import annotations

import pytest
from language_bench import Bench

from ste_graph.diagnostics import DiagnosticsError
from ste_graph.language.loading import Change, changes_from_values, parse_change

VARIANTS = "variants:\n  fewer: {params.turns: 1}\n  deaf: {nodes.look: off}\ngraph:\n"


def test_a_variant_is_the_file_with_its_paths_changed(bench: Bench) -> None:
    loaded = bench.load(("graph:\n", VARIANTS), variant="fewer")
    assert loaded.workflow.params == {"rounds": 2, "turns": 1}
    assert loaded.workflow.variant == "fewer"
    assert loaded.variants == ("fewer", "deaf")


def test_an_unknown_variant_is_refused_with_the_known_ones(bench: Bench) -> None:
    assert bench.problems(("graph:\n", VARIANTS), variant="fever") == [
        "14:1 E401 unknown variant `fever` | fewer? | one of: deaf, fewer"
    ]
    assert bench.problems(variant="fever") == ["1:1 E401 unknown variant `fever` | no variant: this file has none"]


def test_all_variants_are_checked_whichever_is_wanted(bench: Bench) -> None:
    broken = VARIANTS.replace("graph:", "  broken: {nodes.ask: off}\ngraph:")
    with pytest.raises(DiagnosticsError) as caught:
        bench.load(("graph:\n", broken), variant="fewer")
    first = caught.value.diagnostics[0]
    assert str(first) == (
        "say.md:1:4: error[E412] in variant `broken`: `ask` is off, but the prompt of `say` needs `ask.query`\n"
        "    1 | {{ ask.query }}{{ talk.messages }}{{ past.entries }}\n"
        "      |    ^^^^^^^^^\n"
        "   help: put `{% if ask.query is not none %}` around it\n"
        "   note: `say` uses this prompt (w.yaml:13:3)\n"
        "   note: it is turned off here (w.yaml:17:23)\n"
        "   note: variant `broken` (w.yaml:17:3)"
    )
    assert [problem.message for problem in caught.value.diagnostics[1:]] == [
        "in variant `broken`: `ask` is off, but `act` needs `ask.query`",
        "in variant `broken`: `ask` is off, but `as.query` needs it: `ask.query` may be null, but must be str",
    ]


def test_problems_of_the_base_are_reported_once(bench: Bench) -> None:
    assert len(bench.problems(("graph:\n", VARIANTS), ("not act.done", "not act.don"))) == 1


def test_the_command_line_has_the_last_word_in_the_chosen_variant(bench: Bench) -> None:
    assert (
        bench.load(("graph:\n", VARIANTS), variant="fewer", changes=("params.turns=2",)).workflow.params["turns"] == 2
    )


def test_a_change_that_does_not_suit_another_variant_does_not_block_the_chosen_one(bench: Bench) -> None:
    variants = "variants:\n  short: {memory.talk.lives: turn}\ngraph:\n"
    assert "talk" not in bench.load(("graph:\n", variants), changes=("memory.talk=off",)).workflow.memories


def test_a_variant_that_is_wrong_in_the_file_is_reported_whatever_the_command_line_changes(bench: Bench) -> None:
    variants = "variants:\n  short: {memory.talk.lives: tur}\ngraph:\n"
    assert bench.problems(("graph:\n", variants), changes=("params.turns=2",)) == [
        "15:30 E240 in variant `short`: `talk` cannot live in `tur`: unknown loop | turn? "
        "| one of: forever, round, run, turn"
    ]


def test_changes_of_the_command_line_are_yaml_and_positioned(bench: Bench) -> None:
    with pytest.raises(DiagnosticsError) as caught:
        bench.load(changes=("params.turns=[1", "params.trun=1", "seed=x"))
    assert [str(problem).splitlines()[0] for problem in caught.value.diagnostics] == [
        "--set params.trun:1:1: error[E305] unknown path `params.trun`: `params` has no `trun`",
        "--set params.turns:1:3: error[E103] missing `,` or closing bracket",
        "--set seed:1:1: error[E203] `seed` must be a whole number",
    ]


def test_a_change_is_a_path_and_a_value() -> None:
    assert parse_change("a.b = c=d") == Change("a.b", " c=d")
    assert changes_from_values({"a": [1, "x"]}) == [Change("a", '[1, "x"]')]
    with pytest.raises(DiagnosticsError, match=r"`--set a\.b` is not PATH=VALUE"):
        parse_change("a.b")


def test_a_node_that_is_not_in_the_graph_is_a_remark(bench: Bench) -> None:
    loaded = bench.load(("  look:", "  spare: {use: steps.Look}\n  look:"))
    assert [remark.message for remark in loaded.remarks] == ["node `spare` is defined but not used in `graph:`"]
    assert list(loaded.workflow.nodes) == ["ask", "act", "look", "say"]
