"""The values of a call that can be traced, and their sources."""

import datetime as dt
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from num2words import num2words

from ste_graph.distil.grounding import trace_values
from ste_graph.distil.reading.normalisation import words

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "unit": {"type": "string", "default": "km"},
        "only": {"enum": ["one"]},
        "filter": {"type": "object", "properties": {"limit": {"type": "integer", "default": 10}}},
        "maybe": {"anyOf": [{"type": "integer", "default": 5}, {"type": "null"}]},
    },
}

SAID = [
    ("Fly me to Paris", "Paris"), ("fly me to PARIS!", "paris"), ("in Europe/Berlin", "Europe/Berlin"),
    ("how is it in Berlin, Europe", "Berlin Europe"), ("three eggs", 3), ("3 eggs", "3"), ("1,200 steps", 1200),
    ("fifteen percent", 0.15), ("a week, seven days ago", -7), ("3 May 2024", "2024-05-03"),
    ("May 3rd, 2024", "2024-05-03"), ("03/05/2024", "2024-05-03"), ("at 2 pm on 3 May 2024", "2024-05-03 14:00"),
    ("half past? no, 14:30", "14:30"), ("the letter `x`", "x"), ("option B please", "B"), ("say “naïve”", "naïve"),
    ("use snake_case", "snake case"), ("path $.books[0].title", "$.books[0].title"), ("with symbols", True),
    ("without symbols", False), ("ratio 2.50", 2.5), ("it says: +", "+"),
]  # fmt: skip

UNSAID = [
    ("Fly me to Paris", "London"), ("Fly me to Parisian shops", "Paris"), ("three eggs", 4), ("3 eggs", "30"),
    ("1,200 steps", 12), ("3 May 2024", "2024-05-04"), ("3 May 2024", "2023-05-03"), ("tomorrow", "2024-05-03"),
    ("at 2 pm", "02:00"), ("a table for two", "a"), ("I eat", "I"), ("no eggs", ""), ("any", []), ("any", {}),
    ("symbols?", False), ("4 February 2020 to 2 October 2023", "2023-02-04"), ("seven days", -7), ("agent 7", "007"),
    ("3, 5 and 8", "3.5"),
]  # fmt: skip


@pytest.mark.parametrize(("request_", "value"), SAID)
def test_a_value_that_the_request_says_is_traced_to_it(request_: str, value: object) -> None:
    assert trace_values({"symbols": value}, {}, request_) == {"symbols": "request"}


@pytest.mark.parametrize(("request_", "value"), UNSAID)
def test_a_value_that_nothing_says_is_traced_to_nothing(request_: str, value: object) -> None:
    assert trace_values({"value": value}, {}, request_) == {"value": "nothing"}


def test_defaults_and_only_choices_need_no_source_and_observations_are_one() -> None:
    arguments = {"unit": "km", "only": "one", "filter": {"limit": 10, "ids": ["a7", "b8"]}, "maybe": 5, "none": None}
    assert trace_values(arguments, SCHEMA, "the one called b8", ["found: a7"]) == {
        "unit": "default",
        "only": "default",
        "filter.limit": "default",
        "filter.ids[0]": "observation",
        "filter.ids[1]": "request",
        "maybe": "default",
        "none": "default",
    }


def test_true_is_not_the_default_one() -> None:
    schema = {"properties": {"n": {"default": 1}}}
    assert trace_values({"n": True}, schema, "") == {"n": "nothing"}
    assert trace_values({"n": 1.0}, schema, "") == {"n": "default"}


def test_a_composed_value_counts_as_the_requests_where_the_workflow_says_so() -> None:
    assert trace_values({"sql": "SELECT 1"}, {}, "count them", free=["sql"]) == {"sql": "request"}


# In lower case: two names that differ in case alone are one name to the rules, and one place gives one value.
NAMES = st.text(st.characters(categories=["Ll", "Nd"]), min_size=2, max_size=12).filter(
    lambda text: words(text).strip() != ""
)
VALUES = st.recursive(
    st.one_of(NAMES, st.integers(-(10**9), 10**9), st.dates(dt.date(1500, 1, 1), dt.date(2199, 1, 1)).map(str)),
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3), st.dictionaries(NAMES, inner, min_size=1, max_size=3)
    ),
    max_leaves=6,
)


@given(st.dictionaries(NAMES, VALUES, max_size=4))
def test_whatever_is_written_down_as_json_is_traced_leaf_by_leaf(arguments: dict[str, Any]) -> None:
    sources = trace_values(arguments, {}, json.dumps(arguments, ensure_ascii=False))
    assert set(sources.values()) <= {"request"}


@given(st.integers(0, 10**9), st.dates(dt.date(1900, 1, 1), dt.date(2100, 1, 1)))
def test_numbers_and_days_are_traced_in_words(number: int, day: dt.date) -> None:
    request = f"Take {num2words(number)} of them on {day:%B} {num2words(day.day, to='ordinal_num')}, {day.year}."
    assert set(trace_values({"n": number, "on": day.isoformat()}, {}, request).values()) == {"request"}


@given(st.text(), st.text())
def test_any_text_can_be_looked_for_in_any_other(text: str, value: str) -> None:
    assert trace_values({"v": value}, {}, text)["v"] in ("request", "nothing")
