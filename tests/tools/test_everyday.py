import datetime as dt
import json
from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ste_graph.tools.arguments import ArgumentChecker
from ste_graph.tools.python.source import PythonTools, load_module
from ste_graph.tools.toolbox import Toolbox

FILE = str(files("ste_graph.workflows") / "tools" / "everyday.py")
EVERYDAY = load_module(FILE)
BERLIN, NEW_YORK = "Europe/Berlin", "America/New_York"


async def answer(name, **arguments):
    observation = await Toolbox(await PythonTools(module=FILE).open()).call(name, arguments)
    return observation.text if observation.ok else f"{observation.kind}: {observation.text}"


async def test_all_tools_only_read_and_say_in_words_and_examples_what_they_take():
    tools = await PythonTools(module=FILE).open()
    assert len(tools) == 12
    for tool in tools:
        assert tool.effect == "read"
        assert len(tool.description) > 20
        assert not ArgumentChecker(tool.name, tool.parameters).faults
        for name, entry in tool.parameters["properties"].items():
            assert entry["description"], name
            assert {"examples", "default"} & set(entry), f"{tool.name}.{name}"


async def test_the_examples_in_the_schemas_make_calls_that_succeed():
    tools = await PythonTools(module=FILE).open()
    box = Toolbox(tools)
    for tool in tools:
        required = tool.parameters.get("required", [])
        arguments = {name: tool.parameters["properties"][name]["examples"][0] for name in required}
        observation = await box.call(tool.name, arguments)
        assert observation.ok, f"{tool.name}: {observation.text}"


@pytest.mark.parametrize(
    ("name", "arguments", "text"),
    [
        ("add_days", {"date": "2024-02-28", "days": 2}, "2024-03-01"),
        (
            "add_days",
            {"date": "9999-12-31", "days": 1},
            "ValueError: 9999-12-31 +1 days lies outside the years 1 to 9999",
        ),
        ("days_between", {"start": "2024-01-01", "end": "2024-03-01"}, "60"),
        ("days_between", {"start": "2024-01-06", "end": "2024-01-15", "count": "weekdays"}, "5"),
        (
            "days_between",
            {"start": "2024-03-01", "end": "2024-01-01"},
            "ValueError: end (2024-01-01) lies before start (2024-03-01); give the earlier date as start",
        ),
        (
            "convert_time",
            {"moment": "2024-07-01 09:30", "from_zone": BERLIN, "to_zone": NEW_YORK},
            "2024-07-01 03:30 (UTC-0400)",
        ),
        (
            "convert_time",
            {"moment": "2024-03-31 02:30", "from_zone": BERLIN, "to_zone": "UTC"},
            "ValueError: 2024-03-31 02:30 does not exist in Europe/Berlin: the clocks were put forward over it",
        ),
        (
            "convert_time",
            {"moment": "2024-13-01 02:30", "from_zone": BERLIN, "to_zone": "UTC"},
            "ValueError: 2024-13-01 02:30 is not a valid date and time: month must be in 1..12",
        ),
        (
            "convert_time",
            {"moment": "0001-01-01 00:00", "from_zone": BERLIN, "to_zone": "UTC"},
            "ValueError: 0001-01-01 00:00 lies outside the years 1900 to 2100, for which zones are known",
        ),
        (
            "convert_time",
            {"moment": "2024-07-01 09:30", "from_zone": "Tokyo", "to_zone": "UTC"},
            "ValueError: there is no time zone 'Tokyo'; did you mean Asia/Tokyo?",
        ),
        ("number_in_words", {"number": -21, "language": "en"}, "minus twenty-one"),
        ("number_in_words", {"number": 1984, "language": "de", "form": "year"}, "neunzehnhundertvierundachtzig"),
        (
            "number_in_words",
            {"number": 0, "language": "en", "form": "ordinal"},
            "ValueError: 0 has no ordinal; ordinals start at 1",
        ),
        (
            "number_in_words",
            {"number": 20000, "language": "en", "form": "year"},
            "ValueError: 20000 is not a year; years go from 1 to 9999",
        ),
        ("convert_unit", {"value": 100, "from_unit": "celsius", "to_unit": "fahrenheit"}, "212.0"),
        ("convert_unit", {"value": 26.2, "from_unit": "mile", "to_unit": "km"}, "42.1648128"),
        (
            "convert_unit",
            {"value": 1, "from_unit": "mile", "to_unit": "kg"},
            "ValueError: mile measures length, kg measures mass; length units: cm, foot, inch, km, m, mile, mm, yard",
        ),
        (
            "convert_unit",
            {"value": -300, "from_unit": "celsius", "to_unit": "kelvin"},
            "ValueError: -300 celsius lies below absolute zero",
        ),
        (
            "text_statistics",
            {"text": "Hi there. It's me, there!"},
            '{"characters":25,"words":5,"sentences":2,"most_frequent_word":"there","longest_word":"there"}',
        ),
        ("text_statistics", {"text": "one two", "measure": "words"}, '{"words":2}'),
        ("text_statistics", {"text": "..."}, "ValueError: the text has no words; give a text with at least one"),
        ("to_roman", {"number": 1994}, "MCMXCIV"),
        ("from_roman", {"numeral": "MCMXCIV"}, "1994"),
        ("from_roman", {"numeral": "IIII"}, "ValueError: IIII is not a Roman numeral; 4 is written IV"),
    ],
)
async def test_each_tool_answers_and_says_how_to_repair_a_wrong_call(name, arguments, text):
    result = await answer(name, **arguments)
    assert result.removeprefix("tool_error: ") == text


