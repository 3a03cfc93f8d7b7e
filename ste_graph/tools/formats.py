"""The formats of JSON Schema (`date`, `uuid`, …) that arguments are checked by."""

from __future__ import annotations

import datetime as dt

from jsonschema import FormatChecker

from ste_graph.tools.patterns import PatternError, Stopwatch

FORMATS = FormatChecker()


@FORMATS.checks("date-time", raises=ValueError)
def _is_datetime(value: object) -> bool:
    return not isinstance(value, str) or (
        len(value) > len("2024-02-28") and dt.datetime.fromisoformat(value) is not None
    )


@FORMATS.checks("time", raises=ValueError)
def _is_time(value: object) -> bool:
    return not isinstance(value, str) or dt.time.fromisoformat(value) is not None


@FORMATS.checks("regex", raises=PatternError)
def _is_pattern(value: object) -> bool:
    if isinstance(value, str):
        Stopwatch(1.0).is_match(value, "")
    return True
