"""Numbers that a text says."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from num2words import num2words

from ste_graph.distil.reading.numbers import digits_in, numbers_in


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("add 1,200 to it", 1200), ("3.5 litres", 3.5), ("a raise of 15%", 0.15), ("fifteen and 15 percent", 0.15),
        ("the twenty-first", 21), ("two hundred and five", 205), ("a dozen eggs", 12), ("half an hour", 0.5),
        ("3k users", 3000), ("2 million", 2_000_000), ("7 days ago", -7), ("minus seven", -7), ("-7", -7),
        ("1e-3", 0.001), ("May 3rd", 3), ("20 000 steps", 20000),
        ("a day and a half", 1.5), ("three quarters of it", 0.75), ("a dozen and a half", 18),
        ("four score", 80), ("18 below zero", -18), ("2024 minus 7", -7), ("2024 minus 7", 7),
        ("a hundred and twenty three thousand", 123000),
    ],
)  # fmt: skip
def test_a_number_is_found_in_every_usual_form(text: str, number: float) -> None:
    assert any(abs(number - found) < 1e-9 for found in numbers_in(text))


@pytest.mark.parametrize("text", ["anyone else", "wonderful", "version x2y", "", "weighty", "the tenant"])
def test_parts_of_words_say_no_number(text: str) -> None:
    assert not numbers_in(text)


@given(st.integers(0, 10**12 - 1))
def test_every_whole_number_is_found_in_words_and_in_digits(number: int) -> None:
    assert float(number) in numbers_in(f"so it is {num2words(number)} of them")
    assert float(number) in numbers_in(f"so it is {number:,} of them") & numbers_in(f"{number} of them")


@given(st.integers(-(10**6), 10**6), st.integers(-(10**6), 10**6))
def test_a_number_that_is_not_written_is_not_found(stated: int, other: int) -> None:
    assert (float(other) in digits_in(f"take {stated} of it")) == (stated == other)


@given(st.text())
def test_any_text_can_be_read(text: str) -> None:
    assert all(isinstance(number, Fraction) for number in numbers_in(text))
