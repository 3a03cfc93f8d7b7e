"""Requests whose calls take a composed value: a query, a path, JSON text, an address, a list, a span, a sum."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from wordings import TEXT, WHOLE, _schema

TABLES = "orders(id, customer, city, total, ordered_on, status), products(id, name, price, category, stock), employees(id, name, salary, department, hired_on)"  # fmt: skip  # noqa: E501

SCHEMAS: dict[str, dict[str, Any]] = {
    "run_sql": _schema("sql", sql={**TEXT, "description": f"A SELECT over {TABLES}."}),
    "query": _schema("database statement", database=TEXT, statement={**TEXT, "description": "SQL, read-only."}),
    "read_json": _schema("path", path={**TEXT, "description": "A JSONPath or a dotted path into the document."}),
    "update_record": _schema("id changes", id=TEXT, changes={**TEXT, "description": "The changes, as JSON text."}),
    "fetch": _schema("url", url={**TEXT, "format": "uri"}),
    "list_articles": _schema(
        "", tags={**TEXT, "description": "Comma-separated."}, fields={**TEXT, "description": "Comma-separated."},
        limit={**WHOLE, "default": 20},
    ),
    "usage": _schema("period", period={**TEXT, "description": "Start/end, as ISO 8601 says."}, meter=TEXT),
    "search_mail": _schema("q", q={**TEXT, "description": "As in the search box: from:, to:, subject:, after:, …"}),
    "list_issues": _schema(
        "", filter={**TEXT, "description": "Such as `state eq 'open' and points gt 3`."},
        sort={**TEXT, "description": "field:direction"},
    ),
    "calculate": _schema("expression", expression={**TEXT, "description": "An arithmetic expression."}),
    "weather_at": _schema("at", at={**TEXT, "description": "latitude,longitude"}),
    "filter_rows": _schema(
        "sheet where", sheet=TEXT, where={**TEXT, "description": "A condition over the sheet's columns."},
        order_by={**TEXT, "description": "A column, with asc or desc."},
    ),
    "open_link": _schema("link", link={**TEXT, "description": "A full address."}),
    "evaluate": _schema("formula", formula=TEXT),
    "patch": _schema("target body", target=TEXT, body={**TEXT, "description": "A JSON object of what to change."}),
    "search_code": _schema("query", query={**TEXT, "description": "Words, repo:, language:, path:, size:>n"}),
    "bookings": _schema(
        "range", range={**TEXT, "description": "from..to"}, rooms={**TEXT, "description": "Names, comma-separated"}
    ),
    "find_files": _schema("pattern", pattern={**TEXT, "description": "A path, with * for any name."}),
}  # fmt: skip


def read(name: str) -> list[dict[str, Any]]:
    """The rows of a set: a request, the right arguments, those that are wrong, and what was `seen` before."""
    file = Path(__file__).with_name(f"{name}.jsonl")
    return [json.loads(line) for line in file.read_text("utf-8").splitlines()]


def cases(name: str) -> list[tuple[bool, dict[str, Any], dict[str, Any]]]:
    """The cases of a set: good or not, the row, the arguments."""
    return [
        (good, row, arguments)
        for row in read(name)
        for good, group in ((True, [row["arguments"]]), (False, [row["arguments"] | change for change in row["wrong"]]))
        for arguments in group
    ]


def steps(row: dict[str, Any], arguments: dict[str, Any]) -> list[dict[str, Any]]:
    """The steps of a trial: what was seen before, and the call."""

    def step(action: str, given: dict[str, Any], text: str) -> dict[str, Any]:
        seen = {"ok": True, "kind": "ok", "text": text}
        return {"thought": None, "action": action, "arguments": given, "observation": seen}

    earlier = [step("describe", {}, text) for text in row.get("seen", [])]
    return [*earlier, step(row["tool"], arguments, "done")]
