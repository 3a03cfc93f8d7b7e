import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ste_graph.tools.text import as_text, clip


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("plain", "plain"),
        ({"city": "Köln", "since": dt.date(50, 1, 1)}, '{"city":"Köln","since":"0050-01-01"}'),
        (float("nan"), "NaN"),
        ([1, None, True, {2}], "[1,null,true,[2]]"),
        (b"gr\xc3\xbcn", "grün"),
        (b"\xff\x00\x10", "<3 bytes that are not UTF-8 text, starting ff 00 10>"),
        ({"raw": b"\xff"}, '{"raw":"_w=="}'),
        ("half a letter \ud83d", "half a letter \\ud83d"),
        ({"half": "\ud83d"}, "{'half': '\\ud83d'}"),
    ],
)
def test_every_value_has_a_text_that_a_file_can_hold(value, text):
    assert as_text(value) == text
    text.encode()


def test_a_list_that_contains_itself_is_shown_as_python_shows_it():
    loop: list[object] = []
    loop.append(loop)
    assert as_text(loop) == "[[...]]"


def test_head_and_tail_of_a_long_text_are_kept():
    text, cut = clip("a" * 500 + "b" * 500, 100)
    assert cut
    assert text == "a" * 26 + "\n[… 948 characters left out …]\n" + "b" * 26


@given(st.text(min_size=0, max_size=400), st.integers(100, 300))
def test_a_clipped_text_is_never_longer_than_the_limit_and_keeps_both_ends(text, limit):
    kept, cut = clip(text, limit)
    assert len(kept) <= limit
    assert cut == (len(text) > limit)
    assert (kept[0], kept[-1]) == (text[0], text[-1]) if text else kept == ""
