"""The thoughts of a reasoning model are not its reply."""

import pytest

from ste_graph.models.reasoning import strip_reasoning


@pytest.mark.parametrize(
    ("text", "reply"),
    [
        ("Thought: plain\nAction: x", "Thought: plain\nAction: x"),
        (" as it is \n", " as it is \n"),
        ("<think>\nAction: wrong\n</think>\n\nAction: right", "Action: right"),
        ("a hidden start</think>Yes", "Yes"),
        ("<think>one</think>Yes<think>two</think>", "Yes"),
        ("<think></think>\n\nNo", "No"),
        ("Yes<think>cut off", "Yes"),
        ("<think>cut off before any reply", "cut off before any reply"),
        ("<think>nothing else</think>\n", "nothing else"),
    ],
)
def test_the_reply_is_what_is_outside_the_thought_unless_nothing_does(text, reply):
    assert strip_reasoning(text) == reply
