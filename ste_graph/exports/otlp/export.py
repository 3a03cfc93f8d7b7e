"""The trace of a run, afterwards: sent to a collector, or written as OTLP/JSON."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import islice

from opentelemetry.sdk.trace import ReadableSpan

from ste_graph.errors import RunError, WorkflowError
from ste_graph.exports.otlp.collector import ANSWER_S, Collector, Endpoint
from ste_graph.exports.otlp.conventions import captures_content
from ste_graph.exports.otlp.encoding import SpanEncoder, to_json_line
from ste_graph.exports.otlp.live import BATCH
from ste_graph.exports.otlp.trace import RunTrace
from ste_graph.finished import FinishedRun
from ste_graph.report.content import hidden_paths


def read_spans(run: FinishedRun) -> Iterator[ReadableSpan]:
    """All spans of a run, those of an unfinished one closed where its files end.

    Raises `WorkflowError` if the run has no span yet, or a file is damaged.
    """
    trace, hidden = RunTrace(run.path, content=captures_content(os.environ)), hidden_paths(run.path)
    encoder: SpanEncoder | None = None
    for spans in (trace.read(), trace.close()):
        for span in spans:
            if encoder is None:
                encoder = SpanEncoder(trace.trace_id, hidden)
            yield encoder.encode(span)
    if encoder is None:
        raise WorkflowError(f"{run.path}: no step is finished yet, so there is no span to export")


def write_json(run: FinishedRun) -> tuple[str, int]:
    """The trace as lines of OTLP/JSON, and the number of its spans."""
    spans = list(read_spans(run))
    lines = [to_json_line(spans[start : start + BATCH * 8]) for start in range(0, len(spans), BATCH * 8)]
    return "\n".join(lines), len(spans)


def send(run: FinishedRun, endpoint: Endpoint) -> int:
    """Send the trace; returns the number of spans. Raises `RunError` if the collector does not take them."""
    collector, spans, count = Collector(endpoint), read_spans(run), 0
    if not collector.answers(ANSWER_S):
        raise RunError(
            f"nothing answers at {endpoint.shown}; start a collector there, or write a file: --out trace.json"
        )
    try:
        while batch := list(islice(spans, BATCH)):
            if not collector.send(batch):
                raise RunError(
                    f"the collector at {endpoint.shown} did not take the spans ({count:,} were sent before); see that "
                    "it speaks OTLP over HTTP there and that OTEL_EXPORTER_OTLP_HEADERS has what it asks for; or write "
                    "them to a file: --out trace.json"
                )
            count += len(batch)
    finally:
        collector.close()
    return count
