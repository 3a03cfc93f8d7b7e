"""Reading the errors of one request to a model, whatever a provider's library raises."""

from __future__ import annotations

from collections.abc import Mapping
from json import JSONDecodeError
from typing import Any, Final

TOO_LONG: Final = (
    "The prompt is longer than the model reads: bound the transcript (its `max_tokens`), show fewer tools, requests or"
    " exemplars, or take a model, or a server's setting, that reads more"
)
_LENGTH: Final = ("maximum context length", "context_length_exceeded", "context window", "longer than the maximum")


class EmptyReplyError(Exception):
    """The server answered without a text."""


def is_retryable(error: BaseException) -> bool:
    """True if the same request may succeed later."""
    status = status_code(error)
    if status is not None:
        return status in (408, 409, 429) or status >= 500
    # LangChain's model errors say so themselves; transport errors of other providers are known by name only.
    return (
        isinstance(error, (EmptyReplyError, TimeoutError, ConnectionError))
        or getattr(error, "is_retryable", None) is True
        or any(cls.__name__ in ("TransportError", "APIConnectionError") for cls in type(error).__mro__)
    )


def status_code(error: BaseException) -> int | None:
    """The HTTP status in an error, as the providers' libraries attach it."""
    status = getattr(error, "status_code", None)
    return status if isinstance(status, int) else None


def retry_after(error: BaseException | None) -> float:
    """The seconds that the server asks to wait for; 0 if it does not, or names a date."""
    headers: Any = getattr(getattr(error, "response", None), "headers", None) or {}
    try:
        return max(0.0, float(headers.get("retry-after", 0)))
    except (TypeError, ValueError):
        return 0.0


def describe_error(error: BaseException) -> str:
    """One line that says what went wrong."""
    if isinstance(error, TimeoutError) or "Timeout" in type(error).__name__:
        return "no answer in time (`timeout_s` sets how long one try may take)"
    if isinstance(error, JSONDecodeError):
        return "the answer is not JSON: is this the address of a model server?"
    body: Any = getattr(error, "body", None)
    message = body.get("message") if isinstance(body, Mapping) else None
    text = " ".join(str(message or error or type(error).__name__).split())
    status = status_code(error)
    problem = f"{status} {text}" if status and not text.startswith("Error code") else text
    return f"{problem.rstrip('.')}. {TOO_LONG}" if any(words in text.lower() for words in _LENGTH) else problem
