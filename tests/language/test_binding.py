from __future__ import annotations

from language_bench import Bench, Edit

SECOND: tuple[Edit, Edit] = (
    ("  ask:", "  ask2: {use: steps.Ask}\n  ask:"),
    ("      - ask\n", "      - ask\n      - ask2\n"),
)


def test_a_field_is_bound_to_its_only_producer(bench: Bench) -> None:
    reads = bench.load().workflow.nodes["act"].inputs
    assert {field: str(source) for field, source in reads.items()} == {
        "query": "FromNode(node='ask', field='query')",
        "text": "FromNode(node='look', field='text')",
    }


def test_an_ambiguous_read_shows_the_line_to_paste(bench: Bench) -> None:
    assert bench.problems(*SECOND) == [
        "12:3 E213 `act` reads `query`, and `ask2` and `ask` produce it | write `inputs: {query: ask2.query}` in `act`"
    ]
    pasted = bench.load(*SECOND, ("{use: steps.Act}", "{use: steps.Act, inputs: {query: ask2.query}}"))
    assert str(pasted.workflow.nodes["act"].inputs["query"]) == "FromNode(node='ask2', field='query')"


def test_a_node_outside_the_graph_produces_nothing(bench: Bench) -> None:
    assert bench.load(SECOND[0]).remarks[0].message == "node `ask2` is defined but not used in `graph:`"


def test_of_two_producers_the_one_that_is_on_is_read(bench: Bench) -> None:
    variant = ("graph:\n", "variants:\n  v: {nodes.ask2: off}\ngraph:\n")
    named = ("{use: steps.Act}", "{use: steps.Act, inputs: {query: ask.query}}")
    assert bench.load(*SECOND, variant, named, variant="v").workflow.nodes["act"].inputs


def test_inputs_name_a_field_and_an_output(bench: Bench) -> None:
    assert bench.problems(("{use: steps.Act}", "{use: steps.Act, inputs: {query: ask.quer, txt: look.text}}")) == [
        "11:41 E204 unknown name `ask.quer` in `inputs` of `act` | ask.query? | one of: ask.query",
        "11:51 E201 `act` has no input `txt` | text? | one of: query, text",
    ]


def test_a_value_that_nothing_produces_is_missing(bench: Bench) -> None:
    found = bench.problems(("{use: steps.Ask}", "{use: steps.Compare, memory: past}"))
    assert found[1] == (
        "11:3 E211 `act` reads `query`, but nothing in the graph produces it "
        "| one of the outputs: fact, new, said, text "
        "| add a node with an output `query`, or write `inputs: {query: node.output}`"
    )


def test_a_value_of_another_type_is_refused(bench: Bench) -> None:
    assert bench.problems(("{use: steps.Act}", "{use: steps.Act, inputs: {text: act.done}}")) == [
        "19:9 E212 `act` reads `text` as maybe str, but `act.done` is maybe bool "
        "| write `inputs: {text: …}` with a value that is maybe str"
    ]


def test_a_value_that_is_not_available_on_every_path_is_refused(bench: Bench) -> None:
    remedy = "run `ask` first, or let `query` of `act` be None"
    missing = f"E211 `act` reads `ask.query`, which is not available on every path to here | {remedy}"
    early = ("      - ask\n      - act\n", "      - act\n      - ask\n")
    assert bench.problems(early) == [f"18:9 {missing}"]
    skipped = ("      - ask\n", "      - when: act.done is None\n        do: [ask]\n")
    assert bench.problems(skipped)[1] == f"20:9 {missing}"


def test_a_loop_has_its_counter_only_inside_itself(bench: Bench) -> None:
    bench.write(
        "count.py",
        "from ste_graph.node import Node, NodeInputs, NodeOutputs\n"
        "class Count(Node):\n    class Inputs(NodeInputs):\n        turn: int\n"
        "    class Outputs(NodeOutputs):\n        number: int\n"
        "    async def __call__(self, inputs, ctx): ...\n",
    )
    count = (("[steps.py]", "[steps.py, count.py]"), ("  ask:", "  count: {use: count.Count}\n  ask:"))
    assert bench.load(*count, ("do: [look, act]", "do: [look, act, count]")).workflow.nodes["count"].inputs
    assert bench.problems(*count, ("      - say", "      - count\n      - say"))[0].startswith(
        "10:3 E211 `count` reads `turn`, but nothing in the graph produces it"
    )


def test_inputs_may_name_all_the_items_of_an_entry_of_data(bench: Bench) -> None:
    data = ("nodes:\n", "data: {rows: {use: rows, path: rows.jsonl}}\nnodes:\n")
    named = ("{use: steps.Act}", "{use: steps.Act, inputs: {query: data.rows}}")
    (wrong,) = bench.problems(data, named)
    assert "E212 `act` reads `query` as str, but `data.rows` is list" in wrong
    (unknown,) = bench.problems(data, ("{use: steps.Act}", "{use: steps.Act, inputs: {query: data.row}}"))
    assert "E204 unknown name `data.row` in `inputs` of `act` | data.rows?" in unknown


def test_inputs_may_name_a_parameter_of_the_right_type(bench: Bench) -> None:
    (wrong,) = bench.problems(("{use: steps.Act}", "{use: steps.Act, inputs: {query: params.rounds}}"))
    assert "E212 `act` reads `query` as str, but `params.rounds` is int" in wrong
    text = ("params: {rounds: 2,", "params: {word: hello, rounds: 2,")
    (unknown,) = bench.problems(text, ("{use: steps.Act}", "{use: steps.Act, inputs: {query: params.wrd}}"))
    assert "E204 unknown name `params.wrd` in `inputs` of `act` | params.word?" in unknown
    right = bench.load(text, ("{use: steps.Act}", "{use: steps.Act, inputs: {query: params.word}}"))
    assert str(right.workflow.nodes["act"].inputs["query"]) == "FromParam(param='word')"


OVER = (
    ("params: {rounds: 2, turns: 3}", "params: {rounds: [{request: a}], turns: 3}"),
    ("  - repeat: round\n    times: params.rounds\n", "  - map: round\n    over: params.rounds\n"),
    ("lives: run", "lives: round"),
)


def test_a_part_of_a_loops_item_is_read_by_its_keys(bench: Bench) -> None:
    named = ("{use: steps.Act}", "{use: steps.Act, inputs: {query: round.request}}")
    assert str(bench.load(*OVER, named).workflow.nodes["act"].inputs["query"]) == "FromLoop(name='round.request')"


def test_a_counter_has_no_parts_and_only_loops_around_are_read(bench: Bench) -> None:
    for name in ("round.request", "turn.x"):
        (found,) = bench.problems(("{use: steps.Act}", f"{{use: steps.Act, inputs: {{query: {name}}}}}"))
        assert f"E204 unknown name `{name}` in `inputs` of `act`" in found
