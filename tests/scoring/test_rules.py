from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ste_graph.protocols.form import Parser
from ste_graph.scoring.case import GoldCall
from ste_graph.scoring.rules import JUDGED, LabelRules, same_text

plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(st.dictionaries(st.text(), plain, max_size=4), st.dictionaries(st.text(), plain, max_size=4))
def test_the_gold_arguments_match_as_text_whatever_else_is_given(gold, more):
    assert same_text(gold, {**more, **gold})


def test_text_is_matched_as_the_paper_does():
    gold = {"city": "Tokyo", "days": 3}
    assert same_text(gold, {"days": "3", "city": " TOKYO ", "colour": "red"})
    assert not same_text(gold, {"city": "Tokyo"})
    assert same_text(gold, {"city": "tokyo", "days": 3.0})
    assert same_text({"where": {"a": 1, "b": 2}, "name": "X"}, {"name": "x", "where": {"b": 2, "a": 1.0}})
    assert not same_text(gold, {"city": "Tōkyō", "days": 3})


def test_rules_compare_what_they_can_and_leave_the_rest_to_a_judge():
    rules = LabelRules()
    assert len(JUDGED) == 19
    assert rules.compare(GoldCall(tool="search", arguments={"q": "a"}), {"q": "a "}) is True
    assert rules.compare(GoldCall(tool="search", arguments={"q": "a"}), {"q": "A"}) is None
    assert rules.compare(GoldCall(tool="add_date", arguments={"q": "a"}), {"q": "A"}) is True
    assert rules.compare(GoldCall(tool="add_date", arguments={"q": "a"}), {"q": "b"}) is False
    assert LabelRules(judged=()).compare(GoldCall(tool="search", arguments={"q": "a"}), {"q": "b"}) is False
    assert LabelRules(judged="all").compare(GoldCall(tool="add_date", arguments={"q": "a"}), {"q": "b"}) is None


def test_arguments_nested_beyond_reason_are_wrong():
    deep: object = 1
    for _ in range(5000):
        deep = [deep]
    assert LabelRules().compare(GoldCall(tool="search", arguments={"q": 1}), {"q": deep}) is False


def test_the_digest_changes_with_all_that_a_label_depends_on_and_with_nothing_else():
    rules = LabelRules()
    same = [rules.digest("a", ["a", "b"]), rules.digest("a", ["b", "a"]), LabelRules(judged=("c",)).digest("a", "ab")]
    assert len(set(same)) == 1
    other = [
        rules.digest("a", ["a"]),
        rules.digest("search", ["a", "b"]),
        LabelRules(parser=Parser.paper).digest("a", ["a", "b"]),
        LabelRules(exact_names=False).digest("a", ["a", "b"]),
    ]
    assert len({*same, *other}) == 1 + len(other)
