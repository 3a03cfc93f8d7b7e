"""HTTP, the order of behaviours, and the log of requests."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self, TypeAlias

from tests.servers.chat.model import complete

LONGEST_HANG_S = 10.0


@dataclass(frozen=True)
class Request:
    """One request. `number` counts the chat requests from 0, in the order in which they came in."""

    path: str
    headers: Mapping[str, str]
    body: dict[str, Any]
    server: ChatServer = field(repr=False)
    number: int = 0

    @property
    def is_chat(self) -> bool:
        return self.path.endswith("/chat/completions")


@dataclass(frozen=True)
class Answer:
    """An answer: a `body` that is no text is sent as JSON. `cut` closes the connection after so many bytes of it.

    `drip_s` sends it byte by byte, with so many seconds in between, until nobody waits for it any more.
    """

    status: int = 200
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: int | None = None
    drip_s: float | None = None

    @property
    def message(self) -> dict[str, Any]:
        """The message of the reply; {} where the answer is no reply."""
        choices = self.body.get("choices") if isinstance(self.body, dict) else None
        return choices[0]["message"] if choices else {}


Proceed: TypeAlias = Callable[[Request], Answer]
Behaviour: TypeAlias = Callable[[Request, Proceed], Answer]
"""The handling of a request by a server; `proceed` gives the answer of the behaviours within, and last of the model."""


class ChatServer:
    """Runs in threads of its own, so that both sync and async tests may use it; `with` starts and stops it.

    `requests` are the chat requests, `refused` the numbers of those that got an error, and `others` the paths of the
    rest. `model` is the name that it serves.
    """

    def __init__(self, *behaviours: Behaviour, model: str = "tiny", context: int = 8192) -> None:
        self.model = model
        self.context = context
        self.behaviours = behaviours
        self.requests: list[Request] = []
        self.others: list[str] = []
        self.refused: list[int] = []
        self.released = threading.Event()
        self._lock = threading.Lock()
        self._port = 0
        self._http: ThreadingHTTPServer | None = None
        self._open: set[Any] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}/v1"

    @property
    def bodies(self) -> list[dict[str, Any]]:
        """The bodies of the chat requests."""
        return [request.body for request in self.requests]

    def start(self) -> None:
        """Listen, on the port of the last time if there was one."""
        chat = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                super().setup()
                chat._open.add(self.connection)

            def finish(self) -> None:
                chat._open.discard(self.connection)
                super().finish()

            def log_message(self, *args: object) -> None: ...

            def do_GET(self) -> None:
                self.send(chat.answer(self.path, dict(self.headers.items()), b""))

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                self.send(chat.answer(self.path, dict(self.headers.items()), body))

            def send(self, answer: Answer | None) -> None:
                if answer is None:
                    self.close_connection = True
                    return
                is_text = isinstance(answer.body, str)
                data = (answer.body if is_text else json.dumps(answer.body)).encode("utf-8", "surrogatepass")
                self.send_response(answer.status)
                kind = "text/plain" if is_text else "application/json"
                self.send_header("Content-Length", str(len(data)))
                for name, value in {"Content-Type": kind, **answer.headers}.items():
                    self.send_header(name, value)
                head = b"".join(self._headers_buffer) + b"\r\n"
                self._headers_buffer.clear()
                self.close_connection = self.close_connection or answer.cut is not None
                if answer.drip_s is not None:
                    self.close_connection = True
                    chat.drip(self.wfile.write, head + data, answer.drip_s)
                    return
                try:  # in one piece: the kernel would hold a second one back
                    self.wfile.write(head + (data if answer.cut is None else data[: answer.cut]))
                except OSError:  # who asked did not wait
                    self.close_connection = True

        class Listener(ThreadingHTTPServer):
            request_queue_size = 128  # so many may connect at once
            daemon_threads = True

            def handle_error(self, *address: Any) -> None:
                if not isinstance(sys.exception(), OSError):  # who asked may leave at any time
                    super().handle_error(*address)

        self._http = Listener(("127.0.0.1", self._port), Handler)
        self._port = self._http.server_port
        threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def drip(self, write: Callable[[bytes], object], data: bytes, seconds: float) -> None:
        """Write the data byte by byte, until they are written, nobody reads them, or the server stops."""
        with suppress(OSError):
            for index in range(len(data)):
                if self.released.wait(seconds):
                    return
                write(data[index : index + 1])

    def stop(self) -> None:
        """Close all connections, and refuse new ones."""
        http, self._http = self._http, None
        if http is None:
            return
        http.shutdown()
        http.server_close()
        for connection in list(self._open):
            with suppress(OSError):
                connection.shutdown(2)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.released.set()
        self.stop()

    def answer(self, path: str, headers: Mapping[str, str], data: bytes) -> Answer | None:
        """The answer to a request; None closes the connection without one."""
        with self._lock:
            request = Request(path, {name.lower(): value for name, value in headers.items()}, {}, self)
            if request.is_chat:
                request = Request(path, request.headers, json.loads(data), self, len(self.requests))
                self.requests.append(request)
            else:
                self.others.append(path)
        try:
            answer = self._answer(request, self.behaviours)
        except ConnectionAbortedError:
            return None
        if request.is_chat and answer.status >= 400:
            self.refused.append(request.number)
        return answer

    def _answer(self, request: Request, behaviours: tuple[Behaviour, ...]) -> Answer:
        if behaviours:
            return behaviours[0](request, lambda inner: self._answer(inner, behaviours[1:]))
        if request.path.endswith("/models"):
            served = {"id": self.model, "object": "model", "created": 0, "owned_by": "tests"}
            return Answer(body={"object": "list", "data": [served]})
        if request.is_chat:
            return Answer(body=complete(request.body, self.context))
        return Answer(404, {"error": {"message": f"nothing is at {request.path}"}})
