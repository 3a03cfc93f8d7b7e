from ste_graph.protocols.next_step import Action, Malformed
from ste_graph.scoring.reading import read_reply


def test_a_call_by_a_tools_token_is_the_tool_and_messages_name_the_tools_without_tokens() -> None:
    read = read_reply('Action: <tool_add>\nAction Input: {"a": 1}', ["add", "sub"])
    assert isinstance(read.step, Action)
    assert (read.step.name, read.step.arguments, read.repairs) == ("add", {"a": 1}, ())
    unread = read_reply('{"name": "other", "arguments": {}}', ["add", "sub"]).step
    assert isinstance(unread, Malformed)
    assert unread.problem.endswith("the tools on offer are: add, sub.")
