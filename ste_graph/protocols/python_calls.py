"""Calls that are written as Python: `[find(text="x", limit=3)]`."""

from __future__ import annotations

import ast
import re
import warnings
from typing import Any, Final

from ste_graph.contracts import Json
from ste_graph.protocols.call_objects import FoundCall
from ste_graph.protocols.offered import OfferedTools
from ste_graph.protocols.repairs import Repair


class NotALiteralCallError(ValueError):
    """A text or expression that is not a Python call with plain values; the text says why."""


def parse_expression(text: str) -> ast.expr:
    """The expression in a text. Raises `NotALiteralCallError`."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # such as Python's for an escape that it does not know
            return ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        raise NotALiteralCallError("not a Python expression") from error


def parse_python_call(node: ast.expr) -> tuple[str, list[Json], dict[str, Json]]:
    """The name, positional and named arguments of a Python call with literals. Raises `NotALiteralCallError`."""
    if not isinstance(node, ast.Call) or any(keyword.arg is None for keyword in node.keywords):
        raise NotALiteralCallError("not a call with plain arguments")
    try:
        positional = [_value(argument) for argument in node.args]
        named = {str(keyword.arg): _value(keyword.value) for keyword in node.keywords}
    except (ValueError, TypeError, MemoryError, RecursionError) as error:
        raise NotALiteralCallError(f"an argument of `{_name(node.func)}` is not a literal") from error
    return _name(node.func), positional, named


def find_python_calls(text: str, tools: OfferedTools, start: int = 0) -> list[FoundCall]:
    """The calls of offered tools that stand alone on their line, or side by side in brackets, in their order."""
    found: list[FoundCall] = []
    position = start
    for _ in range(_TRIES):
        head = _HEAD.search(text, position)
        if head is None:
            break
        position = head.end()
        name = tools.find(head["name"]) if tools.names is not None else head["name"]
        end = _end_of_call(text, head.end()) if name is not None else None
        if name is None or end is None or not _is_alone(text, head.start("name"), end):
            continue
        try:
            written, positional, named = parse_python_call(parse_expression(text[head.start("name") : end]))
        except NotALiteralCallError:
            continue
        repairs: list[Repair] = [] if name == written else ["decorated name"]
        if positional:
            parameters = tools.parameters(name) or ()
            if len(positional) == 1 and isinstance(positional[0], dict) and not named:
                named = positional[0]
            elif len(positional) > len(parameters) or any(key in named for key in parameters[: len(positional)]):
                continue
            else:
                named = {**dict(zip(parameters, positional, strict=False)), **named}
                repairs.append("positional arguments")
        found.append(FoundCall(name, named, tuple(repairs), start=head.start("name"), end=end))
        position = end
    return found


def _is_alone(text: str, start: int, end: int) -> bool:
    """True if the lines of the call hold nothing else but marks, a label and other calls."""
    before = text[max(text.rfind("\n", 0, start) + 1, start - _BESIDE) : start].rstrip(_MARKS)
    before = _ASSIGNED.sub("", before.removesuffix("print(").rstrip(_MARKS)).rstrip(_MARKS)
    if before.strip(_BULLETS) and before[-1] not in "|>]:" and before.rstrip(",; ")[-1] != ")":
        return False
    after = text[end : end + _BESIDE].partition("\n")[0].strip(" \t])`*")
    return not after or after[0] in ",;<["


def _end_of_call(text: str, position: int) -> int | None:
    """The end of the brackets that opened before `position`."""
    depth = 1
    for found in _BRACKETS.finditer(text, position, position + _LONGEST):
        mark = found[0]
        if mark in "([{":
            depth += 1
        elif mark in ")]}":
            depth -= 1
            if depth == 0:
                return found.end()
    return None


def _value(node: ast.expr) -> Any:
    match node:
        case ast.Name(id="true" | "false" | "null" as word):
            return {"true": True, "false": False, "null": None}[word]
        case ast.List(elts=items) | ast.Tuple(elts=items):
            return [_value(item) for item in items]
        case ast.Dict(keys=keys, values=values) if None not in keys:
            return {_key(key): _value(value) for key, value in zip(keys, values, strict=True)}
    value = ast.literal_eval(node)
    if not isinstance(value, str | int | float | bool | None) or value in (float("inf"), float("-inf")):
        raise ValueError("not a JSON value")
    if isinstance(value, str):
        value.encode()  # half a character cannot be kept
    return value


def _key(node: ast.expr | None) -> str:
    key = ast.literal_eval(node) if node is not None else None
    if not isinstance(key, str):
        raise ValueError("a key is not a text")
    return key


def _name(node: ast.expr) -> str:
    return ast.unparse(node)


_TRIES: Final = 20
_LONGEST: Final = 20_000
"""The most characters of a call."""
_BESIDE: Final = 200
_HEAD = re.compile(r"(?<![\w.-])(?P<name>[A-Za-z_][\w.-]*+)\(")
_BRACKETS = re.compile(r'"(?:[^"\\]|\\.)*+"|\'(?:[^\'\\]|\\.)*+\'|[()\[\]{}]', re.DOTALL)
_ASSIGNED = re.compile(r"\w++ *= *\Z")
_MARKS: Final = " \t[`*"
_BULLETS: Final = " \t>*+-`#0123456789.)"
