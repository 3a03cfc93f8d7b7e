"""Composed values: of which parts they are, and that each part must be stated."""

import sys
import time
from pathlib import Path
from typing import Any

import pytest

from ste_graph.distil.gates import drift_fault, ground_trial, grounding_fault
from ste_graph.distil.grounding import ground, trace_values
from tests.bench import bench_gates

sys.path.insert(0, str(Path(__file__).parent))
import composed

TABLES = "Tables: orders (id, customer_id, city, total, ordered_on, status), customers (id, name)."


def source(value: str, request: str, seen: tuple[str, ...] = (), parameter: str = "q", about: str = "") -> str:
    return trace_values({parameter: value}, {}, request, seen, description=about)[parameter]


@pytest.mark.parametrize(
    ("name", "precision", "recall"),
    [("composed", 0.92, 0.95), ("composed_fresh", 0.97, 0.95), ("composed_last", 0.95, 0.92)],
)
def test_of_calls_with_a_composed_value_those_that_do_what_was_asked_are_kept(
    name: str, precision: float, recall: float
) -> None:
    found = bench_gates.measure(bench_gates.judge_composed(name))
    assert (found[0] >= precision, found[1] >= recall) == (True, True), found


def test_the_part_that_nothing_states_is_named() -> None:
    row = {"tool": "run_sql", "query": "List the orders from Oslo above 250."}
    given = {"sql": "SELECT id FROM orders WHERE city = 'Bergen' AND total > 250"}
    found = ground_trial(row["query"], composed.steps(row, given), composed.SCHEMAS["run_sql"])
    assert grounding_fault(found, given) == (
        "neither the request nor an earlier result gives `sql`: Bergen in "
        "\"SELECT id FROM orders WHERE city = 'Bergen' AND total > 250…"
    )


def test_columns_and_tables_come_from_the_request_a_result_or_the_description() -> None:
    sql, request = "SELECT total FROM orders WHERE city = 'Oslo'", "What did they spend in Oslo?"
    assert source(sql, request) == "nothing"
    assert source(sql, request, about=TABLES) == "request"
    assert source(sql, request, ('{"orders": ["id", "city", "total"]}',)) == "request"
    assert source(sql, "The total of orders, city Oslo") == "request"
    assert source("SELECT name FROM customers", "Show all suppliers.", about=TABLES) == "nothing"


@pytest.mark.parametrize(
    ("value", "request_", "expected"),
    [
        ("SELECT id FROM orders WHERE total > 250", "orders with a total over 250", "request"),
        ("SELECT id FROM orders WHERE total < 250", "orders with a total over 250", "nothing"),
        ("SELECT id FROM orders WHERE status <> 'open'", "orders whose status is not open", "request"),
        ("SELECT id FROM orders WHERE status = 'open'", "orders whose status is not open", "nothing"),
        (
            "SELECT id FROM orders WHERE ordered_on <= '2019-12-31'",
            "orders ordered no later than 2019-12-31",
            "request",
        ),
        (
            "SELECT id FROM orders WHERE ordered_on >= '2019-12-31'",
            "orders ordered no later than 2019-12-31",
            "nothing",
        ),
        ("DELETE FROM orders WHERE id = 7", "show order 7", "nothing"),
        ("DELETE FROM orders WHERE id = 7", "delete order 7", "request"),
        ("SELECT id FROM orders ORDER BY total DESC LIMIT 1", "the order with the highest total", "request"),
        ("SELECT id FROM orders ORDER BY total ASC LIMIT 1", "the order with the highest total", "nothing"),
    ],
)
def test_what_a_statement_does_must_be_asked_too(value: str, request_: str, expected: str) -> None:
    assert source(value, request_, about=TABLES) == expected


@pytest.mark.parametrize(
    ("value", "request_", "expected"),
    [
        ("2026-03-01/2026-03-31", "all of March 2026", "request"),
        ("2026-03-01/2026-03-31", "all of March 2025", "nothing"),
        ("2026-03-01/2026-03-30", "all of March 2026", "nothing"),
        ("2024-01-01/2025-01-01", "the whole year 2024", "request"),
        ("2024-05-09/2024-05-02", "from 2 May 2024 to 9 May 2024", "nothing"),
        ("before:2023-01-01 from:Ada", "mails from Ada before 2023", "request"),
        ("before:2024-01-01 from:Ada", "mails from Ada before 2023", "nothing"),
    ],
)
def test_a_month_or_a_year_states_its_own_days_and_no_others(value: str, request_: str, expected: str) -> None:
    assert source(value, request_) == expected


