"""Parts of a JSON text are found where they stand, whatever the text around them looks like."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from ste_graph.json_spans import Edit, JsonSpan, apply_edits, elements, first_value, members

LEAVES = some.none() | some.booleans() | some.integers() | some.floats(allow_nan=False) | some.text()
VALUES = some.recursive(LEAVES, lambda inner: some.lists(inner) | some.dictionaries(some.text(), inner), max_leaves=12)
INDENTS = some.sampled_from([None, 0, 3, "\t"])


def read(text, span):
    return json.loads(text[span.start : span.end])


@settings(max_examples=40)
@given(some.dictionaries(some.text(), VALUES), INDENTS, some.booleans())
def test_the_members_of_an_object_are_its_members(value, indent, ascii):
    text = " \n" + json.dumps(value, indent=indent, ensure_ascii=ascii)
    assert {key: read(text, span) for key, span in members(text, first_value(text))} == value


@settings(max_examples=40)
@given(some.lists(VALUES), INDENTS)
def test_the_elements_of_an_array_are_its_elements(value, indent):
    text = json.dumps(value, indent=indent)
    assert [read(text, span) for span in elements(text, 0)] == value


@settings(max_examples=40)
@given(some.dictionaries(some.text(), VALUES, min_size=1), some.data())
def test_an_edit_changes_one_member_and_no_other_character(value, data):
    text = json.dumps(value)
    key, span = data.draw(some.sampled_from(list(members(text, 0))))
    edited = apply_edits(text, [Edit(span, '"new"')])
    assert json.loads(edited) == {**value, key: "new"}
    assert edited == f'{text[: span.start]}"new"{text[span.end :]}'


def test_members_of_one_name_are_all_found_and_odd_numbers_and_halves_of_emojis_are_stepped_over():
    text = '{"a":1e400,"\\ud83d":12345678901234567890,"a" : -0.0}'
    assert [(key, text[span.start : span.end]) for key, span in members(text, 0)] == [
        ("a", "1e400"), ("\ud83d", "12345678901234567890"), ("a", "-0.0"),
    ]  # fmt: skip


def test_several_edits_are_made_at_once_and_an_empty_span_inserts():
    edits = [Edit(JsonSpan(0, 1), "A"), Edit(JsonSpan(5, 6), ""), Edit(JsonSpan(3, 3), "-")]
    assert apply_edits("abcdef", edits) == "Abc-de"


@pytest.mark.parametrize("text", ['{"a" 1}', '{"a":1 "b":2}', "{1:2}", '{"a":', "{", '{"a":1', '{"a":}', '{"a:1}'])
def test_what_is_no_object_to_its_end_is_an_error(text):
    with pytest.raises(ValueError):  # noqa: PT011  # json's own errors have words of their own
        list(members(text, 0))


@pytest.mark.parametrize("text", ["[1 2]", "[1", "[", "[,]"])
def test_what_is_no_array_to_its_end_is_an_error(text):
    with pytest.raises(ValueError):  # noqa: PT011
        list(elements(text, 0))


def test_other_values_have_neither_members_nor_elements():
    assert [*members("[1]", 0), *members('"a"', 0), *elements("{}", 0), *elements("", 0)] == []
