"""A value belongs to the parameter that the request gives it to, and what is asked for may not be left out."""

from typing import Any

import pytest

from ste_graph.distil.gates import ground_trial, grounding_fault
from ste_graph.distil.grounding import ground

DATE = {"type": "string", "format": "date"}
SCHEMAS: dict[str, dict[str, Any]] = {
    "convert": {"value": {"type": "number"}, "from_unit": {"type": "string"}, "to_unit": {"type": "string"}},
    "add": {"date": DATE, "days": {"type": "integer", "minimum": -1000, "maximum": 1000}},
    "span": {"start": DATE, "end": DATE, "count": {"enum": ["days", "weekdays"], "default": "days"}},
    "password": {
        "length": {"type": "integer", "description": "How many characters."},
        "seed": {"type": "integer", "default": 0},
        "symbols": {"type": "boolean", "default": False},
    },
    "clock": {name: {"type": "string"} for name in ("from_zone", "to_zone")} | {"at": {"type": "string"}},
    "say": {
        "language": {"enum": ["en", "de"], "description": "en for English, de for German."},
        "form": {"enum": ["cardinal", "ordinal", "year"], "default": "cardinal"},
    },
    "here": {"zone": {"type": "string", "default": "UTC", "examples": ["Europe/Berlin"]}},
    "find": {name: {"type": "string"} for name in ("city", "id", "zone")} | {"n": {"type": "integer"}},
}  # fmt: skip

RIGHT = [
    ("convert", "175 miles to km", {"value": 175, "from_unit": "mile", "to_unit": "km"}),
    ("convert", "How many weeks are 28 days?", {"value": 28, "from_unit": "day", "to_unit": "week"}),
    ("convert", "From 3 kg to kg", {"value": 3, "from_unit": "kg", "to_unit": "kg"}),
    ("convert", "two and a half inches in cm", {"value": 2.5, "from_unit": "inch", "to_unit": "cm"}),
    ("convert", "3 dozen feet, in yard", {"value": 36, "from_unit": "foot", "to_unit": "yard"}),
    ("convert", "Convert 12°F to Celsius.", {"value": 12, "from_unit": "fahrenheit", "to_unit": "celsius"}),
    ("convert", "What is 71 kilometers converted to miles?", {"value": 71, "from_unit": "km", "to_unit": "mile"}),
    ("convert", "2 US gallons to liters", {"value": 2, "from_unit": "us_gallon", "to_unit": "l"}),
    ("add", "2 May 2021 plus 146 days", {"date": "2021-05-02", "days": 146}),
    ("add", "7 days before the second of August 2025", {"date": "2025-08-02", "days": -7}),
    ("add", "What is 5 days after 3 May 2024? I asked before.", {"date": "2024-05-03", "days": 5}),
    ("span", "The end is 2024-05-03, the start 2024-05-01.", {"start": "2024-05-01", "end": "2024-05-03"}),
    ("span", "Count the weekdays between 1 May 2024 and 3 May 2024",
     {"start": "2024-05-01", "end": "2024-05-03", "count": "weekdays"}),
    ("password", "seed 7, 16 characters, without symbols, please", {"seed": 7, "length": 16, "symbols": False}),
    ("password", "16 characters with symbols", {"length": 16, "symbols": True}),
    ("find", "Not in Paris but in Oslo", {"city": "Oslo"}),
    ("find", "Look up 90071992547409931", {"id": "90071992547409931"}),
    ("find", "Look up 90071992547409931", {"n": 90071992547409931}),
    ("find", "The time in New York", {"zone": "America/New_York"}),
    ("find", "A couple of them", {"n": 2}),
    ("convert", "A day and a half in hours", {"value": 1.5, "from_unit": "day", "to_unit": "h"}),
    ("convert", "three quarters of a pound in g", {"value": 0.75, "from_unit": "pound", "to_unit": "g"}),
    ("convert", "50 miles per hour in kilometres per hour", {"value": 50, "from_unit": "mph", "to_unit": "km/h"}),
    ("convert", "300 K in °C", {"value": 300, "from_unit": "kelvin", "to_unit": "celsius"}),
    ("convert", "8 degrees below zero, celsius, in kelvin", {"value": -8, "from_unit": "celsius", "to_unit": "kelvin"}),
    ("add", "Three weeks after 2024-05-03", {"date": "2024-05-03", "days": 21}),
    ("add", "A fortnight before 2024-05-03", {"date": "2024-05-03", "days": -14}),
    ("add", "Counting backwards, 9 days from 2024-05-03", {"date": "2024-05-03", "days": -9}),
    ("add", "2 days after Christmas Day 2024", {"date": "2024-12-25", "days": 2}),
    ("span", "between 2024-05-03 and 2024-05-01", {"start": "2024-05-01", "end": "2024-05-03"}),
    ("span", "Without weekends, how many days from 1 May 2024 to 9 May 2024?",
     {"start": "2024-05-01", "end": "2024-05-09", "count": "weekdays"}),
    ("password", "16 special characters too", {"length": 16, "symbols": True}),
    ("find", "The time in Munich", {"zone": "Europe/Berlin"}),
    ("find", "Skip Paris, Oslo will do", {"city": "Oslo"}),
    ("clock", "What is 9:30 in Oslo in Rome?",
     {"from_zone": "Europe/Oslo", "to_zone": "Europe/Rome", "at": "09:30"}),
    ("clock", "In Rome, what is 9:30 Oslo time?",
     {"from_zone": "Europe/Oslo", "to_zone": "Europe/Rome", "at": "09:30"}),
    ("clock", "It is half past nine in Oslo; and for someone in Rome?",
     {"from_zone": "Europe/Oslo", "to_zone": "Europe/Rome", "at": "09:30"}),
    ("say", "My German teacher wants it in English", {"language": "en"}),
    ("say", "This year I want it in German", {"language": "de"}),
    ("say", "In English or German words. With de for the language; the form is year",
     {"language": "de", "form": "year"}),
    ("here", "The date; zone: UTC", {}),
]  # fmt: skip

