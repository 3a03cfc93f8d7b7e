import pytest

from ste_graph.distil.requests import LONGEST, find_request_fault
from ste_graph.nodes.check_request import CheckRequest

PARAMETERS = {
    "type": "object",
    "properties": {
        "start_date": {"type": "string", "format": "date"},
        "days": {"type": "integer"},
        "note": {"type": "string"},
    },
    "required": ["start_date", "days"],
}
TOOL = {
    "name": "add_days",
    "description": "Give the date that lies some days after a date, or before it.",
    "parameters": PARAMETERS,
}


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        ("What date is 15 days after 2024-02-26?", None),
        ("Which day is it ninety days after tomorrow?", None),
        ("Der wievielte ist 30 Tage nach dem 1. Mai?", None),
        ("Which date follows 3 days after 1 May? It is for the parameter study of my thesis.", None),
        ("", "empty"),
        (" ?! ", "empty"),
        ("3 days " * LONGEST, "far too long"),
        ('{"start_date": "2024-01-01", "days": 3}', "code, JSON or a call"),
        ("GET /api/dates?days=3 HTTP/1.1", "code, JSON or a call"),
        ("```\nadd 3 days to 2024-01-01\n```", "code, JSON or a call"),
        ("Action: add_days\nAction Input: 3", "code, JSON or a call"),
        ("Please run add_days for 3 days from 1 May.", "`add_days`"),
        ("The start_date is 2024-01-01, and 3 days.", "`start_date`"),
        ("Write a request with 3 days and a date.", "spoke of the task"),
        ("Sure, 3 days after 1 May, which date is that?", "spoke of the task"),
        ("No.", "spoke of the task"),
        ("What is 3 days after <the date>?", "placeholder"),
        ("What is 3 days after YYYY-MM-DD?", "placeholder"),
        ("Give the date that lies some days after a date.", "repeated"),
        ("Give the date that lies some days after a date. The start is 1 May; add 3 days.", None),
        ('The dates are in {"from": "2024-01-01"}; which date comes 3 days later?', None),
        ("Add 3", "too short"),
        ("2024-01-01, 2024-03-01", "too short"),
        ("Sorry, 3 days are not enough to go by.", "spoke of the task"),
        ("\u4eca\u5929\u4e4b\u540e15\u5929\u662f\u54ea\u4e00\u5929, \u8bf7\u95ee?", None),
        ("Which date comes some days later than the other?", "no value for the start date"),
    ],
)
async def test_what_is_no_request_is_refused_with_the_reason(request_: str, reason: str | None) -> None:
    given = await CheckRequest()(CheckRequest.Inputs(query=request_, tool=TOOL), None)
    assert given.valid == (reason is None)
    assert reason is None or reason in (given.reason or "")


async def test_a_request_that_repeats_its_prompt_is_refused() -> None:
    inputs = CheckRequest.Inputs(query="We are four for dinner on 3 May 2025.", tool=TOOL, copied=True)
    assert "example" in ((await CheckRequest()(inputs, None)).reason or "")


def test_a_tool_that_is_called_by_a_plain_word_or_needs_no_value_may_be_asked_for_so() -> None:
    assert find_request_fault("What is the weather in Oslo?", "weather", {"type": "object"}) is None
    assert find_request_fault("What time is it now?", "now", {"type": "object", "properties": {}}) is None
