"""One reader: whatever form was asked for, a call is read in every form in which real models write it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ste_graph.contracts import Reply, ToolCall
from ste_graph.protocols.next_step import Action, FinalAnswer, Malformed
from ste_graph.protocols.reader import read, read_reply_text

TOOLS = {
    "find_room": {
        "properties": {"seats": {"type": "integer"}, "floor": {"type": "integer"}, "note": {"type": "string"}}
    },
    "drop_room": {"properties": {"id": {"type": "integer"}}},
}
FORMS = ("react", "native", "json")
CALL = {"seats": 4}

DIALECTS = {
    "react": 'Thought: hm\nAction: find_room\nAction Input: {"seats": 4}',
    "react, decorated": '**Action:** `find_room`\n**Action Input:** {"seats": 4}',
    "action and arguments": '{"action": "find_room", "arguments": {"seats": 4}}',
    "actionInput": '{"action": "find_room", "actionInput": {"seats": 4}}',
    "action_input, fenced": '```json\n{"action": "find_room", "action_input": {"seats": 4}}\n```',
    "name and parameters": '{"name": "find_room", "parameters": {"seats": 4}}',
    "tool and args": '{"tool": "find_room", "args": {"seats": 4}}',
    "function in an object": '{"type": "function", "function": {"name": "find_room", "arguments": {"seats": 4}}}',
    "arguments as text": '{"name": "find_room", "arguments": "{\\"seats\\": 4}"}',
    "a list of calls": '[{"name": "find_room", "arguments": {"seats": 4}}]',
    "tool_calls": '{"tool_calls": [{"function": {"name": "find_room", "arguments": {"seats": 4}}}]}',
    "the tool's name as key": '{"find_room": {"seats": 4}}',
    "tool_call": '<tool_call>\n{"name": "find_room", "arguments": {"seats": 4}}\n</tool_call>',
    "tool_call, not closed": '<tool_call>\n{"name": "find_room", "arguments": {"seats": 4}}',
    "TOOL_CALLS": '[TOOL_CALLS][{"name": "find_room", "arguments": {"seats": 4}}]',
    "TOOL_CALLS with ARGS": '[TOOL_CALLS]find_room[ARGS]{"seats": 4}',
    "python_tag": '<|python_tag|>{"name": "find_room", "parameters": {"seats": 4}}',
    "function tag": '<function=find_room>{"seats": 4}</function>',
    "XML": "<tool_call>\n<function=find_room>\n<parameter=seats>\n4\n</parameter>\n</function>\n</tool_call>",
    "invoke": '<function_calls><invoke name="find_room"><parameter name="seats">4</parameter></invoke>'
    "</function_calls>",
    "Python list": "[find_room(seats=4)]",
    "harmony": '<|channel|>commentary to=functions.find_room <|constrain|>json<|message|>{"seats": 4}<|call|>',
    "DeepSeek": "<\uff5ctool\u2581calls\u2581begin\uff5c><\uff5ctool\u2581call\u2581begin\uff5c>function"
    '<\uff5ctool\u2581sep\uff5c>find_room\n```json\n{"seats": 4}\n```<\uff5ctool\u2581call\u2581end\uff5c>',
    "keys and values": "<tool_call>find_room\n<arg_key>seats</arg_key>\n<arg_value>4</arg_value>\n</tool_call>",
}
AS_JSON = {
    "action and arguments", "actionInput", "action_input, fenced", "name and parameters", "tool and args",
    "function in an object", "a list of calls", "tool_calls",
}  # fmt: skip
"""The dialects that hold what `json` asks for, under any of the usual names."""


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", DIALECTS)
def test_a_call_is_read_in_every_dialect_whatever_was_asked_for(name: str, form: str) -> None:
    step = read_reply_text(DIALECTS[name], TOOLS, form)
    assert isinstance(step, Action)
    assert (step.name, step.arguments) == ("find_room", CALL)
    asked = {"react": {"react"}, "native": set(), "json": AS_JSON}[form]
    assert bool(step.repairs) == (name not in asked)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("name", "arguments"), [("find_room", '{"seats": 4}'), ("find_room<|channel|>commentary", '{"seats": 4}')]
)
def test_a_call_that_the_server_has_read_counts_in_every_form(form: str, name: str, arguments: str) -> None:
    step = read(Reply(text="", tool_calls=(ToolCall(id="1", name=name, arguments=arguments),)), TOOLS, form)
    assert isinstance(step, Action)
    assert (step.name, step.arguments) == ("find_room", CALL)


def test_no_arguments_at_all_are_no_arguments() -> None:
    for written in ("", "null", "{}"):
        step = read(
            Reply(text="", tool_calls=(ToolCall(id="1", name="drop_room", arguments=written),)), TOOLS, "native"
        )
        assert isinstance(step, Action)
        assert step.arguments == {}


THOUGHT = 'Action: drop_room\nAction Input: {"id": 7}\nno'


@pytest.mark.parametrize(
    "thought",
    [
        f"<think>{THOUGHT}</think>",
        f"<THINK>{THOUGHT}</THINK>",
        f"<thinking>{THOUGHT}</thinking>",
        f"<reasoning>\n{THOUGHT}\n</reasoning>",
        f"[THINK]{THOUGHT}[/THINK]",
        f"\u25c1think\u25b7{THOUGHT}\u25c1/think\u25b7",
        f"<|begin_of_thought|>\n{THOUGHT}\n<|end_of_thought|>",
        f"{THOUGHT}</think>",
        f"<|channel|>analysis<|message|>{THOUGHT}<|end|><|start|>assistant<|channel|>final<|message|>",
    ],
)
def test_a_call_that_was_only_thought_of_is_not_made(thought: str) -> None:
    step = read_reply_text(f"{thought}\nFinal Answer: nothing to do", TOOLS)
    assert isinstance(step, FinalAnswer)
    assert step.text == "nothing to do"


def test_thoughts_without_an_end_are_no_reply() -> None:
    step = read_reply_text(f"<think>careful.\n{THOUGHT}", TOOLS)
    assert isinstance(step, Malformed)
    assert "ends in the middle of its thoughts" in step.problem


def test_the_marks_of_thoughts_may_be_data() -> None:
    assert read_reply_text("Final Answer: Put <think> before the reasoning.", TOOLS) == FinalAnswer(
        "", "Put <think> before the reasoning."
    )
    step = read_reply_text('Action: find_room\nAction Input: {"note": "close it with </think> please"}', TOOLS)
    assert isinstance(step, Action)
    assert step.arguments == {"note": "close it with </think> please"}


def test_a_call_in_marks_at_the_end_of_thoughts_counts_only_where_nothing_else_was_written() -> None:
    thoughts = f"I need a room.\n{DIALECTS['tool_call']}"
    step = read(Reply(text="", reasoning=thoughts), TOOLS, "native")
    assert isinstance(step, Action)
    assert "call in the reasoning" in step.repairs
    assert isinstance(read(Reply(text="", reasoning=f"{thoughts} or maybe not"), TOOLS, "native"), Malformed)
    assert isinstance(read(Reply(text="42", reasoning=thoughts), TOOLS, "native"), FinalAnswer)
    assert isinstance(read(Reply(text="", reasoning=THOUGHT), TOOLS, "native"), Malformed)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    "text",
    [
        '{"name": "fly_away", "arguments": {"seats": 4}}',
        '<tool_call>\n{"name": "fly_away", "arguments": {}}\n</tool_call>',
        "<tool_call>broken",
    ],
)
def test_a_call_of_what_is_not_on_offer_is_no_answer(form: str, text: str) -> None:
    step = read_reply_text(text, TOOLS, form)
    assert not isinstance(step, FinalAnswer)
    assert not (isinstance(step, Action) and step.name in TOOLS)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Thought: done\nFinal Answer: room 4<|eot_id|>", FinalAnswer("done", "room 4")),
        ("Final Answer: room 4<|im_end|>\n", FinalAnswer("", "room 4")),
    ],
)
def test_tokens_of_the_chat_template_are_taken_off(text: str, expected: FinalAnswer) -> None:
    assert read_reply_text(text, TOOLS) == expected


PROMPT = """\
Reply in this form:

