"""The answer of a server that gave no reply: its status, and its words, however its body is built."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from json import JSONDecodeError
from typing import Any, Final

from ste_graph.contracts import Json
from ste_graph.errors import ModelError


class UnreadableAnswerError(Exception):
    """The server answered with HTTP 200, but with no reply: a page, half of the JSON, an error, no choices.

    `body` is the answer where it is JSON. `foreign` is true where no chat server answers like that, as a page.
    """

    def __init__(self, text: str, body: Json = None, *, foreign: bool = False) -> None:
        super().__init__(text)
        self.body = body
        self.foreign = foreign


class WrongModelError(ModelError):
    """The server does not serve the model of that name, so that it refuses every request."""


@dataclass(frozen=True, slots=True)
class Problem:
    """A refusal or failure in a server's own words."""

    status: int
    text: str
    """All words of the body, of any depth; what it repeats of the request is left out."""

    def mentions(self, pattern: re.Pattern[str]) -> bool:
        """True if the words match anywhere."""
        return pattern.search(self.text) is not None

    @property
    def too_long(self) -> bool:
        """True if the prompt, with the reply, is longer than the model reads."""
        return self.mentions(TOO_LONG)

    @property
    def lost_reply(self) -> bool:
        """True if the model did reply and the server could not read that: the request itself is sound."""
        if '"failed_generation"' in self.text or "tool_use_failed" in self.text:
            return True
        return self.status >= 500 and self.mentions(_LOST) and not self.mentions(_REQUEST)

    @property
    def is_page(self) -> bool:
        """True if it is a page, of a proxy or another program: its words are about no part of the request."""
        return PAGE.match(self.text) is not None

    @property
    def missing_model(self) -> bool:
        """True if the server seems not to serve a model of that name."""
        return self.status in (400, 404, 422) and self.mentions(_MISSING)


def read_problem(error: BaseException) -> Problem | None:
    """The problem in an error of one request; None if no server answered."""
    if isinstance(error, UnreadableAnswerError):
        return None if error.body is None else Problem(200, _flatten(error.body))
    status = status_code(error)
    if status is None:
        return None
    response: Any = getattr(error, "response", None)
    body: Any = getattr(error, "body", None)
    try:
        written = response.text
    except Exception:  # an error of another library, or a stream that was not read
        written = ""
    try:
        body = json.loads(written)
    except (JSONDecodeError, RecursionError, TypeError):
        body = body or written or str(error)
    return Problem(status, _flatten(body))


def status_code(error: BaseException) -> int | None:
    """The HTTP status in an error, as the providers' libraries attach it."""
    status = getattr(error, "status_code", None)
    return status if isinstance(status, int) else None


def lost_text(problem: Problem) -> str:
    """The model's reply, where the server that could not read it gives it back; "" where it does not."""
    found = _GENERATION.search(problem.text)
    return found["json"] or found["raw"] or "" if found else ""


def _flatten(body: Json) -> str:
    return "\n".join(_words(body))


def _words(value: Json, key: str = "") -> Iterator[str]:
    if isinstance(value, dict):
        for name, inner in value.items():
            if name == "failed_generation":
                yield f'"failed_generation" {inner}'
            elif name not in _REPEATED:
                yield from _words(inner, str(name))
    elif isinstance(value, list):
        if key == "loc":
            yield " ".join(f"'{part}'" for part in value)
        else:
            for inner in value:
                yield from _words(inner, key)
    elif isinstance(value, str) and value.strip():
        yield f"'{value}'" if key == "param" else value


_REPEATED: Final = ("input", "ctx", "url", "@type", "request_id", "requestId")
"""Keys of error bodies whose values say nothing about the problem, such as the whole request."""

PAGE: Final = re.compile(r"\s*<(!doctype|html|head|body|\?xml)\b", re.IGNORECASE)
TOO_LONG: Final = re.compile(
    r"context[ _-]?(length|size|window|limit)|n_ctx|longer than the (maximum|model)|(prompt|input|request)"
    r" ((is|was) )?too (long|large)|too many (input )?tokens|maximum (prompt|input|sequence) length"
    r"|max(imum)?[ _]model[ _]len|input (tokens?|length) exceed"
    r"|exceeds? the (maximum|model'?s|available) .{0,40}(tokens|length|context)",
    re.IGNORECASE,
)
_LOST: Final = re.compile(
    r"(output|generat|completion|reply|response of the model|tool[ _]calls?\b|function call|arguments|peg-)"
    r"[^\n]{0,120}?(pars|match|not fit|malformed|invalid|unexpected|unterminated|decod|read|ends? at)"
    r"|(pars|decod|read)[^\n]{0,60}?(output|generat|tool[ _]calls?\b|function call|arguments|parse input)"
    r"|failed to parse input|invalid diff",
    re.IGNORECASE,
)
_REQUEST: Final = re.compile(
    r"\bids?\b|\broles?\b|grammar|parse messages|schema|out of memory|traceback", re.IGNORECASE
)
_MISSING: Final = re.compile(
    r"model[ _]not[ _]found|\b(no|unknown|invalid|unrecogni[sz]ed|such|missing|wrong) model\b"
    r"|\bmodel\b[^\n]{0,120}?(not (found|exist|loaded|available|served|known|installed|listed)|n[o']t exist"
    r"|unknown|is not a valid|is missing|unavailable|not a valid model|does not serve)"
    r"|not (serve|know|have|find)[^\n]{0,40} model\b|not a valid model",
    re.IGNORECASE,
)
_GENERATION: Final = re.compile(r'"failed_generation" (?P<json>.+)|raw=\'(?P<raw>.+?)\', err=', re.DOTALL)
