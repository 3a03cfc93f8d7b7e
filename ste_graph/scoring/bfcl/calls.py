"""The calls in a reply to a BFCL question, in any of the usual forms."""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping
from typing import Any

from ste_graph.contracts import Json
from ste_graph.protocols import react
from ste_graph.protocols.next_step import Action, FinalAnswer
from ste_graph.scoring.bfcl.admissible import BfclCall


class UnreadableCallsError(ValueError):
    """A reply that neither makes calls nor plainly makes none; the text says why."""


def read_calls(result: Json, turns: int) -> list[list[BfclCall]]:
    """Reads the calls of each turn.

    A reply may be a list of `{function: arguments}` (what BFCL keeps of native calls; arguments as an object or as
    JSON text), an assistant message in OpenAI form, a text with Python calls in brackets, or a text in our protocol.
    Of several turns it is a list with the replies of each.

    Raises `UnreadableCallsError`.
    """
    if turns == 1:
        return [_read_calls(result)]
    if not isinstance(result, list) or len(result) != turns:
        raise UnreadableCallsError(f"expected a list with the replies of {turns} turns")
    return [_read_turn(replies) for replies in result]


def _read_turn(replies: Json) -> list[BfclCall]:
    """Reads the calls of one turn, which may be one reply or several, one for each step."""
    if isinstance(replies, list) and not all(isinstance(reply, dict) for reply in replies):
        return [call for reply in replies for call in _read_calls(reply)]
    return _read_calls(replies)


def _read_calls(reply: Json) -> list[BfclCall]:
    match reply:
        case str():
            return _calls_in_text(reply)
        case {"role": "assistant"}:
            return _calls_in_message(reply)
        case list():
            return [_call_from_pair(pair) for pair in reply]
    raise UnreadableCallsError("there is no reply" if reply is None else f"a reply cannot be {type(reply).__name__}")


def _calls_in_message(message: Mapping[str, Json]) -> list[BfclCall]:
    calls = message.get("tool_calls") or []
    if not calls and not str(message.get("content") or "").strip():
        raise UnreadableCallsError("the message is empty")
    try:
        pairs = [{call["function"]["name"]: call["function"]["arguments"]} for call in calls]
    except (KeyError, TypeError) as error:
        raise UnreadableCallsError("the message's `tool_calls` are not in OpenAI form") from error
    return [_call_from_pair(pair) for pair in pairs]


def _call_from_pair(pair: Json) -> BfclCall:
    if not isinstance(pair, dict) or len(pair) != 1:
        raise UnreadableCallsError("a call must be one {function: arguments}")
    ((name, arguments),) = pair.items()
    if isinstance(arguments, str):
        try:
            arguments = json.loads(arguments)
        except (ValueError, RecursionError) as error:
            raise UnreadableCallsError(f"the arguments of `{name}` are not JSON") from error
    if not isinstance(arguments, dict):
        raise UnreadableCallsError(f"the arguments of `{name}` are not one object")
    return BfclCall(name, arguments)


def _calls_in_text(text: str) -> list[BfclCall]:
    step = react.parse(text)
    if isinstance(step, Action):
        return [BfclCall(step.name, step.arguments)]
    if isinstance(step, FinalAnswer):
        return []
    stripped = text.strip().strip("`").strip()
    try:
        tree = ast.parse(stripped, mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        raise UnreadableCallsError(step.problem) from error
    calls = []
    for node in tree.elts if isinstance(tree, ast.List | ast.Tuple) else [tree]:
        name, positional, arguments = parse_python_call(node)
        if positional:
            raise UnreadableCallsError(f"`{name}` is called with arguments that have no name")
        calls.append(BfclCall(name, arguments))
    return calls


def parse_python_call(node: ast.expr) -> tuple[str, list[Json], dict[str, Json]]:
    """The name, positional and named arguments of a Python call with literals. Raises `UnreadableCallsError`."""
    if not isinstance(node, ast.Call) or any(keyword.arg is None for keyword in node.keywords):
        raise UnreadableCallsError("not a call with plain arguments")
    try:
        positional = [_value(argument) for argument in node.args]
        named = {str(keyword.arg): _value(keyword.value) for keyword in node.keywords}
    except (ValueError, TypeError, MemoryError, RecursionError) as error:
        raise UnreadableCallsError(f"an argument of `{ast.unparse(node.func)}` is not a literal") from error
    return ast.unparse(node.func), positional, named


def _value(node: ast.expr) -> Any:
    return ast.literal_eval(node)
