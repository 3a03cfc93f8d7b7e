"""A collector for tests: it takes OTLP over HTTP, decodes it with OpenTelemetry's own messages, and keeps it all."""

import gzip
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


@dataclass(frozen=True)
class Taken:
    """A span as it came."""

    trace: str
    id: str
    parent: str | None
    name: str
    kind: int
    start: int
    end: int
    attributes: dict[str, Any]
    events: tuple[str, ...]
    error: bool


@dataclass
class Receiver:
    url: str
    spans: list[Taken] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    resources: list[dict[str, Any]] = field(default_factory=list)

    @property
    def by_id(self) -> dict[str, Taken]:
        return {span.id: span for span in self.spans}

    def wait_for(self, condition: Callable[["Receiver"], bool], seconds: float = 20) -> None:
        until = time.monotonic() + seconds
        while not condition(self):
            assert time.monotonic() < until, f"{len(self.spans)} spans came"
            time.sleep(0.01)

    def take(self, body: bytes) -> None:
        request = ExportTraceServiceRequest()
        request.ParseFromString(body)
        self.bodies.append(body)
        for resource in request.resource_spans:
            self.resources.append({entry.key: _value(entry.value) for entry in resource.resource.attributes})
            for scope in resource.scope_spans:
                assert scope.schema_url == "https://opentelemetry.io/schemas/1.41.0"
                for span in scope.spans:
                    self.spans.append(
                        Taken(
                            span.trace_id.hex(),
                            span.span_id.hex(),
                            span.parent_span_id.hex() or None,
                            span.name,
                            span.kind,
                            span.start_time_unix_nano,
                            span.end_time_unix_nano,
                            {entry.key: _value(entry.value) for entry in span.attributes},
                            tuple(event.name for event in span.events),
                            span.status.code == 2,
                        )
                    )


def _value(value: Any) -> Any:
    kind = value.WhichOneof("value")
    return [_value(each) for each in value.array_value.values] if kind == "array_value" else getattr(value, kind)


@contextmanager
def receive() -> Iterator[Receiver]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            assert self.path == "/v1/traces"
            assert self.headers["Content-Type"] == "application/x-protobuf"
            receiver.headers.append(dict(self.headers))
            receiver.take(body)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *arguments: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver = Receiver(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def read_json(text: str) -> list[dict[str, Any]]:
    """The spans in lines of OTLP/JSON."""
    lines = [json.loads(line) for line in text.splitlines()]
    return [
        span for line in lines for resource in line["resourceSpans"] for scope in resource["scopeSpans"]
        for span in scope["spans"]
    ]  # fmt: skip
