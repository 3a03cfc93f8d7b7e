"""Days and times of day that a text says."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ste_graph.distil.reading.dates import days_in, parse_day, parse_moment, times_in

FORMS = (
    "%Y-%m-%d", "%d %B %Y", "%d %b %Y", "%B %d, %Y", "%b %d %Y", "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%Y/%m/%d",
)  # fmt: skip
DAYS = st.dates(dt.date(1500, 1, 1), dt.date(2199, 12, 31))


@given(DAYS, st.sampled_from(FORMS))
def test_a_day_is_found_in_every_usual_form(day: dt.date, form: str) -> None:
    assert day in days_in(f"what happened on {day.strftime(form)}, and why?")


@given(DAYS, DAYS)
def test_only_the_days_that_are_written_are_found(day: dt.date, other: dt.date) -> None:
    assert days_in(f"from {day:%d %B %Y} to {other:%B %d, %Y}") == {day, other}


@pytest.mark.parametrize("text", ["the 3rd of May, in 2024", "May 3 of the year 2024", "on 3 May; the year is 2024"])
def test_a_day_may_have_its_year_elsewhere(text: str) -> None:
    assert dt.date(2024, 5, 3) in days_in(text)


def test_festivals_and_days_that_share_a_month_are_found() -> None:
    assert days_in("from New Year's Eve 2024 to Valentine's Day, 2025") == {dt.date(2024, 12, 31), dt.date(2025, 2, 14)}
    assert days_in("the tenth and the 25th of July 2023") == {dt.date(2023, 7, 10), dt.date(2023, 7, 25)}
    assert days_in("from April 1st to May 15th, 2025") == {dt.date(2025, 4, 1), dt.date(2025, 5, 15)}


@pytest.mark.parametrize("text", ["3 May", "2024-02-31", "12345-01-01", "tomorrow", "31 April 2024"])
def test_what_is_no_day_is_none(text: str) -> None:
    assert not days_in(text)


@pytest.mark.parametrize(
    ("text", "time"),
    [("at 9:30", dt.time(9, 30)), ("2 pm", dt.time(14)), ("12:05 a.m.", dt.time(0, 5)), ("noon", dt.time(12)),
     ("9 o'clock", dt.time(9)), ("23:59:59", dt.time(23, 59, 59)), ("2024-05-03T07:45", dt.time(7, 45)),
     ("half past nine in the evening", dt.time(21, 30)), ("a quarter to eight a.m.", dt.time(7, 45)),
     ("ten minutes past three", dt.time(15, 10))],
)  # fmt: skip
def test_a_time_of_day_is_found(text: str, time: dt.time) -> None:
    assert time in times_in(text)


def test_two_numbers_with_to_between_them_are_no_time() -> None:
    assert not times_in("it takes 5 to 7 days")


def test_values_are_read_as_days_and_moments() -> None:
    assert parse_day("20240503") == parse_day("2024-05-03") == dt.date(2024, 5, 3)
    assert parse_day("3 items") is None
    assert parse_moment("2024-05-03 09:30") == (dt.date(2024, 5, 3), dt.time(9, 30))
    assert parse_moment("09:30Z") == (None, dt.time(9, 30))
    assert parse_moment("25:00") is None


@given(st.text())
def test_any_text_can_be_read(text: str) -> None:
    assert all(isinstance(day, dt.date) for day in days_in(text))
    assert all(isinstance(time, dt.time) for time in times_in(text))