Thought: what you know, and what you need next
Action Input: {"parameter": "value"}
Final Answer: what the person should read
"""


@pytest.mark.parametrize(
    "answer",
    [
        "what the person should read.",
        "Action Input: {}",
        '{"action": "find_room", "arguments": {"seats": 4}}',
        '<tool_call>{"name": "find_room", "arguments": {"seats": 4}}</tool_call>',
    ],
)
def test_a_copied_placeholder_or_a_call_is_no_answer(answer: str) -> None:
    step = read(Reply(text=f"Thought: done\nFinal Answer: {answer}"), TOOLS, "react", prompt=PROMPT)
    assert not isinstance(step, FinalAnswer)


@pytest.mark.parametrize(
    "answer", ["There is a room with 4 seats.", "Read what find_room gave: {3, 4}.", "A < B", "[1, 2]"]
)
def test_an_ordinary_answer_stays_one(answer: str) -> None:
    assert read(Reply(text=f"Final Answer: {answer}"), TOOLS, "react", prompt=PROMPT) == FinalAnswer("", answer)
    assert read(Reply(text=answer), TOOLS, "native", prompt=PROMPT) == FinalAnswer("", answer)


PIECES = st.sampled_from(
    ["{", "}", '"', "'", "[", "]", "(", ")", "=", ":", ",", "<", ">", "<tool_call>", "</think>", "<think>", "find_room",
     "Action:", "Action Input:", "Final Answer:", "\n", "\\", "4", "[TOOL_CALLS]", "```", "name", "arguments", "\ud800"]
)  # fmt: skip


@given(st.lists(PIECES | st.text(max_size=5), max_size=40).map("".join), st.sampled_from(FORMS))
def test_nothing_makes_it_raise(text: str, form: str) -> None:
    step = read_reply_text(text, TOOLS, form)
    assert isinstance(step, Action | FinalAnswer | Malformed)
    if isinstance(step, Action):
        json.dumps(step.arguments)