def test_the_edge_of_a_year_is_no_day_outside_a_composed_value() -> None:
    assert trace_values({"date": "2024-01-01"}, {}, "Which weekday was it in 2024?") == {"date": "nothing"}


@pytest.mark.parametrize(
    ("value", "request_", "expected"),
    [
        ("870 / 2", "half of 870", "request"),
        ("2 / 870", "870 divided by 2", "nothing"),
        ("312 - 48", "subtract 48 from 312", "request"),
        ("48 - 312", "subtract 48 from 312", "nothing"),
        ("17 * 25", "17 plus 25", "nothing"),
        ("log(1764)", "the square root of 1764", "nothing"),
        ("1250 * 0.85", "1,250 less 15 percent", "request"),
    ],
)
def test_a_sum_does_what_its_request_says(value: str, request_: str, expected: str) -> None:
    assert source(value, request_) == expected


def test_what_stands_in_a_document_is_not_asked_for() -> None:
    document = '{"title": "Dune", "isbn": "0441"}'
    request = f"Who is the author in {document}?"
    found = trace_values({"document": document, "path": "$.isbn"}, {}, request)
    assert found == {"document": "request", "path": "nothing"}
    found = trace_values({"document": document, "path": "$.title"}, {}, f"The title in {document}?")
    assert found == {"document": "request", "path": "request"}


def test_a_text_for_people_is_not_taken_apart() -> None:
    assert source("call Anna, Ben", "Ask Ben to call, and Anna to wait", parameter="message") == "nothing"


def test_a_list_that_is_cut_short_is_not_what_was_asked() -> None:
    def unused(tags: Any, query: str) -> tuple[str, ...]:
        step = {
            "action": "find",
            "arguments": {"tags": tags},
            "observation": {"ok": True, "kind": "ok", "text": "done"},
        }
        return ground_trial(query, [step], {}).unused

    for given in ("solar,storage", ["solar", "storage"]):
        assert unused(given, "Articles tagged solar, storage or grid.") == ("grid",)
        assert unused(given, "Articles tagged solar and storage, and tell me the newest.") == ()
    assert unused(["solar"], "Tag it with solar and grid.") == ("grid",)
    assert unused(["solar"], "Tag it with solar and archive it.") == ()


def test_a_path_into_a_document_counts_from_nothing_and_is_no_part_of_a_longer_one() -> None:
    document = '{"people": [{"zone": "UTC"}, {"zone": "CET"}, {"zone": "JST"}, {"zone": "EST"}]}'
    request = "What is the zone of the third of the people?"
    assert source("$.people[2].zone", request, (document,)) == "request"
    assert source("$.people[3].zone", request, (document,)) == "nothing"
    assert source("scripts.test", "Fetch scripts.test.slow") == "nothing"


def test_a_reworded_request_must_still_state_the_parts() -> None:
    sql = {"sql": "SELECT COUNT(*) FROM orders WHERE city = 'Oslo' AND total > 250"}
    request = "How many orders from Oslo are above 250?"
    assert ground(sql, {}, request, description=TABLES).is_whole
    assert drift_fault(request, "Count what Oslo ordered for more than 250", sql, {}, ["sql"]) is None
    assert drift_fault(request, "Count what Bergen ordered for more than 250", sql, {}, ["sql"]) is not None


@pytest.mark.parametrize(
    "value",
    [
        "[" * 900 + "]" * 900,
        '{"a":' * 500 + "1" + "}" * 500,
        "/a" * 1900,
        "a,b " * 900,
        "0001-01-01/0001-01-02",
        "from:" * 700,
        "SELECT " + "(" * 3000,
        "1+" * 1900 + "1",
        "9" * 3000 + "*2",
        "$" + "[0]" * 1200,
        "a.b" * 1200,
        "x = '" + "''" * 1500,
        "https://" + "/" * 3000,
        "*" * 3000,
        "'" * 3999,
    ],
)
def test_a_hostile_value_is_judged_in_little_time(value: str) -> None:
    start = time.process_time()
    assert source(value, "What is 3 plus 4 from Oslo, in 2024? " * 20) == "nothing"
    assert time.process_time() - start < 5.0
