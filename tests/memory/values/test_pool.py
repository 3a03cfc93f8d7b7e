from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ste_graph.contracts import Json, ReadResult
from ste_graph.errors import RunError
from ste_graph.memory.values.settings import KnownValues

ORDERS = {"orders": [{"id": f"A-{n}", "customer_id": n, "email": f"u{n}@x.example"} for n in range(9)]}


def tool(name: str, required: list[str], **properties: Any) -> dict[str, Json]:
    return {"name": name, "description": "", "parameters": {"properties": properties, "required": required}}


def draw(
    target: dict[str, Json], folder: Path, *results: ReadResult, k: int = 3, **settings: Any
) -> dict[str, set[Json]]:
    pool = KnownValues(**settings).open("values", folder)
    pool.begin_wave(1, results)
    return {name: {value.value for value in values} for name, values in pool.draw(target, k, seed=1).items()}


LIST = ReadResult(tool="list_orders", data=ORDERS, text="")


@pytest.mark.parametrize("name", ["id", "order_id", "orderId", "ORDER-ID"])
def test_an_id_is_found_whatever_case_the_parameter_is_written_in(name: str, tmp_path: Path) -> None:
    found = draw(tool("get_order", [name], **{name: {"type": "string"}}), tmp_path, LIST)
    assert len(found[name]) == 3
    assert found[name] <= {f"A-{n}" for n in range(9)}


def test_ids_of_other_things_and_of_other_types_are_not_drawn(tmp_path: Path) -> None:
    customer = tool("get_customer", ["customer_id"], customer_id={"type": "integer"})
    assert draw(customer, tmp_path, LIST)["customer_id"] <= set(range(9))
    assert draw(tool("get_user", ["id"], id={"type": "string"}), tmp_path, LIST) == {}
    assert draw(tool("get_order", ["order_id"], order_id={"type": "string", "pattern": "^B"}), tmp_path, LIST) == {}


def test_a_description_says_what_an_id_is_of(tmp_path: Path) -> None:
    cancel = tool("cancel", ["id"], id={"type": "string", "description": "The order to cancel."})
    assert draw(cancel, tmp_path, LIST)["id"] <= {f"A-{n}" for n in range(9)}


CUSTOMERS = ReadResult(tool="list_customers", data=[{"id": "C-1"}, {"id": "C-2"}], text="")


@pytest.mark.parametrize(
    ("about", "known", "why"),
    [
        ("Give the day on which an order is shipped.", "A", None),
        ("Tell how long an order of a customer is open.", None,
         "it may be that of customer or order, which its description mentions"),
        ("Give the day on which a bill is due.", None,
         "known are those of customer, order, and nothing says that it is one"),
    ],
)  # fmt: skip
def test_an_id_of_a_tool_that_is_named_for_what_it_does_is_that_of_the_one_thing_it_speaks_of(
    tmp_path: Path, about: str, known: str | None, why: str | None
) -> None:
    ship_date = {**tool("ship_date", ["id"], id={"type": "string"}), "description": about}
    pool = KnownValues().open("values", tmp_path)
    pool.begin_wave(1, [LIST, CUSTOMERS])
    drawn = {str(value.value)[0] for value in pool.draw(ship_date, 20, seed=1).get("id", [])}
    assert drawn == ({known} if known else set())
    assert pool.explain_missing(ship_date) == ({"id": why} if why else {})


def test_an_id_that_no_answer_has_is_said_to_be_missing(tmp_path: Path) -> None:
    pool = KnownValues().open("values", tmp_path)
    pool.begin_wave(1, [])
    order = tool("get_order", ["id"], id={"type": "string"})
    assert pool.explain_missing(order) == {"id": "no answer of a tool has one"}
    assert pool.explain_missing(tool("to_roman", ["number"], number={"type": "integer"})) == {}


def test_what_anybody_can_make_up_is_left_to_the_model(tmp_path: Path) -> None:
    free = tool("to_roman", ["number"], number={"examples": [1994]}, total={}, status_code={"enum": [1, 2]})
    known = ReadResult(tool="get_order", data={"total": 3, "status_code": 1, "number": 7}, text="")
    assert draw(free, tmp_path, known) == {}


def test_given_values_come_first_and_examples_last(tmp_path: Path) -> None:
    order = tool("get_order", ["id"], id={"type": "string", "examples": ["E-1"]})
    assert draw(order, tmp_path / "a", LIST, given={"get_order.id": ["G-1"]}) == {"id": {"G-1"}}
    assert draw(order, tmp_path / "b") == {"id": {"E-1"}}


def test_a_wave_keeps_what_it_began_with(tmp_path: Path) -> None:
    order = tool("get_order", ["id"], id={"type": "string"})
    assert draw(order, tmp_path) == {}
    assert draw(order, tmp_path, LIST) == {}, "the wave began before there were any"


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "wave-1.json").write_text("[{")
    with pytest.raises(RunError, match=r"wave-1\.json: is damaged; delete it"):
        draw(tool("get_order", []), tmp_path)


def test_the_same_seed_draws_the_same(tmp_path: Path) -> None:
    pool = KnownValues().open("values", tmp_path)
    pool.begin_wave(1, [LIST])
    order = tool("get_order", ["id"], id={"type": "string"})
    drawn = [[value.value for value in pool.draw(order, 4, seed=seed)["id"]] for seed in (1, 1, 2)]
    assert drawn[0] == drawn[1] != drawn[2]
    assert pool.draw(order, 1, seed=1)["id"][0].origin == "list_orders: orders[].id"


