"""A span as plain data, and its identity: derived from the run and the step, so that every export gives the same."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final, TypeAlias

Value: TypeAlias = str | int | float | bool | Sequence[str]
"""The value of an attribute."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class SpanEvent:
    """Something that happened at one moment of a span."""

    name: str
    at: int
    attributes: Mapping[str, Value]


@dataclass(frozen=True)
class TraceSpan:
    """One span. Times are nanoseconds since 1970."""

    id: int
    parent: int | None
    name: str
    start: int
    end: int
    attributes: Mapping[str, Value] = field(default_factory=dict)
    events: Sequence[SpanEvent] = ()
    is_client: bool = False
    """True for a request to a model's server."""
    error: str | None = None
    """The description of the error; "" says that something went wrong; None: nothing."""


def derive_trace_id(run: str) -> int:
    """The 128 bits of the trace of a run, by the run's id."""
    return _number(16, "trace", run)


def derive_span_id(run: str, part: str, *place: object) -> int:
    """The 64 bits of a span: by the run's id, the part's path within the run, and the place in it."""
    return _number(8, "span", run, part, *place)


def nanoseconds(time: str) -> int:
    """A time of a log as nanoseconds since 1970."""
    return (datetime.fromisoformat(time) - _EPOCH) // timedelta(microseconds=1) * 1000


def _number(size: int, *parts: object) -> int:
    text = "\n".join(map(str, parts))
    return int.from_bytes(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:size]) or 1
