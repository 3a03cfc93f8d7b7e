"""Requests in free wordings for tools that the rules were not written on, each with right and wrong calls."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

TEXT: dict[str, Any] = {"type": "string"}
WHOLE: dict[str, Any] = {"type": "integer"}
NUMBER: dict[str, Any] = {"type": "number"}
DAY: dict[str, Any] = {"type": "string", "format": "date"}
SWITCH: dict[str, Any] = {"type": "boolean", "default": False}


def _schema(required: str, **properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": required.split(), "additionalProperties": False}


SCHEMAS: dict[str, dict[str, Any]] = {
    "find_flights": _schema(
        "origin destination date", origin=TEXT, destination=TEXT, date=DAY, return_date=DAY,
        passengers={**WHOLE, "minimum": 1, "default": 1, "description": "How many travellers."},
        cabin={"enum": ["economy", "business", "first"], "default": "economy"}, nonstop=SWITCH,
    ),
    "transfer": _schema(
        "amount source_account target_account", amount=NUMBER, source_account=TEXT, target_account=TEXT,
        currency={"enum": ["EUR", "USD", "GBP"], "default": "EUR"}, note=TEXT,
    ),
    "list_orders": _schema(
        "", status={"enum": ["open", "shipped", "returned"]}, customer=TEXT, since=DAY, until=DAY,
        min_total={**NUMBER, "description": "In euros."}, max_total={**NUMBER, "description": "In euros."},
        limit={**WHOLE, "default": 20, "maximum": 100}, include_archived=SWITCH,
    ),
    "get_order": _schema("order_id", order_id=TEXT),
    "resize": _schema(
        "file width height", file=TEXT, width={**WHOLE, "minimum": 1}, height={**WHOLE, "minimum": 1},
        keep_ratio={"type": "boolean", "default": True}, format={"enum": ["png", "jpeg", "webp"], "default": "png"},
    ),
    "set_alarm": _schema(
        "time", time=TEXT, label=TEXT, repeat={"type": "array", "items": {"enum": ["mon", "tue", "wed"]}}
    ),
    "translate": _schema(
        "text target", text=TEXT, source={**TEXT, "default": "auto"},
        target={"enum": ["en", "fr", "es"], "description": "en for English, fr for French, es for Spanish."},
    ),
    "loan": _schema(
        "principal rate years", principal=NUMBER, rate={**NUMBER, "description": "Percent a year."},
        years={**WHOLE, "description": "Number of years."},
    ),
}  # fmt: skip

ROWS = [json.loads(line) for line in Path(__file__).with_suffix(".jsonl").read_text("utf-8").splitlines()]
"""Per request the tool, the right arguments, and the changes that make them wrong (null leaves an argument out)."""

Case = tuple[str, str, dict[str, Any]]


def right() -> list[Case]:
    """The right calls: tool, request, arguments."""
    return [(row["tool"], row["query"], row["arguments"]) for row in ROWS]


def wrong() -> list[Case]:
    """The wrong calls."""
    return [
        (row["tool"], row["query"], {k: v for k, v in (row["arguments"] | change).items() if v is not None})
        for row in ROWS
        for change in row["wrong"]
    ]
