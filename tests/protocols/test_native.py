import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ste_graph.contracts import Reply, ToolCall
from ste_graph.protocols.native import assistant_message, pending_call_ids, tool_messages
from ste_graph.protocols.next_step import Action, FinalAnswer, Malformed
from ste_graph.protocols.reader import read

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)

UNREAD = "The call could not be read: the arguments of `look` are not"


def reply(*arguments: str, name: str = "look", text: str = "") -> Reply:
    calls = tuple(ToolCall(id=f"c{n}", name=name, arguments=written) for n, written in enumerate(arguments))
    return Reply(text=text, tool_calls=calls)


@pytest.mark.parametrize(
    ("reply", "step"),
    [
        (reply('{"n": 1}', text=" hm "), Action("hm", "look", {"n": 1})),
        (reply(""), Action("", "look", {}, ("empty input",))),
        (reply('{"n": 1}', '{"n": 2}'), Action("", "look", {"n": 1}, ("several calls",))),
        (Reply(text=" 42 "), FinalAnswer("", "42")),
        (Reply(text="  "), Malformed("", "The reply is empty: call a tool, or give the answer.")),
        (reply('{"n":'), Malformed("", f"{UNREAD} one JSON object: expecting value at the end.")),
        (reply("[1]"), Malformed("", f"{UNREAD} one JSON object: no JSON object in `[1]`.")),
        (reply('{"n": 1,}'), Action("", "look", {"n": 1}, ("trailing comma",))),
        (reply('{"n": 1} {}'), Action("", "look", {"n": 1}, ("text after the object",))),
        (
            reply("[1]", name=""),
            Malformed("", "The call could not be read: it names no tool, or its arguments are not an object: `[1]`."),
        ),
    ],
)
def test_a_reply_is_a_call_an_answer_or_malformed(reply, step):
    assert read(reply, None, "native") == step


@given(st.dictionaries(st.text(), JSON))
def test_what_was_rendered_is_parsed_again(arguments):
    assert read(reply(json.dumps(arguments)), None, "native") == Action("", "look", arguments)


@given(st.text())
def test_no_arguments_make_parsing_raise_and_the_transcript_stays_valid(written):
    looked_up = reply(written, name="look up!")
    read(looked_up, None, "native")
    (call,) = assistant_message(looked_up)["tool_calls"]
    assert isinstance(json.loads(call["function"]["arguments"]), dict)
    assert call["function"]["name"] == "look_up_"


def test_every_call_of_a_message_is_answered_and_only_the_first_was_made():
    message = assistant_message(reply('{"n": 1}', "{}", "no"))
    assert pending_call_ids([message]) == ["c0", "c1", "c2"]
    assert pending_call_ids([message, *tool_messages(["c0", "c1", "c2"], "seen")]) == []
    assert pending_call_ids([]) == pending_call_ids([{"role": "assistant", "content": "hm"}]) == []
    assert [message["content"] for message in tool_messages(pending_call_ids([message]), "seen")] == [
        "seen",
        "One call at a time: this one was not made.",
        "One call at a time: this one was not made.",
    ]
    assert {message["content"] for message in tool_messages(pending_call_ids([message]), None)} == {
        "This call was not made."
    }
