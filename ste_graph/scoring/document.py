"""JSON files of others, opened so that a fault is named and nothing is lost on the way."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from ste_graph.contracts import Json
from ste_graph.errors import WorkflowError

SHOWN = 20
"""Faults that an error lists; the rest is counted."""


def read_json(path: Path) -> Json:
    """The value in a JSON file. Raises `WorkflowError`, for a key that stands twice in an object too."""
    text = _text(path)
    if not text.strip():
        raise WorkflowError(f"{path}: the file is empty; expected JSON")
    return parsed(text, str(path))


def read_lines(path: Path) -> list[tuple[int, Json]]:
    """The values of a file with one JSON value a line, each with its line number. Raises `WorkflowError`."""
    lines = [(number, line) for number, line in enumerate(_text(path).split("\n"), 1) if line.strip()]
    values = [(number, parsed(line, f"{path}:{number}")) for number, line in lines]
    if not values:
        raise WorkflowError(f"{path}: the file is empty; expected one JSON object a line")
    return values


def parsed(text: str, where: str) -> Json:
    """The JSON value of a text. Raises `WorkflowError` that begins with `where`."""
    try:
        return json.loads(text, object_pairs_hook=_unique)
    except json.JSONDecodeError as fault:
        place = f"line {fault.lineno} column {fault.colno}"
        raise WorkflowError(f"{where}: not JSON: {fault.msg.removesuffix(' at')} at {place}") from fault
    except RecursionError as fault:
        raise WorkflowError(f"{where}: the JSON is nested too deeply") from fault
    except ValueError as fault:
        raise WorkflowError(f"{where}: not JSON to rely on: {fault}") from fault


def refused(where: object, faults: Sequence[str], remedy: str) -> WorkflowError:
    """The error that lists faults of a file, one a line."""
    lines = [f"{where}: {len(faults)} problem{'' if len(faults) == 1 else 's'}; {remedy}"]
    lines += [f"  {fault}" for fault in faults[:SHOWN]]
    if len(faults) > SHOWN:
        lines.append(f"  and {len(faults) - SHOWN} more")
    return WorkflowError("\n".join(lines))


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except FileNotFoundError as fault:
        raise WorkflowError(f"{path}: there is no such file") from fault
    except OSError as fault:
        raise WorkflowError(f"{path}: cannot be read ({fault.strerror})") from fault
    except UnicodeDecodeError as fault:
        raise WorkflowError(f"{path}: is not UTF-8 text (byte {fault.start})") from fault


def _unique(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    value = dict(pairs)
    if len(value) < len(pairs):
        twice = next(key for number, (key, _) in enumerate(pairs) if key in dict(pairs[:number]))
        raise ValueError(f"the key {json.dumps(twice, ensure_ascii=False)} stands twice in one object")
    return value
