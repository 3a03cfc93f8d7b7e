from __future__ import annotations

import pytest
from language_bench import Bench

from ste_graph.language.blocks import RecordBlock, walk


def test_a_record_gets_all_it_needs_and_nothing_else(bench: Bench) -> None:
    found = bench.problems(("{query: ask.query", "{qery: ask.query"))
    assert [item.partition(" | one of")[0] for item in found] == [
        "25:9 E202 missing key `query` in `as`: `trial` needs it | `query: …`, a value that is str",
        "26:14 E201 unknown key `qery` in `as`: `trial` has no such field | query?",
    ]


def test_what_a_record_gets_has_its_type(bench: Bench) -> None:
    assert bench.problems(("answer: act.answer", "answer: act.done"), ("query: ask.query", "query: {each: [ask]}")) == [
        "26:14 E212 `query` is str, but `each` makes a list | an expression that is str",
        "26:72 E204 `act.done` must be maybe str, but is bool",
    ]


@pytest.mark.parametrize(
    ("pair", "message"),
    [
        ("[act, lok]", "E220 no node `lok` in the graph | look? | one of: act, ask, look, say"),
        ("[act, act]", "E213 `act` and `act` both have an output `answer` and cannot be joined "
         "| two nodes whose outputs have different names"),
        ("act", "E203 `each` in `as` must be a list"),
        ("[act, look, say]", "E203 `each` in `as` must have at most 2 items, not 3"),
    ],
)  # fmt: skip
def test_each_joins_two_nodes_of_the_graph(bench: Bench, pair: str, message: str) -> None:
    (found,) = bench.problems(("each: [act, look]", f"each: {pair}"))
    assert found.split(" ", 1)[1] == message


def test_an_unknown_record_type_is_reported_once(bench: Bench) -> None:
    holds, unknown = bench.problems(("record: trial", "record: trail"))
    assert holds == (
        "8:27 E243 `past` holds records of type `trial`, but the graph makes none "
        "| a `record: trial` block in the graph"
    )
    assert unknown.startswith("25:9 E215 unknown record type `trail` | trial? | one of: ")


OWN = """
from ste_graph.records import Record, Trial

class Claim(Record):
    claim: str
    sure: bool | None = None

    @property
    def text(self):
        return self.claim

class Silent(Record):
    claim: str

class Odd(Record):
    claim: str
    ended: str

class NoRecord:
    claim: str
"""


def own(bench: Bench, record: str, *edits: tuple[str, str], given: str = "{claim: ask.query}", **settings) -> list[str]:
    bench.write("own.py", OWN)
    block = "as: {query: ask.query, steps: {each: [act, look]}, answer: act.answer, solved: act.done}"
    changes = (("[steps.py]", "[steps.py, own.py]"), ("record: trial", f"record: {record}"), (block, f"as: {given}"))
    return bench.problems(*changes, ("of: trial", f"of: {record}"), *edits, **settings)


def test_a_type_of_record_of_a_plugin_is_checked_like_any_other(bench: Bench) -> None:
    assert own(bench, "own.Claim", given="{clame: ask.query, sure: ask.query}") == [
        "25:9 E202 missing key `claim` in `as`: `own.Claim` needs it | `claim: …`, a value that is str",
        "26:14 E201 unknown key `clame` in `as`: `own.Claim` has no such field | claim? | one of: claim, sure",
        "26:38 E204 `ask.query` must be maybe bool, but is str",
    ]


def test_an_unknown_type_of_record_is_suggested_from_plugins_too(bench: Bench) -> None:
    (found,) = own(bench, "own.Clam", ("past: {use: chroma, of: own.Clam, lives: run}", "past: off"))
    assert found.startswith("25:9 E215 unknown record type `own.Clam` | own.Claim? | one of: ")
    assert "own.Claim, own.Odd, own.Silent" in found


def test_a_record_type_of_a_failing_plugin_is_reported_once(bench: Bench) -> None:
    bench.write("broken.py", "raise ValueError('no')")
    found = own(
        bench,
        "broken.Claim",
        ("own.py]", "broken.py]"),
        ("past: {use: chroma, of: broken.Claim, lives: run}", "past: off"),
    )
    assert found == ["4:21 E502 plugin `broken.py` fails to import: ValueError: no (broken.py:1 <module>)"]


def test_a_memory_holds_only_records_that_say_their_text(bench: Bench) -> None:
    assert own(bench, "own.Silent") == [
        "8:27 E243 `past` cannot hold records of type `own.Silent`: they have no `text` to be found by "
        "| a property `text` of `own.Silent`"
    ]


def test_a_record_has_no_field_that_the_engine_writes(bench: Bench) -> None:
    past = ("past: {use: chroma, of: own.Odd, lives: run}", "past: off")
    assert own(bench, "own.Odd", past, given="{claim: ask.query, ended: ask.query}") == [
        "25:9 E221 `own.Odd` has a field `ended`, which the engine writes into every record "
        "| another name for the field"
    ]


def test_a_type_of_record_that_was_not_loaded_is_not_checked(bench: Bench) -> None:
    bench.write("own.py", "raise SystemExit('ran')")
    edits = (("[steps.py]", "[own.py]"), ("record: trial", "record: own.Claim"), ("of: trial", "of: own.Claim"))
    remarks = [remark.message for remark in bench.load(*edits, plugins=False).remarks]
    assert "`own.Claim` was not loaded: its fields are not checked" in remarks


REMARK = """
from ste_graph.records import Record

class Remark(Record):
    said: str
    sure: bool | None = None

    @property
    def text(self):
        return self.said
"""


def remark(fields: str) -> list[tuple[str, str]]:
    """The edits after which the workflow keeps remarks instead of trials."""
    block = "as: {query: ask.query, steps: {each: [act, look]}, answer: act.answer, solved: act.done}"
    return [
        ("[steps.py]", "[steps.py, own.py]"),
        ("record: trial", "record: own.Remark"),
        ("of: trial", "of: own.Remark"),
        (block, f"as: {fields}"),
    ]


def test_as_may_name_a_node_whose_outputs_are_the_fields(bench: Bench) -> None:
    bench.write("own.py", REMARK)
    workflow = bench.load(*remark("say")).workflow
    (record,) = [block for block, _ in walk(workflow.blocks) if isinstance(block, RecordBlock)]
    assert {name: str(value) for name, value in record.values.items()} == {"said": "say.said"}


def test_a_node_named_under_as_must_have_the_fields_that_the_record_needs(bench: Bench) -> None:
    bench.write("own.py", REMARK)
    assert bench.problems(*remark("ask")) == [
        "25:9 E202 missing key `said` in `as`: `own.Remark` needs it | `said: …`, a value that is str"
    ]


def test_what_is_named_under_as_must_be_a_node(bench: Bench) -> None:
    bench.write("own.py", REMARK)
    assert bench.problems(*remark("sya")) == [
        "26:13 E220 `as` names `sya`, which is not a node | say? | one of: act, ask, look, say"
    ]
    assert bench.problems(*remark("say.said")) == [
        "26:13 E203 `say.said` is not a name | a letter first, then letters, digits and _"
    ]
