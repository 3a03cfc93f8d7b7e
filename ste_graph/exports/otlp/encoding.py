"""Spans in OpenTelemetry's own classes, without what must not go out, and from there as OTLP/JSON."""

from __future__ import annotations

import base64
import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib.metadata import version
from typing import Any

from google.protobuf.json_format import MessageToDict  # type: ignore[import-untyped]
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.environment_variables import OTEL_SERVICE_NAME
from opentelemetry.sdk.resources import SERVICE_INSTANCE_ID, SERVICE_NAME, Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags

from ste_graph.contracts import Json
from ste_graph.exports.otlp import conventions as names
from ste_graph.exports.otlp.span import TraceSpan, Value
from ste_graph.report.content import make_safe


class SpanEncoder:
    """Brings the spans of one trace into OpenTelemetry's classes. The resource is what the environment says of it.

    They lose control characters, and the paths of this machine that `hidden` finds.
    """

    def __init__(self, trace_id: int, hidden: re.Pattern[str]) -> None:
        self._trace_id = trace_id
        self._hidden = hidden
        own = {} if os.environ.get(OTEL_SERVICE_NAME) else {SERVICE_NAME: names.SCOPE}
        self._resource = Resource.create({**own, SERVICE_INSTANCE_ID: f"{trace_id:032x}"})
        self._scope = InstrumentationScope(names.SCOPE, version("ste-graph"), names.SCHEMA_URL)

    def encode(self, span: TraceSpan) -> ReadableSpan:
        """The span, ended."""
        span = make_safe_span(span, self._hidden)
        return ReadableSpan(
            name=span.name,
            context=self._context(span.id),
            parent=None if span.parent is None else self._context(span.parent),
            resource=self._resource,
            attributes=dict(span.attributes),
            events=[Event(event.name, dict(event.attributes), event.at) for event in span.events],
            kind=SpanKind.CLIENT if span.is_client else SpanKind.INTERNAL,
            status=Status(StatusCode.UNSET) if span.error is None else Status(StatusCode.ERROR, span.error or None),
            start_time=span.start,
            end_time=span.end,
            instrumentation_scope=self._scope,
        )

    def _context(self, id: int) -> SpanContext:
        return SpanContext(self._trace_id, id, is_remote=False, trace_flags=TraceFlags(TraceFlags.SAMPLED))


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


def to_json_line(spans: Sequence[ReadableSpan]) -> str:
    """Spans as one line of OTLP/JSON, as a collector's file receiver reads it."""
    value = MessageToDict(encode_spans(spans), use_integers_for_enums=True)
    return json.dumps(_with_hex_ids(value), ensure_ascii=False, separators=(",", ":"))


def _with_hex_ids(value: Any) -> Json:
    """OTLP/JSON has the ids in hexadecimal, where protobuf's own JSON has base64."""
    if isinstance(value, dict):
        return {
            key: base64.b64decode(inner).hex() if key in ("traceId", "spanId", "parentSpanId") else _with_hex_ids(inner)
            for key, inner in value.items()
        }
    return [_with_hex_ids(inner) for inner in value] if isinstance(value, list) else value
