import pytest
from hypothesis import given
from hypothesis import strategies as st

from ste_graph.trials.coverage import measure_coverage, spread

SCHEMA = {
    "type": "object",
    "properties": {
        "value": {"type": "number"},
        "unit": {"$ref": "#/$defs/Unit"},
        "exact": {"anyOf": [{"type": "boolean"}, {"type": "null"}]},
        "days": {"type": "array", "items": {"enum": ["mon", "tue"]}},
    },
    "$defs": {"Unit": {"enum": ["km", "mile"]}},
}
NO_ARGUMENTS = {"type": "object", "properties": {}}


def trial(query, *calls, new=True):
    steps = [
        {
            "thought": None,
            "action": None if kind == "malformed" else "convert",
            "arguments": arguments,
            "observation": {"ok": kind == "ok", "kind": kind, "text": "…"},
        }
        for arguments, kind in calls
    ]
    return {"query": query, "steps": steps, "new": new}


def test_coverage_counts_the_used_and_the_existing_parts_of_a_tool():
    found = measure_coverage(
        [
            trial("three km in miles", ({"value": 3, "unit": "km", "exact": True}, "ok")),
            trial("on a monday", ({"value": "x"}, "invalid_arguments"), ({"value": 2, "days": ["mon"]}, "tool_error")),
            trial("hello", (None, "malformed")),
        ],
        SCHEMA,
    )  # fmt: skip
    assert found.model_dump() == {
        "parameters": ["days", "exact", "unit", "value"],
        "values": ['days="mon"', "exact=true", 'unit="km"'],
        "errors": ["invalid_arguments", "tool_error"],
        "requests": 2,
        "spread": 1.0,
        "idle": 1,
        "unused": ['unit="mile"', "exact=false", 'days="tue"'],
        "parameter_count": 4,
        "value_count": 6,
    }


def idle(*trials, schema=SCHEMA):
    return measure_coverage(trials, schema).idle


FIRST = trial("first", ({"value": 1, "unit": "km"}, "ok"))


@pytest.mark.parametrize(
    "later",
    [
        trial("a parameter", ({"exact": True}, "ok"), new=False),
        trial("a choice", ({"unit": "mile"}, "ok"), new=False),
        trial("a kind of error", ({"value": 1, "unit": "km"}, "tool_error"), new=False),
        trial("a request that led to another call", ({"value": 2, "unit": "km"}, "ok")),
    ],
)
def test_a_trial_that_brings_something_new_ends_the_idle_time(later):
    same = trial("the same again", ({"value": 1, "unit": "km"}, "ok"))
    assert idle(FIRST) == 0
    assert idle(FIRST, same) == 1
    assert idle(FIRST, same, later) == 0
    assert idle(FIRST, same, later, same) == 1


@pytest.mark.parametrize(
    "later",
    [
        trial("first", ({"value": 2, "unit": "km"}, "ok")),
        trial(" FIRST ", ({"value": 2, "unit": "km"}, "ok")),
        trial("too close", ({"value": 2, "unit": "km"}, "ok"), new=False),
        trial("refused by the schema", ({"value": 2, "other": 1}, "unknown_tool")),
        trial("no call that could be read", (None, "malformed")),
        trial("no call"),
    ],
)
def test_a_repeated_request_or_call_adds_nothing(later):
    assert idle(FIRST, later) == 1


def test_a_tool_without_arguments_has_one_request_however_it_is_worded():
    trials = [trial(f"wording {number}", ({}, "ok")) for number in range(5)]
    found = measure_coverage(trials, NO_ARGUMENTS)
    assert (found.requests, found.idle, found.parameter_count, found.value_count) == (1, 4, 0, 0)


@pytest.mark.parametrize(
    ("requests", "expected"),
    [([], None), (["a b"], None), (["a b", "B, a!"], 0.0), (["a b", "c d"], 1.0), (["a b", "b c", "b d"], 0.6667)],
)
def test_spread_is_the_mean_share_of_words_not_in_common(requests, expected):
    assert spread(requests) == expected


@pytest.mark.parametrize("schema", [{}, {"properties": {"a": True}}, {"properties": {"a": {"$ref": "#/no/where"}}}])
def test_a_sparse_schema_is_accepted(schema):
    assert measure_coverage([trial("one", ({"a": 1}, "ok"))], schema).values == []


def test_a_recursive_schema_is_accepted():
    schema = {"properties": {"a": {"$ref": "#/properties/a"}}}
    assert measure_coverage([trial("one", ({"a": 1}, "ok"))], schema).value_count == 0


CALLS = st.tuples(
    st.dictionaries(st.sampled_from(["value", "unit", "exact"]), st.sampled_from([1, 2, "km", "mile", True, None])),
    st.sampled_from(["ok", "tool_error", "invalid_arguments"]),
)
TRIALS = st.lists(
    st.builds(lambda query, calls, new: trial(query, *calls, new=new),
              st.sampled_from("abc"), st.lists(CALLS, max_size=2), st.sampled_from([True, False, None])),
    max_size=8,
)  # fmt: skip


@given(TRIALS)
def test_coverage_only_grows_and_idle_counts_the_trials_in_which_it_did_not(trials):
    before = measure_coverage([], SCHEMA)
    for count in range(1, len(trials) + 1):
        after = measure_coverage(trials[:count], SCHEMA)
        grew = False
        for what in ("parameters", "values", "errors"):
            assert set(getattr(before, what)) <= set(getattr(after, what))
            grew |= getattr(before, what) != getattr(after, what)
        grew |= before.requests < after.requests
        assert after.idle == (0 if grew else before.idle + 1)
        assert len(after.values) <= after.value_count
        before = after
