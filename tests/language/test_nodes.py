from __future__ import annotations

from language_bench import Bench


def test_models_prompts_and_memories_are_found_by_name(bench: Bench) -> None:
    node = bench.load().workflow.nodes["say"]
    assert node.models == {"model": "m"}
    assert node.prompts["prompt"].path == "say.md"
    assert (node.transcript, node.memories, node.settings) == ("talk", ("past",), {})


def test_unknown_models_and_memories_are_suggested(bench: Bench) -> None:
    assert bench.problems(
        ("model: m,", "model: n,"), ("transcript: talk", "transcript: tlk"), ("memories: [past]", "memories: [pst]")
    ) == [
        "13:32 E216 unknown model `n` | one of: m",
        "13:63 E217 unknown memory `tlk` | talk? | one of: past, talk",
        "13:79 E217 unknown memory `pst` | past? | one of: past, talk",
    ]


def test_a_node_needs_the_right_kind_of_memory(bench: Bench) -> None:
    bench.write("say.md", "hello")
    assert bench.problems(("transcript: talk", "transcript: past"), ("memories: [past]", "memories: [talk]")) == [
        "13:63 E218 `say` needs a memory of messages here, but `past` holds records | one of: talk"
    ]
    compare = ("{use: steps.Look}", "{use: steps.Look}\n  same: {use: steps.Compare, memory: talk}")
    assert bench.problems(compare, ("      - say", "      - same\n      - say")) == [
        "13:38 E218 `same` needs a memory of records here, but `talk` holds messages | one of: past"
    ]


def test_a_memory_that_is_off_is_none_to_its_readers(bench: Bench) -> None:
    compare = ("{use: steps.Look}", "{use: steps.Look}\n  same: {use: steps.Compare, memory: past}")
    variant = ("graph:\n", "variants:\n  v: {memory.past: off}\ngraph:\n")
    loaded = bench.load(compare, ("      - say", "      - same\n      - say"), variant, variant="v")
    assert loaded.workflow.nodes["same"].recalls == {"memory": None}


def test_a_wrong_node_is_reported_once_and_the_rest_is_checked(bench: Bench) -> None:
    assert bench.problems(("{use: steps.Ask}", "{use: steps.Ask, loud: true}"), ("not act.done", "not act.don")) == [
        "10:25 E201 unknown key `loud` in `steps.Ask` | one of: inputs, lives, memories, transcript, use",
        "21:20 E204 unknown name `act.don` in `while` | act.done? | `act` has: answer, done",
    ]
