from __future__ import annotations

import pytest
from language_bench import Bench, Edit


def variant(*lines: str) -> Edit:
    return ("graph:\n", "variants:\n  v: {" + ", ".join(lines) + "}\ngraph:\n")


@pytest.mark.parametrize(
    "change",
    [
        "graph.turn.at_most: 7",
        "graph.turn.do: [look, act, act]",
        "memory.talk: off",
        "memory.past.recall: shuffled",
        "memory.past.embedder: some/model",
        "nodes.look: off",
        "nodes.ask.use: steps.Ask",
        "nodes.ask.lives: round",
        "nodes.more: {use: steps.Look}",
        "models.m.seed_of_any_name: 1",
        "params.turns: 9",
        "seed: 3",
        "budget.model_calls: 10",
        "limits.timeout_s: 2.5",
        "allow: [write]",
        "about: another",
    ],
)
def test_a_path_exists_if_the_file_or_the_schema_has_its_last_key(bench: Bench, change: str) -> None:
    if change.startswith("models.m.seed"):
        assert bench.problems(variant(change))[0].split(" ", 2)[1] == "E305"
    else:
        assert bench.load(variant(change), variant="v").workflow.variant == "v"


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("memory.pst", "unknown path `memory.pst`: `memory` has no `pst` | memory.past? | one of: past, talk"),
        ("memroy.pst", "unknown path `memroy.pst` | memory.past?"),
        ("parms.x", "unknown path `parms.x`"),
        (
            "graph.trun.at_most",
            "unknown path `graph.trun.at_most`: `graph` has no `trun` | graph.turn.at_most? | one of: round, turn",
        ),
        (
            "graph.turn.at_mots",
            "unknown path `graph.turn.at_mots`: `graph.turn` has no `at_mots` | graph.turn.at_most? "
            "| one of: at_most, do, parallel, repeat, times, until, while",
        ),
        (
            "graph.turn.at_most.x",
            "unknown path `graph.turn.at_most.x`: `graph.turn.at_most` has no `x` "
            "| a path that the file or the schema has",
        ),
        ("params.turns.x", "unknown path `params.turns.x`: `params.turns` is a single value | the path `params.turns`"),
        ("params.more", "unknown path `params.more`: `params` has no `more` | one of: rounds, turns"),
        ("plugins.1", "unknown path `plugins.1`: `plugins` has no `1` | one of: 0"),
        ("variants.v", "unknown path `variants.v`"),
    ],
)
def test_an_unknown_path_is_refused_with_what_is_legal_there(bench: Bench, path: str, message: str) -> None:
    (found,) = bench.problems(variant(f"{path}: 1"))
    assert found.startswith(f"15:7 E305 {message}")


def test_a_suggested_path_exists(bench: Bench) -> None:
    (found,) = bench.problems(variant("param.trun: 1"))
    assert "| params.turns? |" in found
    (found,) = bench.problems(variant("param.zzz: 1"))
    assert "?" not in found


def test_settings_of_a_plugins_class_are_left_to_its_check(bench: Bench) -> None:
    assert bench.problems(variant("nodes.say.prompts: x.md")) == [
        "15:26 E201 in variant `v`: unknown key `prompts` in `steps.Say` | prompt? "
        "| one of: inputs, lives, memories, model, prompt, transcript, use"
    ]


def test_a_changed_use_decides_which_settings_there_are(bench: Bench) -> None:
    workflow = bench.load(
        variant("models.m.path: replies.jsonl", "models.m.use: recorded"),
        ("{use: simulated}", "{use: simulated}"),
        variant="v",
    ).workflow
    assert workflow.models["m"].path == str(bench.folder / "replies.jsonl")


def test_a_value_below_an_entry_that_is_off_says_so(bench: Bench) -> None:
    assert bench.problems(("look: {use: steps.Look}", "look: off"), variant("nodes.look.use: steps.Look"))[0] == (
        "15:7 E305 unknown path `nodes.look.use`: `nodes.look` is off | the path `nodes.look`"
    )


def test_set_needs_a_mapping(bench: Bench) -> None:
    assert bench.problems(("name: tiny", "name: tiny\nset: [1]")) == [
        "3:6 E304 `set` must be a mapping | `path: value` lines"
    ]


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ("rounds", "params.rounds"),
        ("round", "params.rounds"),
        ("turn.at_most", "graph.turn.at_most"),
        ("look", "nodes.look"),
        ("m.use", "models.m.use"),
        ("nodez.look", "nodes.look"),
    ],
)
def test_a_name_of_the_file_gets_its_whole_path_suggested(bench: Bench, change: str, path: str) -> None:
    (found,) = bench.problems(changes=(f"{change}=3",))
    assert found.startswith(f"1:1 E305 unknown path `{change}` | {path}? | one of: about, ")