WRONG = [
    ("convert", "175 miles to km", {"value": 175, "from_unit": "km", "to_unit": "mile"}),
    ("convert", "How many weeks are 28 days?", {"value": 28, "from_unit": "week", "to_unit": "day"}),
    ("convert", "Convert 12°F to Celsius.", {"value": 12, "from_unit": "celsius", "to_unit": "fahrenheit"}),
    ("convert", "3 kg to pounds", {"value": 3, "from_unit": "kg", "to_unit": "kg"}),
    ("add", "2 May 2021 plus 146 days", {"date": "2021-05-02", "days": 2}),
    ("add", "7 days before 2 May 2021", {"date": "2021-05-02", "days": 7}),
    ("add", "What is 5 days after 3 May 2024? I asked before.", {"date": "2024-05-03", "days": -5}),
    ("span", "The end is 2024-05-03, the start 2024-05-01.", {"start": "2024-05-03", "end": "2024-05-01"}),
    ("span", "The weekdays between 1 May 2024 and 3 May 2024", {"start": "2024-05-01", "end": "2024-05-03"}),
    ("password", "seed 7, 16 characters", {"seed": 16, "length": 7}),
    ("password", "seed 7, 16 characters", {"length": 16}),
    ("password", "16 characters without symbols, please", {"length": 16, "symbols": True}),
    ("password", "with 59 characters", {"length": 59, "symbols": True}),
    ("password", "16 characters with punctuation", {"length": 16}),
    ("convert", "50 miles per hour in km", {"value": 50, "from_unit": "mile", "to_unit": "km"}),
    ("convert", "Convert minus 8 celsius to kelvin", {"value": 8, "from_unit": "celsius", "to_unit": "kelvin"}),
    ("add", "Three weeks after 2024-05-03", {"date": "2024-05-03", "days": 3}),
    ("add", "A fortnight before 2024-05-03", {"date": "2024-05-03", "days": 14}),
    ("span", "between 2024-05-03 and 2024-05-01", {"start": "2024-05-02", "end": "2024-05-03"}),
    ("span", "I know weekdays, but how many days from 1 May 2024 to 9 May 2024?",
     {"start": "2024-05-01", "end": "2024-05-09", "count": "weekdays"}),
    ("find", "The time in Paris, Texas", {"zone": "Europe/Paris"}),
    ("find", "The time in Santiago de Cuba", {"zone": "America/Santiago"}),
    ("find", "Forget the lake, Oslo will do", {"city": "lake"}),
    ("clock", "In Rome terms, when is 9:30 in Oslo?",
     {"from_zone": "Europe/Rome", "to_zone": "Europe/Oslo", "at": "09:30"}),
    ("say", "My German teacher wants it in English", {"language": "de"}),
    ("say", "This year I want it in German", {"language": "de", "form": "year"}),
    ("say", "in English, the 8th", {"language": "en"}),
    ("say", "Say it in English or German. The language is pearl.", {"language": "en"}),
    ("say", "Say it in English or German.", {"language": "en"}),
    ("say", "In English, with ivory for the form", {"language": "en", "form": "cardinal"}),
    ("say", "In English; form: ivory", {"language": "en"}),
    ("span", "Count the days. Start: 1 May 2024; count: planet; end: 3 May 2024",
     {"start": "2024-05-01", "end": "2024-05-03", "count": "days"}),
    ("span", "Which weekdays or not: how many days from 1 May 2024 to 9 May 2024?",
     {"start": "2024-05-01", "end": "2024-05-09", "count": "weekdays"}),
    ("password", "Symbols confuse me; 16 characters without any.", {"length": 16, "symbols": True}),
    ("password", "User 90 needs 16 characters", {"length": 16, "seed": 90}),
    ("add", "Which day preceded 2024-05-03 by 9 days?", {"date": "2024-05-03", "days": 9}),
    ("find", "Oslo. Paris is of no interest.", {"city": "Paris"}),
    ("find", "Oslo, but by no means in Paris", {"city": "Paris"}),
    ("here", "The date; zone: Mars", {}),
    ("here", "The date in Oslo", {}),
    ("here", "The date in Oslo", {"zone": "UTC"}),
    ("password", "16 characters with symbols", {"length": 16}),
    ("find", "Not in Paris but in Oslo", {"city": "Paris"}),
    ("find", "in San Francisco", {"city": "Francisco"}),
    ("find", 'called "Oslo harbour"', {"city": "Oslo"}),
    ("find", "Look up 90071992547409931", {"id": "90071992547409932"}),
    ("find", "Look up 90071992547409931", {"n": 90071992547409932}),
    ("find", "Order A-1009", {"id": "1009"}),
    ("find", 'Oslo, and "the old harbour"', {"city": "Oslo"}),
]  # fmt: skip


