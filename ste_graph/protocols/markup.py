"""Calls in the marks that models are trained to put around them, and that a server should have taken off."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, Final

from ste_graph.contracts import Json
from ste_graph.protocols.call_objects import FoundCall, call_in_value
from ste_graph.protocols.json_object import NotAnObjectError, object_at
from ste_graph.protocols.offered import OfferedTools
from ste_graph.protocols.python_calls import find_python_calls
from ste_graph.protocols.repairs import Repair


def has_call_markup(text: str) -> bool:
    """True if a text has marks of a tool call with something in them."""
    return any(sign in text for sign in _SIGNS) and _ANY_MARK.search(text) is not None


def find_marked_calls(text: str, tools: OfferedTools) -> Iterator[FoundCall]:
    """The calls that are in marks, in their order, each once."""
    position = 0
    for _ in range(_MOST if any(sign in text for sign in _SIGNS) else 0):
        mark = _MARK.search(text, position)
        if mark is None:
            return
        position = mark.end()
        if (call := _read_mark(text, mark, tools)) is not None:
            position = max(position, call.end)
            yield call


def _read_mark(text: str, mark: re.Match[str], tools: OfferedTools) -> FoundCall | None:
    start = mark.start()
    if mark["value"] is not None:
        return _call_in_value(text, start, mark.end() - 1, tools)
    if mark["python"] is not None:
        calls = find_python_calls(text, tools, mark.end("python"))
        return _place(calls[0], start, calls[0].end) if calls else None
    written = next(mark[group] for group in ("named", "xml", "keyed") if mark[group] is not None)
    name = tools.find(written)
    if name is None:
        return FoundCall(written, {}, offered=False, start=start, end=mark.end(), markup=True)
    repairs: tuple[Repair, ...] = () if name == written else ("decorated name",)
    if mark["named"] is not None:
        try:
            parsed, end = object_at(text, mark.end() - 1)
        except NotAnObjectError:
            return None
        return FoundCall(name, parsed.value, (*repairs, *parsed.repairs), start=start, end=end, markup=True)
    body = text[mark.end() : mark.end() + _LONGEST]
    if (closing := _BODY_END.search(body)) is not None:
        body = body[: closing.start()]
    if mark["xml"] is not None and (brace := _OPENS_OBJECT.match(body)) is not None:
        try:
            parsed, end = object_at(text, mark.end() + brace.end() - 1)
        except NotAnObjectError:
            return None
        return FoundCall(name, parsed.value, (*repairs, *parsed.repairs), start=start, end=end, markup=True)
    pairs = (_XML_PARAMETER if mark["xml"] is not None else _KEYED_PARAMETER).findall(body)
    if not pairs and body.strip():
        return None
    properties = tools.schema(name).get("properties")
    schemas = properties if isinstance(properties, dict) else {}
    arguments = {key.strip(): _value(value, schemas.get(key.strip())) for key, value in pairs}
    return FoundCall(name, arguments, repairs, start=start, end=mark.end() + len(body), markup=True)


def _call_in_value(text: str, start: int, position: int, tools: OfferedTools) -> FoundCall | None:
    """The first call of the object, or the list of objects or Python calls, that opens at `position`."""
    brace = text.find("{", position)
    if text[position] == "[" and (brace < 0 or text[position + 1 : brace].strip()):
        calls = find_python_calls(text, tools, position)
        return _place(calls[0], start, calls[-1].end) if calls else None
    try:
        parsed, end = object_at(text, brace)
    except NotAnObjectError:
        return None
    call = call_in_value(parsed.value, tools)
    return _place(call.add_repairs(*parsed.repairs), start, end) if call is not None else None


def _place(call: FoundCall, start: int, end: int) -> FoundCall:
    return FoundCall(call.name, call.arguments, call.repairs, call.offered, start, end, markup=True)


def _value(written: str, schema: Json) -> Any:
    """The value of a parameter that is written as text, by its schema; JSON where the schema does not ask for text."""
    text = written.removeprefix("\n").removesuffix("\n")
    kind = schema.get("type") if isinstance(schema, dict) else None
    if kind == "string":
        return text
    try:
        value = json.loads(text)
        json.dumps(value, allow_nan=False, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        lowered = text.strip().lower()
        return lowered == "true" if kind == "boolean" and lowered in ("true", "false") else text
    return value


_SIGNS: Final = ("<", "[TOOL_CALL", ">>>", "to=", "call:", "functools[", "```tool_code")
"""One of these is in every mark: a quick test that spares the search."""
_MOST: Final = 20
_LONGEST: Final = 50_000
_BAR: Final = "[|\uff5c]"
_TOKEN: Final = rf"<{_BAR}[^<>\s]{{1,40}}{_BAR}>"
_BEGIN: Final = "\uff5ctool\u2581call\u2581begin\uff5c"
_NAME: Final = r"[^\s<>\[\]{}()\"'|\uff5c,]{1,128}"
_BETWEEN: Final = rf"(?:\s|{_TOKEN}|\[ARGS\]|```|(?:commentary|analysis|json|code)\b){{0,12}}+"
_OPENINGS: Final = (
    rf"<\|?/?tool_call\|?>|<\|tool_call_start\|>|<\|tool_call_begin\|>|\[TOOL_CALLS?\]|<\|python_tag\|>|<tools>|<tool>"
    rf"|<function_calls?>|<functioncall>|<start_function_call>|<tool_use>|<\|START_ACTION\|>|\bfunctools(?=\[)|<{_BEGIN}>"
    rf"|<\uff5ctool\u2581calls\u2581begin\uff5c>|<tool_calls>|<action>"
)
_MARK = re.compile(
    rf"(?:(?:{_OPENINGS})\s*(?:```(?:json|python)?\s*)?(?P<value>[{{\[]))"
    rf"|(?:(?:<\|python_tag\|>|<\|tool_call_start\|>|```tool_code\s|<tool_code>)(?P<python>)(?=\s*\[?\s*[A-Za-z_]))"
    rf"|(?:(?:\bto=|\[TOOL_CALLS\]|<{_BEGIN}>(?:function<\uff5ctool\u2581sep\uff5c>)?|<\|tool_call_begin\|>|>>>|<tool_call>"
    rf"|<\|?tool_call\|?>|\bcall:)\s*(?P<named>{_NAME}){_BETWEEN}{{)"
    rf"|(?:<(?:{_BAR}DSML{_BAR})?(?:function|invoke|tool)(?:=|\s+name\s*=\s*)[\"']?(?P<xml>[^\"'<>=\s]{{1,128}})[\"']?\s*/?>)"
    rf"|(?:<tool_call>\s*(?P<keyed>{_NAME})(?=\s*(?:<arg_key>|</tool_call>)))",
)
_BODY_END = re.compile(rf"</(?:{_BAR}DSML{_BAR})?(?:function|invoke|tool|tool_call)>")
_OPENS_OBJECT = re.compile(r"\s*+(?:```(?:json)?\s*+)?\{")
_XML_PARAMETER = re.compile(
    rf"<(?:{_BAR}DSML{_BAR})?parameter(?:=|\s+name\s*=\s*)[\"']?([^\"'<>=]{{1,128}})[\"']?[^<>]{{0,80}}>"
    rf"((?:[^<]|<(?!/?(?:{_BAR}DSML{_BAR})?parameter))*+)(?:</(?:{_BAR}DSML{_BAR})?parameter>)?"
)
_KEYED_PARAMETER = re.compile(
    r"<arg_key>([^<]{1,128})</arg_key>\s*+<arg_value>((?:[^<]|<(?!/arg_value>))*+)(?:</arg_value>)?"
)
_ANY_MARK = re.compile(
    rf"(?:{_OPENINGS})\s*[{{\[]|(?:<tool_call>|\[TOOL_CALLS\])\s*[\w.-]++\s*(?:<|\[ARGS\]|{{)"
    rf"|<(?:{_BAR}DSML{_BAR})?(?:function|invoke)(?:=|\s+name\s*=)|\bto=functions\.|<{_BEGIN}>|<\|tool_call_begin\|>"
)
