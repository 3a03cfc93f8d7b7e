from __future__ import annotations

from typing import Any

import pytest

from ste_graph.contracts import ReadResult
from ste_graph.memory.values.fields import FieldValue, read_fields
from ste_graph.text import singular

ORDERS = {"orders": [{"id": "A-1", "customer": {"id": 7}, "customerEmail": "a@b.example", "total": 3.5, "paid": True}]}


def fields(tool: str, data: Any = None, text: str = "", **given: str) -> list[FieldValue]:
    return read_fields(ReadResult(tool=tool, data=data, text=text, **given))


def test_a_value_bears_the_name_of_its_field_and_of_what_it_belongs_to() -> None:
    found = {field.value: (field.words, field.place) for field in fields("list_orders", ORDERS)}
    assert found == {
        "A-1": (("order", "id"), "list_orders: orders[].id"),
        7: (("customer", "id"), "list_orders: orders[].customer.id"),
        "a@b.example": (("order", "customer", "email"), "list_orders: orders[].customerEmail"),
        3.5: (("order", "total"), "list_orders: orders[].total"),
    }


def test_the_tool_names_what_a_plain_list_or_an_envelope_holds() -> None:
    for data in ([{"id": 1}], {"results": [{"id": 1}]}, {"id": 1}):
        (field,) = fields("search_library_books", data)
        assert field.words == ("library", "book", "id")


def test_json_in_a_text_is_read_and_prose_is_not() -> None:
    assert [field.value for field in fields("list_users", text='[{"name": "ann"}]')] == ["ann"]
    assert fields("list_users", text="There are 3 users: ann, bob, eve.") == []
    assert fields("list_users", {"note": "x" * 200, "text": "two\nlines", "empty": ""}) == []


def test_a_value_of_an_earlier_run_says_of_which() -> None:
    (found,) = fields("list_users", [{"id": 1}], source="run shop")
    assert found.place == "list_users: [].id (run shop)"


def test_what_was_struck_out_as_a_secret_is_no_value() -> None:
    assert [found.value for found in fields("list_users", [{"id": "***"}, {"id": "key-***"}, {"id": "a"}])] == ["a"]


def test_each_value_is_taken_once() -> None:
    assert len(fields("list_orders", [{"id": 1}, {"id": 1}, {"id": 2}])) == 2


@pytest.mark.parametrize(
    ("word", "expected"),
    [("orders", "order"), ("addresses", "address"), ("boxes", "box"), ("companies", "company"), ("status", "status"),
     ("is", "is"), ("branches", "branch"), ("address", "address")],
)  # fmt: skip
def test_singular(word: str, expected: str) -> None:
    assert singular(word) == expected
