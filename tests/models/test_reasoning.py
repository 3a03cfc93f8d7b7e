"""The thoughts of a reasoning model are not its reply."""

import pytest

from ste_graph.models.reasoning import split_reasoning


@pytest.mark.parametrize(
    ("text", "reply", "reasoning"),
    [
        ("Thought: plain\nAction: x", "Thought: plain\nAction: x", ""),
        (" as it is \n", " as it is \n", ""),
        ("<think>\nAction: wrong\n</think>\n\nAction: right", "Action: right", "Action: wrong"),
        ("a hidden start</think>Yes", "Yes", "a hidden start"),
        ("<think>one</think>Yes<think>two</think>", "Yes", "one\ntwo"),
        ("<think></think>\n\nNo", "No", ""),
        ("Yes<think>cut off", "Yes", "cut off"),
        ("<think>cut off before any reply", "", "cut off before any reply"),
        ("<think>nothing else</think>\n", "", "nothing else"),
    ],
)
def test_the_reply_is_what_stands_outside_the_thoughts(text, reply, reasoning):
    assert split_reasoning(text) == (reply, reasoning)
