from __future__ import annotations

import pytest
from language_bench import Bench

from ste_graph.language.diagnostics import DiagnosticsError


def test_the_checked_workflow_says_what_runs(bench: Bench) -> None:
    workflow = bench.load().workflow
    assert (workflow.name, workflow.unit, workflow.over, workflow.off) == ("tiny", "run", None, frozenset())
    assert {name: node.lives for name, node in workflow.nodes.items()} == {
        "ask": "round",
        "act": "round",
        "look": "turn",
        "say": "round",
    }


def test_a_node_may_live_in_any_loop_around_its_places(bench: Bench) -> None:
    assert bench.load(("{use: steps.Look}", "{use: steps.Look, lives: run}")).workflow.nodes["look"].lives == "run"
    assert bench.problems(("{use: steps.Act}", "{use: steps.Act, lives: turn}")) == [
        "11:32 E240 `act` cannot live in `turn`: that is no loop around every place where it stands "
        "| one of: round, run"
    ]


def test_reserved_names_are_refused(bench: Bench) -> None:
    bench.write("say.md", "hello")
    found = bench.problems(("  ask:", "  tools: {use: steps.Ask}\n  ask:"), ("  past:", "  params:"))
    assert found[:2] == [
        "8:3 E221 `params` is reserved | another name",
        "10:3 E221 `tools` is reserved | another name",
    ]


def test_a_name_is_taken_once(bench: Bench) -> None:
    assert bench.problems(("  ask:", "  past: {use: steps.Ask}\n  ask:"))[0] == (
        "8:3 E221 the name `past` is taken | nodes, loops and memories share one name space"
    )


def test_nothing_is_left_to_run_where_all_nodes_are_off(bench: Bench) -> None:
    bench.write("x.yaml", "dsl: 1\nname: x\nnodes: {ask: off}\ngraph: [ask]\n")
    with pytest.raises(DiagnosticsError, match=r"x.yaml:4:1: error.E232. nothing is left to run: all nodes are off"):
        bench.reload("x.yaml")


def test_an_output_is_named_as_expressions_can_name_it(bench: Bench) -> None:
    chat = "{use: chat, model: m, prompt: say.md, transcript: talk, memories: [past], outputs: {if: str}}"
    (found,) = bench.problems(("{use: steps.Say, model: m, prompt: say.md, transcript: talk, memories: [past]}", chat))
    assert found == "13:92 E203 `say` gives `if`, which expressions cannot name | another name"


def test_a_map_over_tools_needs_tools(bench: Bench) -> None:
    over = ("graph:\n  - repeat: round\n    times: params.rounds\n", "graph:\n  - map: tool\n    over: tools\n")
    lives = (("lives: round", "lives: tool"), ("lives: run", "lives: tool"))
    assert bench.problems(over, *lives) == [
        "15:5 E219 the graph maps over `tools`, but the workflow has none | `tools: […]`"
    ]
