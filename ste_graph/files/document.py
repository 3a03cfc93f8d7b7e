"""JSON files that others wrote, read so that a fault is named and nothing is lost on the way."""

from __future__ import annotations

import json
from pathlib import Path

from ste_graph.contracts import Json
from ste_graph.errors import WorkflowError
from ste_graph.files.regular import read_regular_text


def read_values(path: Path) -> list[tuple[int, Json]]:
    """The JSON values of a file, one a line, each with its line number; empty lines are passed over.

    Raises `WorkflowError` where the file cannot be read, and for a line that is not JSON, naming it.
    """
    lines = enumerate(read_text(path).split("\n"), start=1)
    return [(number, parse_json(line, f"{path}:{number}")) for number, line in lines if line.strip()]


def read_json(path: Path) -> Json:
    """The value of a JSON file. Raises `WorkflowError`."""
    text = read_text(path)
    if not text.strip():
        raise WorkflowError(f"{path}: the file is empty; expected JSON")
    return parse_json(text, str(path))


def read_text(path: Path) -> str:
    """The text of a file. Raises `WorkflowError`."""
    try:
        return read_regular_text(path)
    except FileNotFoundError as error:
        raise WorkflowError(f"{path}: file not found") from error
    except OSError as error:
        raise WorkflowError(f"{path}: cannot be read ({(error.strerror or str(error)).lower()})") from error
    except UnicodeDecodeError as error:
        raise WorkflowError(f"{path}: is not UTF-8 text (byte {error.start})") from error


def parse_json(text: str, where: str) -> Json:
    """The value of a JSON text. Raises `WorkflowError` that begins with `where`, for a duplicate key too."""
    try:
        return json.loads(text, object_pairs_hook=_unique)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno} column {error.colno}"
        raise WorkflowError(f"{where}: not JSON: {error.msg.removesuffix(' at')} at {place}") from error
    except RecursionError as error:
        raise WorkflowError(f"{where}: the JSON is nested too deeply") from error
    except ValueError as error:
        raise WorkflowError(f"{where}: not JSON to rely on: {error}") from error


def _unique(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    value = dict(pairs)
    if len(value) < len(pairs):
        key = next(key for number, (key, _) in enumerate(pairs) if key in dict(pairs[:number]))
        raise ValueError(f"duplicate key {json.dumps(key, ensure_ascii=False)} in one object")
    return value
