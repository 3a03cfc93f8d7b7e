"""Reading the errors of one request to a model, whatever a provider's library raises."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from json import JSONDecodeError
from typing import Any, Final, Literal

from ste_graph.models.chat.problem import (
    PAGE,
    TOO_LONG,
    UnreadableAnswerError,
    WrongModelError,
    read_problem,
    status_code,
)

RetryReason = Literal[
    "timeout", "too many requests (429)", "server error (5xx)", "no connection", "broken connection",
    "unreadable answer", "empty reply", "reply lost by the server",
]  # fmt: skip
"""The kinds of reasons for which a request is made again."""

SHORTEN: Final = (
    "The prompt is longer than the model reads: bound the transcript (its `max_tokens`), show fewer tools, requests or"
    " exemplars, or take a model that reads more"
)
SET_KEY: Final = "set `api_key`, for example to {env: OPENAI_API_KEY}, or that environment variable"
SET_ADDRESS: Final = (
    "its server answers, but not to chat requests: set `base_url` to the address of an OpenAI-compatible chat server,"
    " up to and without /chat/completions, and see that it serves this model for chat"
)
LENGTHEN: Final = (
    "a server may be set to read more (Ollama: OLLAMA_CONTEXT_LENGTH, llama.cpp: `-c`, vLLM: `--max-model-len`,"
    " LM Studio: where the model is loaded)"
)


def retry_reason(error: BaseException) -> RetryReason | None:
    """The kind of an error after which the same request may succeed later; None for any other error."""
    status = status_code(error)
    if status is not None:
        if status >= 500 and status not in _NOT_MADE:
            return "server error (5xx)"
        return {408: "timeout", 409: "server error (5xx)", 429: "too many requests (429)"}.get(status)  # type: ignore[return-value]
    if isinstance(error, UnreadableAnswerError):
        return "unreadable answer"
    if _is_timeout(error):
        return "timeout"
    if _is_refused(error):
        return "no connection"
    # LangChain's model errors say so themselves; transport errors of other providers are known by name only.
    if (
        isinstance(error, ConnectionError)
        or getattr(error, "is_retryable", None) is True
        or any(cls.__name__ in ("TransportError", "APIConnectionError") for cls in type(error).__mro__)
    ):
        return "broken connection"
    return None


def is_away(error: BaseException) -> bool:
    """True if no server answers at all, or one says that its model is not there yet: it may come back."""
    if status_code(error) in (502, 503) or _is_refused(error):
        return True
    problem = read_problem(error) if isinstance(error, UnreadableAnswerError) else None
    return problem is not None and problem.mentions(_NOT_READY)


def is_overload(error: BaseException) -> bool:
    """True if the server may have been asked for too much at once."""
    status = status_code(error)
    if status is None:
        return retry_reason(error) == "timeout"
    problem = read_problem(error)
    if problem is not None and (problem.lost_reply or problem.mentions(_NOT_READY)):
        return False
    return status in (408, 429) or (status >= 500 and status not in (502, *_NOT_MADE))


def refuses_all(error: BaseException) -> bool:
    """True if the server answers so to every chat request: it has no chat, or not with this model or key."""
    if isinstance(error, UnreadableAnswerError):
        return error.foreign
    if status_code(error) == 403:
        problem = read_problem(error)
        return problem is None or not problem.mentions(_MODERATED)
    return isinstance(error, WrongModelError) or status_code(error) in (401, 404, 405, 410, *_NOT_MADE)


def describe_remedy(error: BaseException) -> str:
    """The setting to change where the server answers so to every chat request; "" where that is not so, or was said."""
    if not refuses_all(error) or isinstance(error, WrongModelError):
        return ""
    return SET_KEY if status_code(error) in (401, 403) else SET_ADDRESS


def retry_after(error: BaseException | None) -> float:
    """The seconds that the server asks to wait for; 0 if it does not, or names a date."""
    headers: Any = getattr(getattr(error, "response", None), "headers", None) or {}
    try:
        return max(0.0, float(headers.get("retry-after", 0)))
    except (TypeError, ValueError):
        return 0.0


def describe_request_error(error: BaseException) -> str:
    """One line that says what went wrong."""
    if _is_timeout(error):
        return "no answer in time (`timeout_s` sets how long one try may take)"
    if any(map(_is_lost, causes(error))):
        return "Connection error."
    if isinstance(error, JSONDecodeError):
        return "the answer is not JSON, so it is not a model server's"
    body: Any = getattr(error, "body", None)
    message = body.get("message") if isinstance(body, Mapping) else None
    status = status_code(error)
    words = read_problem(error) if status else None  # the package `openai` leaves some bodies out of its message
    text = " ".join(str(message or (words and words.text) or error or type(error).__name__).split())
    if PAGE.match(text):
        text = "a page, not JSON"
    problem = f"{status} {text}" if status and not text.startswith("Error code") else text
    return f"{problem.rstrip('.')}. {SHORTEN}; {LENGTHEN}" if TOO_LONG.search(text) else problem


_NOT_MADE: Final = (501, 505)
"""The statuses of a server that will never do what is asked."""
_MODERATED: Final = re.compile(r"moderat|flagged|content|safety|harmful", re.IGNORECASE)
"""Words of a 403 about this request alone: the next may pass."""

_NOT_READY: Final = re.compile(r"\bload(ing|ed)?\b|warming up|starting|not (yet )?ready", re.IGNORECASE)


def _is_timeout(error: BaseException) -> bool:
    """True if there was no answer in time."""
    if not (isinstance(error, TimeoutError) or "Timeout" in type(error).__name__):
        return False
    return not any(map(_is_lost, causes(error)))


def _is_lost(cause: BaseException) -> bool:
    """True if a connection was refused or lost, which the package `openai` calls a timeout where it uses `aiohttp`."""
    return "ClientConnectionError" in _class_names(cause) and not isinstance(cause, TimeoutError)


def _is_refused(error: BaseException) -> bool:
    """True if the connection was refused, as the error or one that caused it says."""
    return any(
        isinstance(cause, ConnectionRefusedError) or not _class_names(cause).isdisjoint(_REFUSED)
        for cause in causes(error)
    )


def _class_names(error: BaseException) -> set[str]:
    return {cls.__name__ for cls in type(error).__mro__}


_REFUSED: Final = ("ConnectError", "ClientConnectorError")


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """An error, and those that led to it, the last first."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