def fault(tool: str, query: str, arguments: dict[str, Any]) -> str | None:
    seen = {"ok": True, "kind": "ok", "text": "done"}
    steps = [{"action": tool, "arguments": arguments, "observation": seen}]
    return grounding_fault(ground_trial(query, steps, {"properties": SCHEMAS[tool]}), arguments)


@pytest.mark.parametrize(("tool", "query", "arguments"), RIGHT)
def test_a_call_that_does_what_the_request_says_is_grounded(tool: str, query: str, arguments: dict[str, Any]) -> None:
    assert fault(tool, query, arguments) is None


@pytest.mark.parametrize(("tool", "query", "arguments"), WRONG)
def test_a_call_that_does_something_else_is_not(tool: str, query: str, arguments: dict[str, Any]) -> None:
    assert fault(tool, query, arguments) is not None


def test_what_keeps_a_call_from_being_grounded_is_named() -> None:
    assert fault("password", "16 characters with symbols", {"length": 16}) == (
        "the request says something of `symbols`, which the call leaves out"
    )
    assert fault("find", 'Oslo, and "the old harbour"', {"city": "Oslo"}) == (
        "the request says `the old harbour`, which no call uses"
    )


def test_the_error_of_a_failed_call_is_no_source_and_the_result_of_a_good_one_is() -> None:
    def steps(kind: str) -> list[dict[str, Any]]:
        seen = {"ok": kind == "ok", "kind": kind, "text": "at most 3999; users: r17"}
        return [
            {"action": "find", "arguments": {"city": "Oslo"}, "observation": seen},
            {"action": "find", "arguments": {"id": "r17"}, "observation": {"ok": True, "kind": "ok", "text": "Ann"}},
        ]

    assert ground_trial("Who is in Oslo?", steps("ok"), {}).sources == {"id": "observation"}
    assert ground_trial("Who is in Oslo?", steps("tool_error"), {}).sources == {"id": "nothing"}


def test_what_the_request_repeats_of_the_tools_own_description_is_nothing_to_serve() -> None:
    seen = {"ok": True, "kind": "ok", "text": "done"}
    steps = [{"action": "find", "arguments": {"city": "Oslo"}, "observation": seen}]
    query = "Look things up in Oslo and give at most 50 rows."
    assert ground_trial(query, steps, {}).unused == ("50",)
    assert ground_trial(query, steps, {}, description="Look things up and give at most 50 rows.").unused == ()


def test_one_place_gives_one_value_unless_the_request_says_both() -> None:
    both = {"width": 5, "height": 5}
    assert ground(both, {}, "5 wide").sources == {"width": "request", "height": "nothing"}
    assert set(ground(both, {}, "width and height are both 5").sources.values()) == {"request"}
