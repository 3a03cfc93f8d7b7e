"""Repairs of a call that are lessons: those after which it still does what was asked."""

from typing import Any

import pytest

from ste_graph.distil.repairs import is_asked


def step(arguments: dict[str, Any], error: str | None = None) -> dict[str, Any]:
    seen = {"ok": error is None, "kind": "ok" if error is None else "tool_error", "text": error or "done"}
    return {"action": "tool", "arguments": arguments, "observation": seen}


ASKED = [
    ("What is 3 days after 3 May 2024?", {"date": "3 May 2024"}, {"date": "2024-05-03"}, "`date`: expected a date"),
    ("Convert 5 kilometers", {"unit": "kilometers"}, {"unit": "km"}, "unknown unit; did you mean km?"),
    ("What day is it in Berlin?", {"zone": "Berlin"}, {"zone": "Europe/Berlin"}, "did you mean Europe/Berlin?"),
    ("Take three", {"n": "three"}, {"n": 3}, "`n`: expected integer"),
    ("Look at it", {"list": ["a"]}, {"list": "a"}, "`list`: expected string"),
    ("Look at it", {"extra": "x"}, {}, "`extra`: unexpected"),
]
NOT_ASKED = [
    ("100065 days after 4 June", {"days": 100065}, {"days": 100000}, "`days`: at most 100000"),
    (
        "Between 2024-06-10 and 2022-07-24",
        {"end": "2022-07-24", "start": "2024-06-10"},
        {"end": "2024-06-10", "start": "2022-07-24"},
        "end lies before start",
    ),
    ("Read MDD", {"numeral": "MDD"}, {"numeral": "MCMXCIV"}, "not a numeral; 2000 is written MM"),
    ("At most 500 of them", {"limit": 500}, {}, "`limit`: unexpected"),
]


@pytest.mark.parametrize(("request_", "failed", "repaired", "error"), ASKED)
def test_a_repair_is_a_lesson_where_the_call_does_what_was_asked(
    request_: str, failed: dict[str, Any], repaired: dict[str, Any], error: str
) -> None:
    assert is_asked({"query": request_}, step(failed, error), step(repaired), next(iter(failed)))


@pytest.mark.parametrize(("request_", "failed", "repaired", "error"), NOT_ASKED)
def test_a_repair_that_does_something_else_is_no_lesson(
    request_: str, failed: dict[str, Any], repaired: dict[str, Any], error: str
) -> None:
    assert not is_asked({"query": request_}, step(failed, error), step(repaired), next(iter(failed)))
