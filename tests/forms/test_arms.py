from typing import Any

from ste_graph.forms.arms import fit_first, fit_last, offer_described, rank_tools, shuffle_guidelines
from ste_graph.text import approximate_tokens

TOOL: dict[str, Any] = {"name": "fly", "description": "Flights.", "fingerprint": "f", "parameters": {"type": "object"}}
REWRITTEN = {"tool": "fly", "description": "Book flights.", "parameters": {}, "kept": True, "fingerprint": "f"}


def test_a_tool_is_offered_with_the_descriptions_that_were_kept() -> None:
    other = {**TOOL, "name": "walk"}
    fly, walk = offer_described([TOOL, other], [REWRITTEN])
    assert (fly["description"], walk) == ("Book flights.", other)


def test_descriptions_take_no_more_room_than_there_is_those_of_the_nearest_exemplars_first() -> None:
    tools = [TOOL, {**TOOL, "name": "walk"}]
    described = [{**REWRITTEN, "tool": name, "description": f"Flights. {'Long ' * 6}"} for name in ("fly", "walk")]
    for room, wanted in ((None, ["fly", "walk"]), (24, ["fly", "walk"]), (14, ["walk"]), (8, [])):
        offered = offer_described(tools, described, nearest=["fly", "walk"], room=room)
        assert [tool["name"] for tool in offered if "Long" in tool["description"]] == wanted


def test_descriptions_that_were_not_kept_or_are_of_an_older_tool_change_nothing() -> None:
    assert offer_described([TOOL], [{**REWRITTEN, "kept": False}]) == [TOOL]
    assert offer_described([TOOL], [{**REWRITTEN, "fingerprint": "older"}]) == [TOOL]


def test_guidelines_are_shown_in_the_order_of_the_nearest_exemplars_and_then_as_offered() -> None:
    assert rank_tools(["a", "b", "c", "d"], ["c", "x", "b"]) == ["b", "c", "a", "d"]


def test_a_placebo_is_as_long_as_the_guidelines_and_gives_each_tool_the_text_of_another() -> None:
    texts = {"a": "One.", "b": "Two and more.", "c": "Three, and much more."}
    placebo = shuffle_guidelines(texts)
    assert sorted(placebo.values()) == sorted(texts.values())
    assert all(placebo[name] != texts[name] for name in texts)
    assert shuffle_guidelines({"a": "One and two."}) == {"a": "two. and One"}
    assert shuffle_guidelines({}) == {}


def test_texts_fit_into_a_room_from_the_first_or_from_the_last() -> None:
    texts = ["a" * 30, "b" * 60, "c" * 30]
    assert [approximate_tokens(text) for text in texts] == [10, 20, 10]
    assert [fit_first(texts, room) for room in (None, 40, 39, 29, 9)] == [3, 3, 2, 1, 0]
    assert [fit_last(texts, room) for room in (None, 40, 39, 29, 9)] == [3, 3, 2, 1, 0]