@pytest.mark.parametrize(
    ("target", "given", "ready"),
    [
        (tool("list_orders", [], status={"type": "string"}), {}, True),
        (tool("get_order", ["order_id"], order_id={"type": "string"}), {}, False),
        (tool("get_order", ["order_id"], order_id={"type": "string", "examples": ["A-1"]}), {}, True),
        (tool("get_order", ["order_id"], order_id={"type": "string"}), {"order_id": ["A-1"]}, True),
        (tool("get_order", ["order_id"], order_id={"type": "string"}), {"get_order.order_id": ["A-1"]}, True),
        (tool("get_order", ["order_id"], order_id={"type": "string"}), {"find.order_id": ["A-1"]}, False),
        (tool("list_orders", [], customer_id={"type": "string"}), {}, True),
        (tool("convert", ["currency_code"], currency_code={"enum": ["EUR"]}), {}, True),
        (tool("whois", ["who"], who={"type": "string", "format": "email"}), {}, False),
    ],
)
def test_a_tool_waits_while_nothing_is_known_that_it_needs(
    target: Any, given: Any, ready: bool, tmp_path: Path
) -> None:
    pool = KnownValues(given=given).open("values", tmp_path)
    pool.begin_wave(0, [])
    assert pool.waiting_rank(target) == (0 if ready else 2)


def test_a_tool_is_ready_once_another_gave_what_it_needs(tmp_path: Path) -> None:
    pool = KnownValues().open("values", tmp_path)
    pool.begin_wave(1, [LIST])
    assert pool.waiting_rank(tool("get_order", ["order_id"], order_id={"type": "string"})) == 0
    assert pool.waiting_rank(tool("get_price", ["sku"], sku={"type": "string"})) == 2


PRODUCTS = {
    "products": [{"sku": "LA-1", "name": "amber lamp", "note": "for the desk"}, {"sku": "RU-2", "name": "Grey Rug"}]
}
PEOPLE = {"customers": [{"name": "Ada Arnold"}]}
SEARCH = tool("search_products", ["words"], words={"type": "string"})


def test_words_to_search_for_are_those_of_texts_of_what_is_searched_for(tmp_path: Path) -> None:
    results = [
        ReadResult(tool="list_products", data=PRODUCTS, text=""),
        ReadResult(tool="list_customers", data=PEOPLE, text=""),
    ]
    assert draw(SEARCH, tmp_path, *results, k=9) == {"words": {"amber", "lamp", "desk", "Grey", "Rug"}}


def test_else_they_are_those_of_tools_whose_descriptions_speak_of_it(tmp_path: Path) -> None:
    price = {"sku": "LA-1", "name": "amber lamp", "price": 3}
    results = [
        ReadResult(tool="get_price", description="Work out the price of a product.", data=price, text=""),
        ReadResult(tool="get_customer", description="Show the name of a customer.", data={"name": "Ada"}, text=""),
    ]
    assert draw(SEARCH, tmp_path / "a", *results, k=9) == {"words": {"amber", "lamp"}}
    assert draw(SEARCH, tmp_path / "b", *results[1:], k=9) == {}


@pytest.mark.parametrize(
    ("name", "found"),
    [("q", True), ("query", True), ("searchTerm", True), ("keywords", True), ("text", True), ("limit", False)],
)
def test_the_name_of_a_parameter_says_whether_it_takes_any_word(name: str, found: bool, tmp_path: Path) -> None:
    listed = ReadResult(tool="list_products", data=PRODUCTS, text="")
    assert bool(draw(tool("find_product", [name], **{name: {"type": "string"}}), tmp_path, listed)) is found


def test_a_search_in_one_field_is_given_whole_values_of_it(tmp_path: Path) -> None:
    books = ReadResult(tool="list_books", data=[{"author": "Ada Arnold", "title": "Rugs of Ulm"}], text="")
    search = tool("search_books", [], author={"type": "string"}, title={"type": "string"}, year={"type": "integer"})
    assert draw(search, tmp_path, books) == {"author": {"Ada Arnold"}, "title": {"Rugs of Ulm"}}
    assert draw(tool("add_book", ["title"], title={"type": "string"}), tmp_path, books) == {}, "it searches for nothing"


@pytest.mark.parametrize(
    ("target", "rank"),
    [
        (SEARCH, 1),
        (tool("search_products", [], words={"type": "string"}), 0),
        (tool("search_products", ["words"], words={"type": "string", "examples": ["sofa"]}), 0),
        (tool("search_products", ["words", "shop_id"], words={"type": "string"}, shop_id={"type": "string"}), 2),
        (tool("search", ["query"], query={"type": "string"}), 0),
        (tool("convert_text", ["text"], text={"type": "string"}), 0),
        (tool("search_products", ["query"], query={"type": "string", "enum": ["a"]}), 0),
    ],
)
def test_a_search_waits_for_words_but_less_long_than_a_tool_that_needs_an_id(
    target: Any, rank: int, tmp_path: Path
) -> None:
    pool = KnownValues().open("values", tmp_path)
    pool.begin_wave(0, [])
    assert pool.waiting_rank(target) == rank
