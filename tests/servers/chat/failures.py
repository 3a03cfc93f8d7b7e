"""Servers that give no reply: for a while, for one reply, or whenever too much is asked of them at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Literal

from tests.servers.chat.server import LONGEST_HANG_S, Answer, Behaviour, Proceed, Request
from tests.servers.chat.wordings import fail

PARSER_WORDINGS: Mapping[str, str] = {
    "format": "the generated text does not fit the expected native format",
    "input": "the output of the model could not be parsed: <tool_call",
    "tool": "error while reading a tool call: JSON of arguments ends at column 7",
}

HTML = "<!DOCTYPE html><html><head><title>Welcome</title></head><body><h1>It works</h1></body></html>"


def first(count: int, answer_to: Callable[[Request], Answer]) -> Behaviour:
    """The behaviour that gives an answer to the first so many chat requests."""

    def answer(request: Request, proceed: Proceed) -> Answer:
        return answer_to(request) if request.is_chat and request.number < count else proceed(request)

    return answer


def fail_to_parse(
    when: Literal["always", "with tools"] | int | Callable[[int], bool] = 1, wording: str = "format"
) -> Behaviour:
    """A 500 about the format of a reply: always, for the first so many requests, or for some seeds."""

    def answer(request: Request, proceed: Proceed) -> Answer:
        match when:
            case "always":
                failed = request.is_chat
            case "with tools":
                failed = bool(request.body.get("tools"))
            case int():
                failed = request.is_chat and request.number < when
            case _:
                failed = request.is_chat and when(request.body.get("seed") or 0)
        return fail(PARSER_WORDINGS[wording], 500) if failed else proceed(request)

    return answer


def load(count: int, status: int = 200, form: Literal["error", "text", "detail"] = "error") -> Behaviour:
    """Says for the first so many requests that the model is loading, as a rule under HTTP 200."""
    words = "the model is being loaded, please wait"
    bodies: Mapping[str, Any] = {
        "error": {"error": {"message": words, "type": "unavailable_error", "code": 503}},
        "text": {"error": words},
        "detail": {"detail": words, "estimated_time": 2.0},
    }
    return first(count, lambda request: Answer(status, bodies[form]))


def give_no_choices(count: int) -> Behaviour:
    """`choices: []` for the first so many requests."""
    return first(count, lambda request: Answer(body={"id": "x", "object": "chat.completion", "choices": []}))


def show_page(count: int | None = None, status: int = 200) -> Behaviour:
    """An HTML page, at every address or for the first so many chat requests."""
    page = Answer(status, HTML, {"Content-Type": "text/html"})
    return (lambda request, proceed: page) if count is None else first(count, lambda request: page)


def have_no_chat(status: int, body: Any = HTML) -> Behaviour:
    """Lists its models, and has nothing at the address of the chat."""
    return first(10**9, lambda request: Answer(status, body))


def cut_json(count: int, at: int = 60) -> Behaviour:
    """The connection ends in the middle of the first so many answers."""

    def answer(request: Request, proceed: Proceed) -> Answer:
        given = proceed(request)
        is_cut = request.is_chat and request.number < count
        return Answer(given.status, given.body, given.headers, cut=at) if is_cut else given

    return answer


def break_json(count: int) -> Behaviour:
    """Half of the JSON, as if that were all, for the first so many requests."""
    return first(
        count,
        lambda request: Answer(200, '{"id": "x", "choices": [{"index": 0, "mess', {"Content-Type": "application/json"}),
    )


def hang(count: int | None = None) -> Behaviour:
    """No answer to the first so many chat requests, or to any."""

    def answer(request: Request, proceed: Proceed) -> Answer:
        if request.is_chat and (count is None or request.number < count):
            request.server.released.wait(LONGEST_HANG_S)
            raise ConnectionAbortedError
        return proceed(request)

    return answer


def die(at: int, away_s: float = 0.3) -> Behaviour:
    """Goes away in the middle of the chat request `at`, and comes back after a while."""

    def answer(request: Request, proceed: Proceed) -> Answer:
        if request.is_chat and request.number == at:
            server = request.server

            def come_back() -> None:
                server.stop()
                server.released.wait(away_s)
                if not server.released.is_set():
                    server.start()

            threading.Thread(target=come_back, daemon=True).start()
            raise ConnectionAbortedError
        return proceed(request)

    return answer


QUEUE_WORDINGS: Mapping[str, str] = {
    "busy": "the server is busy: so many requests are waiting that none can be added",
    "slots": "no slot is available",
    "overloaded": "overloaded, come back later",
}


class Queue:
    """A behaviour with few slots: `waiting` requests may queue for one, and the next gets a 503.

    With `abort`, one request too many ends those under way too, as where all slots share one cache. `most` is the
    highest number of requests that were under way at once.
    """

    def __init__(
        self, slots: int, *, waiting: int = 0, seconds: float = 0.0, abort: bool = False, wording: str = "busy"
    ):
        self._slots = threading.Semaphore(slots)
        self._room = slots + waiting
        self._seconds = seconds
        self._abort = abort
        self._wording = wording
        self._lock = threading.Lock()
        self._inside = 0
        self._aborted = 0
        self.most = 0

    def __call__(self, request: Request, proceed: Proceed) -> Answer:
        if not request.is_chat:
            return proceed(request)
        with self._lock:
            self._inside += 1
            self.most = max(self.most, self._inside)
            full, aborted = self._inside > self._room, self._aborted
            if full and self._abort:
                self._aborted += 1
        try:
            if full:
                return fail(QUEUE_WORDINGS[self._wording], 500 if self._abort else 503)
            with self._slots:
                time.sleep(self._seconds)
                if aborted != self._aborted:
                    return fail("the context is used up: all requests under way were ended", 500)
                return proceed(request)
        finally:
            with self._lock:
                self._inside -= 1


def limit_rate(count: int, retry_after: str = "0.2") -> Behaviour:
    """A 429 to the first so many requests, with the seconds to wait."""
    return first(count, lambda request: Answer(429, {"error": {"message": "slow down"}}, {"Retry-After": retry_after}))
