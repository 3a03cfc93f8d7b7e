from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ste_graph.text import count_noun, printable


def test_a_tool_cannot_steer_the_terminal():
    assert printable("red \x1b[31mline\r\nnext\tcell\x07\udc80 é") == "red \ufffd[31mline\nnext\tcell\ufffd\ufffd é"


@given(st.text())
def test_whatever_is_shown_can_be_printed_and_loses_no_line(text):
    shown = printable(text)
    assert all(char.isprintable() or char in "\n\t" for char in shown)
    assert shown.count("\n") == text.count("\n")
    shown.encode("utf-8")


def test_one_is_counted_without_the_plural():
    assert [count_noun(n, "trial") for n in (0, 1, 1260)] == ["0 trials", "1 trial", "1,260 trials"]
    assert [count_noun(n, "reply") for n in (1, 2)] == ["1 reply", "2 replies"]
