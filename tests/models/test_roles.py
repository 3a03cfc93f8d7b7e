"""Messages as chat templates take them."""

import pytest

from ste_graph.models.chat.adaptation import Adaptation
from ste_graph.models.chat.roles import NOTED, OPENING, adapt_messages, short_id
from ste_graph.models.chat.text_tools import offer_in_text

TURNS = Adaptation(alternating=True)
CALL = {"id": "call_0123", "type": "function", "function": {"name": "look", "arguments": '{"n": 1}'}}


def chat(*pairs: tuple[str, str]) -> list[dict]:
    return [{"role": role, "content": text} for role, text in pairs]


@pytest.mark.parametrize(
    ("messages", "adapted"),
    [
        (chat(("user", "a"), ("user", "b")), chat(("user", "a\n\nb"))),
        (chat(("system", "s"), ("user", "a")), chat(("system", "s"), ("user", "a"))),
        (chat(("system", "s"), ("system", "t"), ("user", "a")), chat(("system", "s\n\nt"), ("user", "a"))),
        (chat(("user", "a"), ("system", "s"), ("user", "b")), chat(("user", "a\n\ns\n\nb"))),
        (chat(("assistant", "a"), ("user", "b")), chat(("user", OPENING), ("assistant", "a"), ("user", "b"))),
        (chat(("system", "s")), chat(("system", "s"), ("user", OPENING))),
        (chat(("user", "a"), ("assistant", "b"), ("assistant", "c")), chat(("user", "a"), ("assistant", "b\n\nc"))),
    ],
)
def test_user_and_assistant_take_turns_after_one_system_message(messages, adapted):
    assert adapt_messages(messages, TURNS) == adapted


def test_an_assistant_turn_stands_between_a_tool_and_the_user_and_answers_of_several_tools_stay_apart():
    answers = [{"role": "tool", "tool_call_id": id, "content": id} for id in "ab"]
    messages = [*chat(("user", "go")), {"role": "assistant", "content": None, "tool_calls": [CALL]}, *answers]
    assert adapt_messages([*messages, *chat(("user", "next"))], TURNS) == [
        *messages,
        *chat(("assistant", NOTED), ("user", "next")),
    ]


def test_without_a_system_role_its_text_opens_the_first_user_message():
    messages = chat(("system", "s"), ("user", "a"), ("assistant", "b"))
    assert adapt_messages(messages, Adaptation(no_system=True)) == chat(("user", "s\n\na"), ("assistant", "b"))


def test_merged_parts_stay_parts():
    parts = [{"role": "user", "content": [{"type": "text", "text": "a"}]}, *chat(("user", "b"))]
    assert adapt_messages(parts, TURNS) == [
        {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}
    ]


def test_short_ids_are_nine_letters_and_digits_and_still_match():
    messages = [
        {"role": "assistant", "content": None, "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": CALL["id"], "content": "1"},
    ]
    made, answered = adapt_messages(messages, Adaptation(short_ids=True))
    assert made["tool_calls"][0]["id"] == answered["tool_call_id"] == short_id(CALL["id"])
    assert len(short_id("call_0123")) == 9
    assert short_id("call_0123").isalnum()
    assert short_id("abcdef123") == "abcdef123"


def test_tools_in_words_leave_neither_calls_nor_tool_messages():
    tools = [{"type": "function", "function": {"name": "look", "parameters": {}}}]
    messages = [
        *chat(("user", "go")),
        {"role": "assistant", "content": "hm", "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": CALL["id"], "content": "four"},
    ]
    offer, *rest = offer_in_text(messages, tools)
    assert (offer["role"], offer["content"].endswith('\n{"name": "look", "parameters": {}}')) == ("system", True)
    assert rest == chat(
        ("user", "go"),
        ("assistant", 'hm\n{"name": "look", "arguments": {"n": 1}}'),
        ("user", "The tool returned: four"),
    )
