"""Reading replies to BFCL's questions: what is a call, what declines to make one, and what is neither."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ste_graph.scoring.bfcl.calls import UnreadableCallsError, read_calls
from ste_graph.scoring.bfcl.environment import Scenario
from ste_graph.scoring.bfcl.labels import label_result
from ste_graph.scoring.bfcl.questions import ANY_TOOL, NO_TOOL, BfclQuestion, read_questions

FUNCTIONS = {
    "weather.get": {
        "name": "weather.get",
        "parameters": {"properties": {"city": {"type": "string"}, "days": {"type": "integer"}}, "required": ["city"]},
    }
}
QUESTION = BfclQuestion("irrelevance_0", "What is love?", FUNCTIONS)

REFUSALS = [
    "I'm sorry, but none of these functions can answer that. Which city do you mean?",
    "The function weather.get(city) cannot tell what love is.",
    "Final Answer: None of the tools fits.",
    "Thought: no tool fits\nFinal Answer: I cannot do this.",
    "<think>weather.get(city='Ulm')? No.</think>I can only look up the weather.",
    "(I have no tool for this.)",
    "[Note] Please tell me more about it.",
    "\u4e0d",
    "[]",
]
CALLS = [
    "[weather.get(city='Ulm')]",
    "weather.get(city='Ulm')",
    "[weather.get(city='Ulm')",
    "```python\n[weather.get(city='Ulm')]\n```",
    "`weather.get(city='Ulm')`",
    "<think>They want the weather.</think>[weather.get(city='Ulm')]",
    "Sure, here is the call:\n[weather_get(city='Ulm')]",
    'Action: weather.get\nAction Input: {"city": "Ulm"}',
    'Action: weather_get\nAction Input: {"city": "Ulm",}',
    "Final Answer: [weather.get(city='Ulm')]",
    '<tool_call>{"name": "weather_get", "arguments": {"city": "Ulm"}}</tool_call>',
    '{"name": "weather.get", "arguments": {"city": "Ulm"}}',
    '[{"weather.get": {"city": "Ulm"}}]',
]
NEITHER = [
    "",
    " ",
    "...",
    "[weather.get(city=",
    "[weather.get('Ulm')]",
    "[weather.get(city=somewhere(1))]",
    'Action: weather.get\nAction Input: {"city": "Ul',
    '<tool_call>{"name": "weather.get", "argum',
    "<think>I wonder whether",
]


def in_every_wrapping(text: str) -> list[object]:
    """A text as it is, in a message, and in a message of parts."""
    parts = [{"type": "text", "text": text}]
    return [text, *({"role": "assistant", "content": content} for content in (text, parts))]


@pytest.mark.parametrize("text", REFUSALS)
def test_words_that_make_no_call_decline_in_every_wrapping(text):
    for reply in in_every_wrapping(text):
        assert read_calls(reply, QUESTION.tools) == []
        label = label_result(QUESTION, reply, arm="a")
        assert (label.no_call, label.is_correct, label.gold.tool) == (True, True, NO_TOOL)


@pytest.mark.parametrize("text", CALLS)
def test_a_call_as_text_is_a_call_in_every_wrapping(text):
    for reply in in_every_wrapping(text):
        (call,) = read_calls(reply, QUESTION.tools)
        assert call.name in ("weather.get", "weather_get")
        assert call.arguments == {"city": "Ulm"}
        assert label_result(QUESTION, reply, arm="a").is_correct is False


@pytest.mark.parametrize("text", NEITHER)
def test_a_call_that_cannot_be_read_and_a_text_without_words_are_neither(text):
    for reply in in_every_wrapping(text):
        with pytest.raises(UnreadableCallsError) as error:
            read_calls(reply, QUESTION.tools)
        assert str(error.value)
        label = label_result(QUESTION, reply, arm="a")
        assert (label.err, label.no_call, label.is_correct) == (True, False, False)


@pytest.mark.parametrize("reply", [None, [[]], [{}], {}, 5, [{"f": "{"}], [{"f": []}], {"role": "assistant"}])
def test_a_reply_of_another_shape_is_neither(reply):
    label = label_result(QUESTION, reply, arm="a")
    assert (label.err, label.no_call, label.is_correct) == (True, False, False)


PIECES = (
    "[", "]", "(", ")", "{", "}", "<think>", "</think>", "Action:", "Action Input:", "Final Answer:", "\n", "```", "`",
    ",", "weather.get", "city=", "'Ulm'", '"name":', '"weather.get"', '"arguments":', "<tool_call>", "</tool_call>",
    "no",
)  # fmt: skip
texts = st.text() | st.lists(st.sampled_from(PIECES), max_size=15).map(" ".join) | st.just("[" * 5000)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(("role", "content", "f")), inner),
    max_leaves=6,
)


@given(values)
def test_whatever_a_reply_is_it_has_a_label(reply):
    conversation = BfclQuestion("q", "", FUNCTIONS, ((), ()), scenario=Scenario(()))
    for label in (label_result(QUESTION, reply, arm="a"), label_result(conversation, [reply, reply], arm="a")):
        assert [label.err, label.no_call, label.called is not None].count(True) == 1


def test_calls_side_by_side_in_a_text_are_all_read():
    calls = read_calls("[weather.get(city='Ulm'), weather.get(city='Bonn', days=2)]", QUESTION.tools)
    assert [call.arguments for call in calls] == [{"city": "Ulm"}, {"city": "Bonn", "days": 2}]


def test_several_calls_in_another_form_are_not_taken_for_the_first():
    calls = [{"name": "weather_get", "arguments": {"city": city}} for city in ("Ulm", "Bonn")]
    with pytest.raises(UnreadableCallsError, match="of several calls in a text, only Python calls"):
        read_calls("".join(f"<tool_call>{json.dumps(call)}</tool_call>" for call in calls), QUESTION.tools)


def test_a_reading_beyond_the_asked_form_is_counted_as_a_repair():
    label = label_result(QUESTION, '{"name": "weather.get", "arguments": {"city": "Ulm"}}', arm="a")
    assert label.repairs == ("call as JSON",)


@pytest.fixture
def relevant(tmp_path) -> BfclQuestion:
    line = {
        "id": "live_relevance_0-0-0",
        "question": [[{"role": "user", "content": "Will it rain?"}]],
        "function": list(FUNCTIONS.values()),
    }
    (tmp_path / "BFCL_v4_live_relevance.json").write_text(json.dumps(line), "utf-8")
    (question,) = read_questions(tmp_path / "BFCL_v4_live_relevance.json")
    return question


@pytest.mark.parametrize(
    ("reply", "right"),
    [*((text, True) for text in CALLS), *((text, False) for text in (*REFUSALS, *NEITHER)), ([{"other": {}}], True)],
)
def test_where_a_call_is_wanted_any_call_is_right(reply, right, relevant):
    label = label_result(relevant, reply, arm="a")
    assert (label.gold.tool, label.is_correct is True) == (ANY_TOOL, right)


def test_over_all_questions_without_a_fitting_tool_refusals_are_right_and_calls_are_wrong(data):
    for question in read_questions(data("bfcl/BFCL_v4_irrelevance.json")):
        name = next(iter(question.functions))
        for reply in ([], REFUSALS[0], {"role": "assistant", "content": REFUSALS[0]}):
            assert label_result(question, reply, arm="a").is_correct is True
        for reply in ([{name: {}}], f"[{name}()]", {"role": "assistant", "content": f"[{name}()]"}):
            label = label_result(question, reply, arm="a")
            assert (label.err, label.no_call, label.api_match, label.is_correct) == (False, False, False, False)
