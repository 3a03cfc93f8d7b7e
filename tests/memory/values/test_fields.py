from __future__ import annotations

import pytest

from ste_graph.memory.values.fields import read_fields, singular

ORDERS = {"orders": [{"id": "A-1", "customer": {"id": 7}, "customerEmail": "a@b.example", "total": 3.5, "paid": True}]}


def test_a_value_bears_the_name_of_its_field_and_of_what_it_belongs_to() -> None:
    found = {field.value: (field.words, field.place) for field in read_fields("list_orders", ORDERS, "")}
    assert found == {
        "A-1": (("order", "id"), "list_orders: orders[].id"),
        7: (("customer", "id"), "list_orders: orders[].customer.id"),
        "a@b.example": (("order", "customer", "email"), "list_orders: orders[].customerEmail"),
        3.5: (("order", "total"), "list_orders: orders[].total"),
    }


def test_the_tool_names_what_a_plain_list_or_an_envelope_holds() -> None:
    for data in ([{"id": 1}], {"results": [{"id": 1}]}, {"id": 1}):
        (field,) = read_fields("search_library_books", data, "")
        assert field.words == ("library", "book", "id")


def test_json_in_a_text_is_read_and_prose_is_not() -> None:
    assert [field.value for field in read_fields("list_users", None, '[{"name": "ann"}]')] == ["ann"]
    assert read_fields("list_users", None, "There are 3 users: ann, bob, eve.") == []
    assert read_fields("list_users", {"note": "x" * 200, "text": "two\nlines", "empty": ""}, "") == []


def test_each_value_is_taken_once() -> None:
    assert len(read_fields("list_orders", [{"id": 1}, {"id": 1}, {"id": 2}], "")) == 2


@pytest.mark.parametrize(
    ("word", "expected"),
    [("orders", "order"), ("addresses", "address"), ("boxes", "box"), ("companies", "company"), ("status", "status"),
     ("is", "is"), ("branches", "branch"), ("address", "address")],
)  # fmt: skip
def test_singular(word: str, expected: str) -> None:
    assert singular(word) == expected
