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
            "E240 `past` cannot live in `turns`: there is no such loop | turn? | one of: forever, round, run, turn",
        ),
        (
            "{use: chroma, of: trial, lives: forever}",
            "E242 `past` lives forever but has no path | `path: …` or `url: …`, where it is kept between runs",
        ),
        (
            "{use: chroma, of: trial, lives: run, path: kept}",
            "E242 `past` has a `path`, where it is kept between runs, but lives in `run` | `lives: forever`",
        ),
        (
            "{use: chroma, of: trial, lives: turn, url: 'http://x', collection: ours}",
            "E242 `past` has a `collection`, where it is kept between runs, but lives in `turn` | `lives: forever`",
        ),
        (
            "{use: transcript, lives: forever}",
            "E242 `past` lives forever but has no path | only memories of records live on",
        ),
        (
            "{use: chroma, of: trail, lives: run}",
            "E243 `past` holds records of type `trail`, but the graph makes none | trial? | one of: trial",
        ),
        ("{use: chroma, lives: run}", "E243 `past` does not say what it holds | `of: TYPE`, a type of record"),
        ("{use: transcript, of: trial, lives: run}", "E243 `past` holds messages, not records | no `of`"),
        ("{use: chroma, of: trial}", "E202 `lives` is missing in `memory`"),
        (
            NEAREST.replace("LIKE", "ask.qery"),
            "E204 unknown name `ask.qery` in `like` | ask.query? | `ask` has: query",
        ),
        (NEAREST.replace("LIKE", "act.done"), "E204 `act.done` is bool, where maybe str is needed"),
        (NEAREST.replace("LIKE", "'ask.'"), "E230 this is no expression"),
    ],
)
def test_a_memory_has_a_lifetime_and_holds_what_the_graph_makes(bench: Bench, entry: str, message: str) -> None:
    bench.write("say.md", "hello")
    (found,) = bench.problems((PAST, entry))
    assert found.split(" ", 1)[1].startswith(message)


def test_a_memory_without_a_reader_is_refused(bench: Bench) -> None:
    bench.write("say.md", "hello")
    assert bench.problems((", transcript: talk, memories: [past]", "")) == [
        "7:3 E241 nothing reads the memory `talk` | a node in the graph with `transcript: talk`, or `talk: off`",
        "8:3 E241 nothing reads the memory `past` | a node in the graph with `memories: [past]`, or `past: off`",
    ]


def test_a_memory_keeps_its_reader_where_a_variant_turns_the_reader_off(bench: Bench) -> None:
    assert bench.load(("graph:\n", "variants:\n  quiet: {nodes.say: off}\ngraph:\n"), variant="quiet")


def test_a_memory_that_is_off_reads_as_empty_and_harms_no_reader(bench: Bench) -> None:
    variants = "variants:\n  none: {memory.past: off, memory.talk: off}\ngraph:\n"
    workflow = bench.load(("graph:\n", variants), variant="none").workflow
    assert (dict(workflow.memories), workflow.nodes["say"].transcript) == ({}, None)
