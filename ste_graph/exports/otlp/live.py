"""Spans while a run goes on: a thread that reads the run's files, as any other program could.

The run itself knows nothing of it. Where a collector is slow or dead, what is not sent stays in the files: no memory
grows, no step waits. How far a collector has a run is kept in `spans.json` in the run's folder, so that a run that was
killed and taken up again sends what is missing, under the same ids.
"""

from __future__ import annotations

import json
import os
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ste_graph.errors import SteError, WorkflowError
from ste_graph.exports.otlp.collector import ANSWER_S, Collector, Endpoint, find_endpoint
from ste_graph.exports.otlp.conventions import CAPTURE, captures_content
from ste_graph.files.atomic import TEMPORARY
from ste_graph.files.jsonl import LineFile
from ste_graph.files.regular import read_regular_text
from ste_graph.ids import derive_id
from ste_graph.run.folder import EVENTS_FILE
from ste_graph.run.logs.events import STOPPED

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

    from ste_graph.exports.otlp.span import TraceSpan
    from ste_graph.exports.otlp.trace import Positions, RunTrace

SENT_FILE: Final = "spans.json"
BATCH: Final = 512
"""The most spans of a request, as in OpenTelemetry's SDKs."""
_DELAY: Final = "OTEL_BSP_SCHEDULE_DELAY"
"""The standard variable for the milliseconds between two looks at what is new."""
_POLL_S: Final = 1.0
_LONGEST_WAIT_S: Final = 60.0
"""The most seconds between two attempts at a collector that does not answer."""
_LAST_S: Final = 5.0
"""The most seconds that the end of a run waits for the last spans, at a collector that has taken some."""
_UNKNOWN_S: Final = 0.5
"""The same where nobody knows yet whether it answers."""


@contextmanager
def observe(folder: Path, message: Callable[[str], None]) -> Iterator[list[str]]:
    """Send the spans of the run in a folder while this context lasts, if a standard variable names a collector.

    Says so in a `message`. The list holds, at the end, what a person should know. Never raises, and ends at once where
    the collector does not answer.
    """
    remarks: list[str] = []
    try:
        endpoint = find_endpoint(os.environ)
        collector = None if endpoint is None else Collector(endpoint)
    except WorkflowError as error:
        message(f"no spans are sent: {error}")
        yield remarks
        return
    if endpoint is None or collector is None:
        yield remarks
        return
    content = captures_content(os.environ)
    what = f"with message content, as {CAPTURE} asks" if content else "without message content"
    message(f"spans go to {endpoint.shown}, which {endpoint.named_by} names, {what}")
    follower = Follower(folder, endpoint, collector, content=content)
    follower.start()
    try:
        yield remarks
    finally:
        remarks += follower.finish()


class Follower:
    """Follows a run's files in a thread, and sends what is new."""

    def __init__(self, folder: Path, endpoint: Endpoint, collector: Collector, *, content: bool) -> None:
        self._folder = folder.resolve()
        self._endpoint = endpoint
        self._collector = collector
        self._content = content
        self._at_end = threading.Event()
        self._answers: bool | None = None
        """True if the collector took the last spans sent to it; None while nobody knows."""
        self._poll_s = _read_delay(os.environ.get(_DELAY, ""))
        self._complete = False
        self._problem: str | None = None
        self._thread = threading.Thread(target=self._follow, name="spans", daemon=True)

    def start(self) -> None:
        """Begin to follow."""
        self._thread.start()

    def finish(self) -> list[str]:
        """Send what is left, if the collector takes it in time; return what a person should know."""
        self._at_end.set()
        self._thread.join({True: _LAST_S, None: _UNKNOWN_S, False: 0.0}[self._answers])
        self._collector.close()
        if self._problem is not None:
            return [f"spans: {self._problem}"]
        if not self._complete:
            return [
                f"not all spans were sent to {self._endpoint.shown}, which does not answer or is slow; the run's files "
                "have them: ste export RUN --form otlp"
            ]
        return []

    def _follow(self) -> None:
        from ste_graph.exports.otlp.trace import RunTrace

        try:
            self._answers = None if self._collector.answers(ANSWER_S) else False
            trace = RunTrace(self._folder, content=self._content, sent=self._read_sent())
            while not self._complete:
                ending = self._at_end.is_set()
                if not self._send_all(trace, ending):
                    return
                if ending:
                    self._complete = True
                    return
                self._at_end.wait(self._poll_s)
        except SteError as error:
            self._problem = str(error)
        except Exception as error:  # a fault of ours must not show as one of the run
            self._problem = f"{type(error).__name__}: {error}"

    def _send_all(self, trace: RunTrace, ending: bool) -> bool:
        """Send all that is new; False if the run ended while the collector did not answer."""
        from ste_graph.exports.otlp.encoding import SpanEncoder
        from ste_graph.report.content import hidden_paths

        spans = chain(trace.read(), self._last_spans(trace) if ending else ())
        hidden, any_sent = hidden_paths(self._folder), False
        while batch := list(islice(spans, BATCH)):
            encoder = SpanEncoder(trace.trace_id, hidden)
            if not self._send([encoder.encode(span) for span in batch]):
                return False
            any_sent = True
            self._keep_sent(trace.positions)
        if any_sent:
            self._keep_sent(trace.positions)
        return True

    def _last_spans(self, trace: RunTrace) -> Iterator[TraceSpan]:
        """Those of units that failed, and of the run, where it came to rest by itself; not where it was stopped."""
        last = deque(LineFile(self._folder / EVENTS_FILE).lines(), maxlen=1)
        if last and last[0].get("event") == STOPPED and last[0].get("by") is None:
            yield from trace.close()

    def _send(self, batch: list[ReadableSpan]) -> bool:
        """Send a batch, again and again; False if the run ends while the collector does not take it."""
        wait = self._poll_s
        while True:
            self._answers = self._collector.send(batch)
            if self._answers:
                return True
            if self._at_end.wait(wait):
                return False
            wait = min(2 * wait, _LONGEST_WAIT_S)

    def _read_sent(self) -> Positions:
        with suppress(OSError, ValueError, AttributeError):
            known = json.loads(read_regular_text(self._folder / SENT_FILE)).get(self._key, {})
            return {str(name): int(at) for name, at in known.items()}
        return {}

    def _keep_sent(self, positions: Positions) -> None:
        file = self._folder / SENT_FILE
        temporary = file.with_name(f"{SENT_FILE}{TEMPORARY}")
        with suppress(OSError):  # not synced: after a loss of power, spans are sent again, under the same ids
            temporary.write_text(json.dumps({self._key: positions}, indent=1), "utf-8")
            temporary.replace(file)

    @property
    def _key(self) -> str:
        """The collector as the file knows it: an address may hold a secret."""
        return derive_id(self._endpoint.url)


def _read_delay(text: str) -> float:
    return max(int(text), 10) / 1000 if text.strip().isdigit() else _POLL_S
