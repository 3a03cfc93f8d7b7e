"""An answer stays with an example only if it says what the request and the results say."""

from __future__ import annotations

from typing import Any

import pytest

from ste_graph.distil.answers import supported_answer, unsupported_answer


def step(result: str, **arguments: Any) -> dict[str, Any]:
    return {"arguments": arguments, "observation": {"ok": True, "kind": "ok", "text": result}}


BETWEEN = ("How many days are there between 2024-11-24 and 2023-02-04?", step("659"))
ZONES = (
    "How do I convert 2025-05-03 09:30 from America/New_York to Europe/Berlin?",
    step("2025-05-03 15:30 (UTC+0200)", from_zone="America/New_York", to_zone="Europe/Berlin"),
)
TODAY = ("What is today's date in Shanghai?", step("2026-11-26 (Thursday)", zone="Asia/Shanghai"))
METRES = ("How do I convert 34.1 kilometers to meters?", step("34100.0", from_unit="km", to_unit="m"))
PASSWORD = ("Make a password of 9 characters.", step("&g3J#h=V!"))
COUNTS = ("What is in the text?", step('{"words": 6, "sentences": 2, "most_frequent_word": "brown"}'))
ADDED = ("Which day is 13 days after 2028-03-04?", step("2028-03-17"))


@pytest.mark.parametrize(
    ("of", "answer"),
    [
        (BETWEEN, "There are 659 days between 2024-11-24 and 2023-02-04."),
        (BETWEEN, "659"),
        (ZONES, "2025-05-03 15:30 (UTC+0200)"),
        (ZONES, "It is 15:30 in Europe/Berlin."),
        (TODAY, "Today is Thursday in Asia/Shanghai."),
        (TODAY, "November 26, 2026"),
        (METRES, "34,100 m"),
        (PASSWORD, "Your password is '&g3J#h=V!'."),
        (COUNTS, "The text has 6 words and 2 sentences; the most frequent word is brown."),
        (ADDED, "The result is: 2028-03-17"),
    ],
)
def test_an_answer_that_says_what_the_result_says_is_kept(of: tuple[str, dict[str, Any]], answer: str) -> None:
    query, called = of
    assert unsupported_answer(answer, query, [called]) is None
    assert supported_answer(answer, query, [called]) == answer


@pytest.mark.parametrize(
    ("of", "answer", "reason"),
    [
        (BETWEEN, "659 is a leap year.", "`leap`, `year`"),
        (BETWEEN, "There are 660 days.", "`660`"),
        (ZONES, "Your table is booked, under the number 5512.", "`booked`"),
        (ZONES, "It is 2025-05-03 16:30 in Europe/Berlin.", "`16:30:00`"),
        (ZONES, "It is 2025-05-03 09:30.", "does not tell the result"),
        (TODAY, "Today is Thursday in the United States.", "`state`"),
        (METRES, "34100.0 kilometers are 34100 meters.", "more often"),
        (PASSWORD, "Your password is 'g3J#h=V!'.", "does not tell the result"),
        (COUNTS, "The text has 30 words.", "`30`"),
        (ADDED, "2028-03-17 is 1 day after 2028-03-17.", "more often"),
    ],
)
def test_an_answer_that_says_more_or_else_is_left_out(of: tuple[str, dict[str, Any]], answer: str, reason: str) -> None:
    query, called = of
    assert reason in (unsupported_answer(answer, query, [called]) or "")
    assert supported_answer(answer, query, [called]) is None


def test_an_answer_may_rest_on_the_results_of_several_calls() -> None:
    calls = [step('{"id": 7, "name": "desk lamp"}'), step("19.50", id=7)]
    query = "What does the desk lamp cost?"
    assert unsupported_answer("The desk lamp costs 19.5.", query, calls) is None
    assert unsupported_answer("Its id is 7.", query, calls)


def test_nothing_is_vouched_for_without_a_result() -> None:
    assert unsupported_answer("It is 5.", "What is 2 + 3?", []) == "no call has given a result"
    assert supported_answer(None, "What is 2 + 3?", [step("5")]) is None
