"""Spans without control characters and without paths of this machine."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from ste_graph.exports.otlp.span import TraceSpan, Value
from ste_graph.report.content import make_safe


def make_safe_span(span: TraceSpan, hidden: re.Pattern[str]) -> TraceSpan:
    """The span with all its texts made safe to show; `hidden` finds the paths."""
    return replace(
        span,
        name=str(make_safe(span.name, hidden)),
        attributes=_safe(span.attributes, hidden),
        events=[replace(event, attributes=_safe(event.attributes, hidden)) for event in span.events],
        error=None if span.error is None else str(make_safe(span.error, hidden)),
    )


def _safe(attributes: Mapping[str, Value], hidden: re.Pattern[str]) -> dict[str, Value]:
    return {name: make_safe(value, hidden) for name, value in attributes.items()}
