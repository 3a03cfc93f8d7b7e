"""Messages of MCP servers as they are really written: read as far as they can be, so that no answer is waited for."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from ste_graph.contracts import Json

if TYPE_CHECKING:
    from mcp.types import JSONRPCMessage

DEEPEST = 100
"""Levels of nesting that a message keeps; parsers of JSON end at some 200, and a record wraps what it holds."""
NOTES = "ste_graph/notes"
"""The key of a result's `_meta` for what was off about it; the official client hands `_meta` on as it is."""
UNREADABLE, SERVER_ERROR = -32700, -32603
"""JSON-RPC's codes for what cannot be parsed, and for an error without a code."""
TOO_DEEP = f"nested more than {DEEPEST} levels deep; what is deeper is given as JSON text"

RequestKey = str | int
"""The id of a request; a server may answer 7 with "7"."""


def parse_first_json(text: str) -> Json:
    """The first JSON value of a text, whatever follows it; half an emoji is U+FFFD, which JSON parsers accept.

    Raises `ValueError` if there is no value, `RecursionError` if it is nested some thousand levels deep.
    """
    value, _ = json.JSONDecoder(strict=False).raw_decode(text.lstrip("\ufeff \t\r\n"))
    whole = json.dumps(value, ensure_ascii=False)
    return value if whole.isascii() else json.loads(replace_lone_surrogates(whole))


def replace_lone_surrogates(text: str) -> str:
    """The text with U+FFFD in the place of each unpaired surrogate."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def limit_depth(value: Json, levels: int = DEEPEST) -> Json:
    """The value with all that is nested deeper than `levels` as JSON text."""
    if not isinstance(value, dict | list):
        return value
    if levels == 0:
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, dict):
        return {key: limit_depth(inner, levels - 1) for key, inner in value.items()}
    return [limit_depth(inner, levels - 1) for inner in value]


def add_note(result: Mapping[str, Json], note: str) -> dict[str, Json]:
    """The result with one more note in its `_meta`."""
    meta = result.get("_meta")
    meta = dict(meta) if isinstance(meta, Mapping) else {}
    return {**result, "_meta": {**meta, NOTES: [*(meta.get(NOTES) or ()), note]}}


def find_messages(unread: str | Json, waiting: Mapping[RequestKey, str]) -> list[JSONRPCMessage]:
    """The messages in input that the client could not read: a text, or a parsed value that is not a message.

    `waiting` has the ids of the requests without an answer. Empty for input of other kinds, such as a line of a log.
    """
    try:
        value = parse_first_json(unread) if isinstance(unread, str) else unread
    except (ValueError, RecursionError) as error:
        why = "is not JSON" if isinstance(error, ValueError) else "is nested too deeply to be read"
        return [fail(key, f"the answer {why}") for key in find_requests_in(str(unread), waiting)]
    return list(_read_values(value if isinstance(value, list) else [value], waiting))


def fail(request: RequestKey, why: str, code: int = UNREADABLE) -> JSONRPCMessage:
    """The answer to a request that failed, or of which nothing can be read."""
    from mcp.types import ErrorData, JSONRPCError

    return JSONRPCError(jsonrpc="2.0", id=request, error=ErrorData(code=code, message=why))


def _read_values(values: Iterable[Json], waiting: Mapping[RequestKey, str]) -> Iterator[JSONRPCMessage]:
    from mcp.types import jsonrpc_message_adapter

    for value in values:
        if not isinstance(value, dict):
            continue
        key = None if "method" in value else find_answered_request(value.get("id"), waiting)
        if key is not None:
            yield _read_answer(value, key)
            continue
        with suppress(ValueError):
            yield jsonrpc_message_adapter.validate_python({**limit_depth(value), "jsonrpc": "2.0"}, by_name=False)


def _read_answer(answer: Mapping[str, Json], request: RequestKey) -> JSONRPCMessage:
    from mcp.types import JSONRPCResponse

    if error := answer.get("error"):
        return fail(request, *_read_error(error))
    if "result" not in answer:
        return fail(request, "the answer has neither a result nor an error")
    result = answer["result"]
    if not isinstance(result, dict):
        result = add_note({"content": result}, "the result is not an object")
    flat = limit_depth(result)
    return JSONRPCResponse(jsonrpc="2.0", id=request, result=flat if flat == result else add_note(flat, TOO_DEEP))


def _read_error(error: Json) -> tuple[str, int]:
    """The message and the code of an error."""
    parts = error if isinstance(error, dict) else {"message": error}
    message, code = parts.get("message"), parts.get("code")
    text = message if isinstance(message, str) and message else json.dumps(error, ensure_ascii=False)
    return text, code if isinstance(code, int) else SERVER_ERROR


def find_answered_request(written: Any, waiting: Mapping[RequestKey, str]) -> RequestKey | None:
    """The request that an answer's id means; where it names none, the only one that waits."""
    if written is None:
        return next(iter(waiting)) if len(waiting) == 1 else None
    if isinstance(written, float) and written.is_integer():
        written = int(written)
    return next((key for key in waiting if str(key) == str(written)), None)


def find_requests_in(line: str, waiting: Mapping[RequestKey, str]) -> list[RequestKey]:
    """The requests that a broken line answers, by the id that can still be read in its head or its tail."""
    if '"jsonrpc"' not in line:
        return []
    ends = (line[:200] + line[-200:]).replace(" ", "")
    return [key for key in waiting if f'"id":{json.dumps(key)},' in ends or f'"id":{json.dumps(key)}}}' in ends]
