"""A small order service in memory: 200 orders of 40 customers, and 25 products. Its ids cannot be guessed."""

from __future__ import annotations

from functools import cache
from random import Random
from typing import Annotated, Any, Literal

from pydantic import Field

import ste_graph as ste

Status = Literal["open", "packed", "shipped", "returned"]

_FIRST = ("Ada", "Bela", "Chidi", "Dana", "Emre", "Fatou", "Greta", "Hugo")
_LAST = ("Arnold", "Boateng", "Castro", "Demir", "Eriksen")
_GOODS = ("lamp", "kettle", "chair", "rug", "clock")
_COLOURS = ("white", "green", "black", "amber", "grey")


@cache
def _shop() -> dict[str, dict[Any, dict[str, Any]]]:
    """Customers by number, products by SKU, orders by id; the same in every process."""
    random = Random(20261128)
    names = [f"{first} {last}" for last in _LAST for first in _FIRST]
    customers = {
        number: {"customer_id": number, "name": name, "city": random.choice(("Ulm", "Oslo", "Porto", "Gent"))}
        for number, name in zip(random.sample(range(10_000, 99_999), len(names)), names, strict=True)
    }
    products: dict[Any, dict[str, Any]] = {}
    for good in _GOODS:
        for colour in _COLOURS:
            sku = f"{good[:2].upper()}-{random.randint(100, 999)}-{colour[:2].upper()}"
            products[sku] = {"sku": sku, "name": f"{colour} {good}", "price": random.randint(900, 19_900) / 100}
    orders: dict[Any, dict[str, Any]] = {}
    while len(orders) < 200:
        id = f"{random.choice('KMRT')}{random.randint(0, 0xFFFFF):05x}"
        skus = random.sample(list(products), random.randint(1, 3))
        orders[id] = {
            "id": id,
            "customer_id": random.choice(list(customers)),
            "status": random.choice(("open", "packed", "shipped", "shipped", "returned")),
            "items": [{"sku": sku, "quantity": random.randint(1, 4)} for sku in skus],
        }
    return {"customers": customers, "products": products, "orders": orders}


@ste.tool(effect="read")
def list_orders(status: Status | None = None, limit: Annotated[int, Field(ge=1, le=50)] = 10) -> dict[str, Any]:
    """List the latest orders, with their ids, customers and states.

    Args:
        status: Only orders in this state.
        limit: How many orders at most.
    """
    found = [order for order in _shop()["orders"].values() if status in (None, order["status"])]
    return {"orders": [_summary(order) for order in found[:limit]], "total": len(found)}


@ste.tool(effect="read")
def search_products(words: str) -> dict[str, Any]:
    """Find products by words of their names.

    Args:
        words: One or more words, such as a colour or a kind of thing.
    """
    asked = words.lower().split()
    found = [product for product in _shop()["products"].values() if all(word in product["name"] for word in asked)]
    if not found:
        raise ValueError(f"no product is named `{words}`; there are {', '.join(_GOODS)} in {', '.join(_COLOURS)}")
    return {"products": found}


@ste.tool(effect="read")
def get_order(order_id: str) -> dict[str, Any]:
    """Show one order with all its items.

    Args:
        order_id: The id of the order.
    """
    return _find("orders", order_id, "order")


@ste.tool(effect="read")
def get_customer(customer_id: int) -> dict[str, Any]:
    """Show a customer's name and city.

    Args:
        customer_id: The number of the customer.
    """
    return _find("customers", customer_id, "customer")


@ste.tool(effect="read")
def get_price(sku: str, quantity: Annotated[int, Field(ge=1, le=100)] = 1) -> dict[str, Any]:
    """Work out the price of some pieces of a product.

    Args:
        sku: The product's stock number.
        quantity: How many pieces.
    """
    product = _find("products", sku, "product")
    return {**product, "quantity": quantity, "total": round(product["price"] * quantity, 2)}


def _summary(order: dict[str, Any]) -> dict[str, Any]:
    return {"id": order["id"], "customer_id": order["customer_id"], "status": order["status"]}


def _find(table: str, key: Any, what: str) -> dict[str, Any]:
    try:
        return _shop()[table][key]
    except KeyError:
        raise ValueError(f"there is no {what} `{key}`") from None
