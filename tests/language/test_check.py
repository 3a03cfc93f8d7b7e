from __future__ import annotations

import pytest
from language_bench import Bench

from ste_graph.diagnostics import DiagnosticsError
from ste_graph.language.check import PHASES


def test_the_checked_workflow_says_what_runs(bench: Bench) -> None:
    workflow = bench.load().workflow
    assert (workflow.name, workflow.unit, workflow.unit_map, workflow.off) == ("tiny", "run", None, frozenset())
    assert {name: node.lives for name, node in workflow.nodes.items()} == {
        "ask": "round",
        "act": "round",
        "look": "turn",
        "say": "round",
    }


def test_a_node_may_live_in_any_loop_around_its_places(bench: Bench) -> None:
    assert bench.load(("{use: steps.Look}", "{use: steps.Look, lives: run}")).workflow.nodes["look"].lives == "run"
    assert bench.problems(("{use: steps.Act}", "{use: steps.Act, lives: turn}")) == [
        "11:32 E240 `act` cannot live in `turn`: that loop is not around all its positions | one of: round, run"
    ]


def test_reserved_names_are_refused(bench: Bench) -> None:
    bench.write("say.md", "hello")
    found = bench.problems(("  ask:", "  tools: {use: steps.Ask}\n  ask:"), ("  past:", "  params:"))
    assert found[:2] == [
        "8:3 E221 `params` is a reserved name | another name",
        "10:3 E221 `tools` is a reserved name | another name",
    ]


def test_a_name_is_taken_once(bench: Bench) -> None:
    assert bench.problems(("  ask:", "  past: {use: steps.Ask}\n  ask:"))[0] == (
        "8:3 E221 duplicate name `past`: nodes, loops and memories share one name space | another name"
    )


def test_nothing_is_left_to_run_where_all_nodes_are_off(bench: Bench) -> None:
    bench.write("x.yaml", "dsl: 2\nname: x\nnodes: {ask: off}\ngraph: [ask]\n")
    with pytest.raises(DiagnosticsError, match=r"x.yaml:4:1: error.E232. nothing to run: all nodes are off"):
        bench.reload("x.yaml")


def test_an_output_is_named_as_expressions_can_name_it(bench: Bench) -> None:
    chat = "{use: chat, model: m, prompt: say.md, transcript: talk, memories: [past], outputs: {if: str}}"
    (found,) = bench.problems(("{use: steps.Say, model: m, prompt: say.md, transcript: talk, memories: [past]}", chat))
    assert found == "13:92 E203 the output `if` of `say` is not a name that expressions can read | another name"


def test_a_map_over_tools_needs_tools(bench: Bench) -> None:
    over = ("graph:\n  - repeat: round\n    times: params.rounds\n", "graph:\n  - map: tool\n    over: tools\n")
    lives = (("lives: round", "lives: tool"), ("lives: run", "lives: tool"))
    assert bench.problems(over, *lives) == [
        "15:5 E219 the graph maps over `tools`, but the workflow has none | a section `tools: […]`"
    ]


PLUGIN = """
from ste_graph.node import *

class Misnamed(Node):
    class Output(NodeOutputs):
        query: str
    async def __call__(self, inputs, ctx): ...

class Blocking(Node):
    class Outputs(NodeOutputs):
        query: str
    def __call__(self, inputs, ctx): ...

class Old(Node):
    class Outputs(NodeOutputs):
        query: str
    async def __call__(self, see): ...

class Empty(Node):
    class Inputs(NodeInputs):
        txet: str | None
        other: str | None
    async def __call__(self, inputs, ctx): ...

class Idle(Node):
    class Outputs(NodeOutputs):
        query: str
"""


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("Misnamed", "`Misnamed.Output` must be called `Outputs`"),
        ("Blocking", "`Blocking.__call__` must be `async def __call__(self, inputs, ctx)`"),
        ("Old", "`Old.__call__` must take `(self, inputs, ctx)`"),
        ("Idle", "`Idle` must have a method `async def __call__(self, inputs, ctx)`"),
    ],
)
def test_a_class_keeps_the_contract_of_nodes(bench: Bench, name: str, message: str) -> None:
    bench.write("own.py", PLUGIN)
    found = bench.problems(("[steps.py]", "[steps.py, own.py]"), ("steps.Ask", f"own.{name}"))
    assert found[0] == f"10:14 E502 {message} | docs/nodes.md describes the contract of nodes"


def test_a_node_without_outputs_and_a_slip_in_an_optional_input_are_warnings(bench: Bench) -> None:
    bench.write("own.py", PLUGIN)
    edits = (
        ("[steps.py]", "[steps.py, own.py]"),
        ("  ask:", "  empty: {use: own.Empty}\n  ask:"),
        ("      - say\n", "      - empty\n      - say\n"),
    )
    assert [(found.code, found.message, found.suggestion) for found in bench.load(*edits).remarks] == [
        ("W224", "node `empty` has no outputs", None),
        ("W223", "nothing in the graph produces the optional input `txet` of `empty`", "text"),
    ]


def test_the_phases_have_names_and_sentences() -> None:
    names = [phase.__name__ for phase in PHASES]
    assert len(names) == len(set(names))
    assert all(phase.__doc__ and "\n" not in phase.__doc__ for phase in PHASES)


def test_a_file_of_an_older_version_is_refused_in_one_sentence(bench: Bench) -> None:
    older = (("dsl: 2", f"dsl: {1}"), ("transcript: talk", "talk: talk"))
    assert bench.problems(*older) == [
        "1:6 E203 this file is for version 1 of the language, and this program reads version 2 "
        "| docs/language.md lists the words that changed"
    ]
