"""The collector that spans are sent to, if any: named by a standard variable or the command line."""

from __future__ import annotations

import logging
import socket
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from ste_graph.errors import WorkflowError

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

ENDPOINT: Final = "OTEL_EXPORTER_OTLP_ENDPOINT"
TRACES_ENDPOINT: Final = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
NEEDED: Final = "spans need packages: pip install 'ste-graph[otel]'"
ANSWER_S: Final = 2.0
"""The most seconds in which a collector must be reachable."""
_PATH: Final = "v1/traces"
_LOGGERS: Final = ("opentelemetry.exporter.otlp.proto.http.trace_exporter", "opentelemetry.exporter.otlp.common.http")


@dataclass(frozen=True)
class Endpoint:
    """The address for traces, and where it was named."""

    url: str
    named_by: str

    @property
    def shown(self) -> str:
        """The address as messages have it: without what may be secret in it."""
        parts = urlsplit(self.url)
        port = f":{parts.port}" if parts.port else ""
        return f"{parts.scheme}://{parts.hostname}{port}"


def find_endpoint(environment: Mapping[str, str]) -> Endpoint | None:
    """The endpoint that the standard variables name, or None if they name none or switch traces off.

    Raises `WorkflowError` if the address is invalid, or asks for a protocol other than HTTP.
    """
    if environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return None
    if environment.get("OTEL_TRACES_EXPORTER", "otlp").strip().lower() == "none":
        return None
    if url := environment.get(TRACES_ENDPOINT, "").strip():
        found = check_endpoint(url, TRACES_ENDPOINT)
    elif url := environment.get(ENDPOINT, "").strip():
        found = check_endpoint(f"{url.rstrip('/')}/{_PATH}", ENDPOINT)
    else:
        return None
    for name in ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"):
        if environment.get(name, "").strip().lower() == "grpc":
            raise WorkflowError(f"{name}=grpc: spans are sent over HTTP alone; set it to http/protobuf")
    return found


def named_endpoint(url: str) -> Endpoint:
    """The endpoint of `--endpoint`: a base address, or the whole one that ends with `/v1/traces`."""
    bare = url.strip().rstrip("/")
    return check_endpoint(bare if bare.endswith(_PATH) else f"{bare}/{_PATH}", "--endpoint")


def check_endpoint(url: str, named_by: str) -> Endpoint:
    """The endpoint. Raises `WorkflowError` if it is not an address of a server that speaks HTTP."""
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        good = False
    if not good:
        raise WorkflowError(f"{named_by}: is not the address of a collector; expected one like http://localhost:4318")
    return Endpoint(url, named_by)


class Collector:
    """Sends spans to an endpoint. Raises `WorkflowError` where the extra `otel` is not installed.

    Headers, certificates, compression and the time limit are those of OpenTelemetry's standard variables.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        try:
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
            from opentelemetry.sdk.trace.export import SpanExportResult
        except ImportError:
            raise WorkflowError(NEEDED) from None
        for name in _LOGGERS:  # what it says of failures is said once, by whoever sends
            logging.getLogger(name).setLevel(logging.CRITICAL)
        self._endpoint = endpoint
        self._exporter = OTLPSpanExporter(endpoint=endpoint.url)
        self._success = SpanExportResult.SUCCESS

    def answers(self, timeout_s: float) -> bool:
        """True if something listens at the address."""
        parts = urlsplit(self._endpoint.url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        try:
            with socket.create_connection((parts.hostname, port), timeout=timeout_s):
                return True
        except (OSError, UnicodeError):
            return False

    def send(self, spans: Sequence[ReadableSpan]) -> bool:
        """Send spans; False if they were not taken, after the exporter's own attempts."""
        try:
            return self._exporter.export(spans) is self._success
        except Exception:  # whatever the transport or its certificates bring up: a trace is no reason to fail
            return False

    def close(self) -> None:
        """Stop attempts that are under way."""
        with suppress(Exception):
            self._exporter.shutdown()  # type: ignore[no-untyped-call]
