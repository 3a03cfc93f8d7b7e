import pytest

from ste_graph.contracts import Reply, ToolCall
from ste_graph.protocols import native
from ste_graph.protocols.next_step import Action, FinalAnswer, Malformed
from ste_graph.scoring.reading import read_reply


def test_a_call_by_a_tools_token_is_the_tool_and_messages_name_the_tools_without_tokens() -> None:
    read = read_reply('Action: <tool_add>\nAction Input: {"a": 1}', ["add", "sub"])
    assert isinstance(read.step, Action)
    assert (read.step.name, read.step.arguments, read.repairs) == ("add", {"a": 1}, ())
    unread = read_reply('{"name": "other", "arguments": {}}', ["add", "sub"]).step
    assert isinstance(unread, Malformed)
    assert unread.problem.endswith("the tools on offer are: add, sub.")


ADD = ToolCall(id="1", name="add", arguments='{"a": 1}')


@pytest.mark.parametrize(
    ("reply", "repairs"),
    [
        (Reply(text="", tool_calls=(ADD,)), ()),
        (Reply(text="So:\nI add.", tool_calls=(ADD,)), ()),
        (Reply(text="", tool_calls=(ADD, ADD)), ("several calls",)),
        (Reply(text='<tool_call>{"name": "add", "arguments": {"a": 1}}</tool_call>'), ("call in the text",)),
    ],
)
def test_of_a_kept_reply_it_is_known_whether_the_server_has_read_the_call(
    reply: Reply, repairs: tuple[str, ...]
) -> None:
    kept = native.write_reply(reply)
    assert native.read_kept_reply(kept) == reply
    read = read_reply(kept, ["add", "sub"], form="native")
    assert isinstance(read.step, Action)
    assert (read.step.name, read.step.arguments) == ("add", {"a": 1})
    assert read.repairs[: len(repairs)] == repairs
    assert bool(repairs) == bool(read.repairs)


@pytest.mark.parametrize(
    "written", ['{"calls_by_server": 1}', '{"calls_by_server": [1]}', '{"calls_by_server"', '{"calls_by_server": {}}']
)
def test_what_only_looks_like_a_kept_call_is_text(written: str) -> None:
    assert native.read_kept_reply(f"So:\n{written}") == Reply(text=f"So:\n{written}")


def test_the_same_text_is_another_thing_where_another_form_was_asked_for() -> None:
    unknown, plain = '{"action": "fly", "arguments": {}}', "It is noon."
    kinds = {
        form: [type(read_reply(text, ["add"], form=form).step) for text in (unknown, plain)]
        for form in ("react", "json", "native")
    }
    assert kinds == {
        "react": [Malformed, Malformed],
        "json": [Action, Malformed],
        "native": [Malformed, FinalAnswer],
    }