async def test_an_unknown_unit_is_answered_with_the_closest_unit():
    for wrong, meant in {"miles": "mile", "Kilometers": "km", "feet": "foot", "hours": "h", "pounds": "pound"}.items():
        result = await answer("convert_unit", value=1, from_unit=wrong, to_unit="m")
        assert result.startswith(
            f"tool_error: ValueError: unknown unit '{wrong}'; did you mean {meant}? units: celsius, cm,"
        )


async def test_today_is_the_date_that_the_workflow_sets():
    EVERYDAY.configure(now="2024-02-28T23:30:00+00:00")
    try:
        assert await answer("today") == "2024-02-28 (Wednesday)"
        assert await answer("today", zone="Asia/Tokyo") == "2024-02-29 (Thursday)"
        EVERYDAY.configure(now="2001-09-09T01:46:40")
        assert await answer("today") == "2001-09-09 (Sunday)"
    finally:
        EVERYDAY.configure()


@pytest.mark.parametrize(
    ("sql", "text"),
    [
        (
            "SELECT name, stock FROM products WHERE stock = 0 ORDER BY name",
            '{"columns":["name","stock"],"rows":[["bread knife",0],["water bottle",0]]}',
        ),
        ("SELECT name FROM customers WHERE city = 'Sevilla'", '{"columns":["name"],"rows":[["Lucía Romero"]]}'),
        ("SELECT * FROM users", "ValueError: no such table: users; tables: customers, order_lines, orders, products"),
        ("SELECT nam FROM products", "ValueError: no such column: nam"),
        ("SELECT 1; SELECT 2", "ValueError: give one statement only"),
        ("", "ValueError: this is not a SELECT; only reading is possible"),
        ("SELECT zeroblob(1000000000)", "ValueError: string or blob too big"),
    ],
)
async def test_the_shop_answers_select_statements_and_explains_faults(sql, text):
    assert (await answer("query_shop", sql=sql)).removeprefix("tool_error: ") == text


@pytest.mark.parametrize(
    "sql",
    [
        "DROP TABLE orders",
        "DELETE FROM orders",
        "INSERT INTO orders VALUES (9, 1, '', '')",
        "ATTACH 'x.db' AS y",
        "PRAGMA query_only = OFF",
        "SELECT load_extension('x')",
        "CREATE TEMP TABLE t (x)",
        "BEGIN",
    ],
)
async def test_the_shop_is_read_only_and_the_only_database(sql):
    result = await answer("query_shop", sql=sql)
    assert result == "tool_error: ValueError: only SELECT is possible: the database can be read, not changed"


async def test_a_query_without_end_is_stopped(monkeypatch):
    monkeypatch.setattr(EVERYDAY, "_SECONDS", 0.05)
    endless = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT max(x) FROM n"
    assert await answer("query_shop", sql=endless) == "tool_error: ValueError: the query took too long; narrow it down"
    rows = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT x FROM n"
    found = json.loads(await answer("query_shop", sql=rows))
    assert (len(found["rows"]), found["more"]) == (50, True)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("$", '{"a":[{"b c":1},{"b c":2}]}'),
        ('$.a[*]["b c"]', "[1,2]"),
        ("$.a[-1]", '{"b c":2}'),
        ("$.a[5]", "ValueError: $.a has 2 items; item 5 is not there (items count from 0)"),
        ("$.b", "ValueError: $ has no key 'b'; its keys: a"),
        ("$[0]", "ValueError: $ is not a list, so it has no item 0"),
        ("$.a.b", "ValueError: $.a is not an object, so it has no key 'b'"),
        ("$..a", "ValueError: path is not understood from '..a' on; expected .name, [0], [\"a name\"] or [*]"),
    ],
)
async def test_a_path_leads_to_its_value_or_says_where_it_ends(path, text):
    result = await answer("json_lookup", document='{"a": [{"b c": 1}, {"b c": 2}]}', path=path)
    assert result.removeprefix("tool_error: ") == text


@given(st.integers(1, 3999))
def test_roman_numerals_lead_back_to_their_number(number):
    assert EVERYDAY.from_roman(EVERYDAY.to_roman(number)) == number


@given(st.dates(dt.date(1900, 1, 1), dt.date(2100, 1, 1)), st.integers(0, 3000))
def test_days_added_are_the_days_between(start, days):
    end = dt.date.fromisoformat(EVERYDAY.add_days(start, days))
    assert EVERYDAY.days_between(start, end) == days
    weekdays = sum((start + dt.timedelta(days=day)).weekday() < 5 for day in range(days))
    assert EVERYDAY.days_between(start, end, "weekdays") == weekdays


@given(st.integers(8, 64), st.integers(0, 2**40), st.booleans())
def test_a_password_has_its_length_and_depends_on_length_and_seed_alone(length, seed, symbols):
    password = EVERYDAY.make_password(length, seed, symbols)
    assert len(password) == length
    assert password == EVERYDAY.make_password(length, seed, symbols)
    assert password != EVERYDAY.make_password(length, seed + 1, symbols)
    assert any(c.islower() for c in password)
    assert any(c.isdigit() for c in password)
    assert password.isalnum() != symbols


SAME = {
    "length": "cm",
    "mass": "pound",
    "volume": "us_cup",
    "duration": "week",
    "speed": "knot",
    "temperature": "kelvin",
}


@given(st.sampled_from(sorted(SAME)), st.floats(300, 1e6), st.data())
def test_converting_there_and_back_gives_the_value_again(dimension, value, data):
    unit = data.draw(st.sampled_from(sorted(EVERYDAY._UNITS[dimension])))
    there = EVERYDAY.convert_unit(value, SAME[dimension], unit)
    assert EVERYDAY.convert_unit(there, unit, SAME[dimension]) == pytest.approx(value, rel=1e-8)
