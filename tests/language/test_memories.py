from __future__ import annotations

import pytest
from language_bench import Bench

PAST = "{use: chroma, of: trial, lives: run}"


NEAREST = "{use: chroma, of: trial, lives: run, recall: {nearest: 2, like: LIKE}}"


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (
            "{use: chroma, of: trial, lives: turns}",
            "E240 `past` cannot live in `turns`: unknown loop | turn? | one of: forever, round, run, turn",
        ),
        (
            "{use: chroma, of: trial, lives: forever}",
            "E242 `past` lives forever but has no path | `path: …` or `url: …`",
        ),
        (
            "{use: chroma, of: trial, lives: run, path: kept}",
            "E242 `past` lives in `run`, but has a `path`: only a memory that lives forever can | `lives: forever`",
        ),
        (
            "{use: chroma, of: trial, lives: turn, url: 'http://x', collection: ours}",
            "E242 `past` lives in `turn`, but has a `collection`: only a memory that lives forever can",
        ),
        (
            "{use: transcript, lives: forever}",
            "E242 `past` lives forever but has no path | a loop: only memories of records can live forever",
        ),
        (
            "{use: chroma, of: trail, lives: run}",
            "E243 `past` holds records of type `trail`, but the graph makes none | trial? | one of: trial",
        ),
        ("{use: chroma, lives: run}", "E243 `past` does not state the type of its records | `of: TYPE`, a record type"),
        ("{use: transcript, of: trial, lives: run}", "E243 `past` holds messages, not records | no `of`"),
        ("{use: chroma, of: trial}", "E202 missing key `lives` in `memory`"),
        (
            NEAREST.replace("LIKE", "ask.qery"),
            "E204 unknown name `ask.qery` in `like` | ask.query? | `ask` has: query",
        ),
        (NEAREST.replace("LIKE", "act.done"), "E204 `act.done` must be maybe str, but is bool"),
        (NEAREST.replace("LIKE", "'ask.'"), "E230 this is not an expression"),
    ],
)
def test_a_memory_has_a_lifetime_and_holds_what_the_graph_makes(bench: Bench, entry: str, message: str) -> None:
    bench.write("say.md", "hello")
    (found,) = bench.problems((PAST, entry))
    assert found.split(" ", 1)[1].startswith(message)


def test_a_memory_without_a_reader_is_refused(bench: Bench) -> None:
    bench.write("say.md", "hello")
    assert bench.problems((", transcript: talk, memories: [past]", "")) == [
        "7:3 E241 nothing uses the memory `talk` | a node in the graph with `transcript: talk`, or `talk: off`",
        "8:3 E241 nothing uses the memory `past` | a node in the graph with `memories: [past]`, or `past: off`",
    ]


def test_a_memory_keeps_its_reader_where_a_variant_turns_the_reader_off(bench: Bench) -> None:
    assert bench.load(("graph:\n", "variants:\n  quiet: {nodes.say: off}\ngraph:\n"), variant="quiet")


def test_a_memory_that_is_off_reads_as_empty_and_harms_no_reader(bench: Bench) -> None:
    variants = "variants:\n  none: {memory.past: off, memory.talk: off}\ngraph:\n"
    workflow = bench.load(("graph:\n", variants), variant="none").workflow
    assert (dict(workflow.memories), workflow.nodes["say"].transcript) == ({}, None)
