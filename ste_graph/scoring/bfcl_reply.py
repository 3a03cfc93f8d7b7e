"""The calls in a reply to a BFCL question, in whichever of the usual forms it stands."""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping
from typing import Any

from ste_graph.contracts import Json
from ste_graph.protocols import react
from ste_graph.protocols.react import Action, Answer
from ste_graph.scoring.admissible import Call


class NotCalls(ValueError):
    """A reply that neither makes calls nor plainly makes none; the text says why."""


def calls_of(result: Json, turns: int) -> list[list[Call]]:
    """The calls of each turn.

    A reply may be a list of `{function: arguments}` (what BFCL keeps of native calls; arguments as an object or as
    JSON text), an assistant message in OpenAI form, a text with Python calls in brackets, or a text in our protocol.
    Of several turns it is a list with the replies of each.

    Raises `NotCalls`.
    """
    if turns == 1:
        return [_calls(result)]
    if not isinstance(result, list) or len(result) != turns:
        raise NotCalls(f"expected a list with the replies of {turns} turns")
    return [_turn(one) for one in result]


def _turn(replies: Json) -> list[Call]:
    """The calls of one turn, which may be one reply or several, one for each step."""
    if isinstance(replies, list) and not all(isinstance(one, dict) for one in replies):
        return [call for one in replies for call in _calls(one)]
    return _calls(replies)


def _calls(reply: Json) -> list[Call]:
    match reply:
        case str():
            return _of_text(reply)
        case {"role": "assistant"}:
            return _of_message(reply)
        case list():
            return [_of_pair(one) for one in reply]
    raise NotCalls("there is no reply" if reply is None else f"a reply cannot be {type(reply).__name__}")


def _of_message(message: Mapping[str, Json]) -> list[Call]:
    calls = message.get("tool_calls") or []
    if not calls and not str(message.get("content") or "").strip():
        raise NotCalls("the message is empty")
    try:
        pairs = [{call["function"]["name"]: call["function"]["arguments"]} for call in calls]
    except (KeyError, TypeError) as fault:
        raise NotCalls("the message's `tool_calls` are not in OpenAI form") from fault
    return [_of_pair(pair) for pair in pairs]


def _of_pair(pair: Json) -> Call:
    if not isinstance(pair, dict) or len(pair) != 1:
        raise NotCalls("a call must be one {function: arguments}")
    ((name, arguments),) = pair.items()
    if isinstance(arguments, str):
        try:
            arguments = json.loads(arguments)
        except (ValueError, RecursionError) as fault:
            raise NotCalls(f"the arguments of `{name}` are not JSON") from fault
    if not isinstance(arguments, dict):
        raise NotCalls(f"the arguments of `{name}` are not one object")
    return Call(name, arguments)


def _of_text(text: str) -> list[Call]:
    step = react.parse(text)
    if isinstance(step, Action):
        return [Call(step.name, step.arguments)]
    if isinstance(step, Answer):
        return []
    stripped = text.strip().strip("`").strip()
    try:
        tree = ast.parse(stripped, mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError) as fault:
        raise NotCalls(step.problem) from fault
    calls = []
    for node in tree.elts if isinstance(tree, ast.List | ast.Tuple) else [tree]:
        name, positional, arguments = python_call(node)
        if positional:
            raise NotCalls(f"`{name}` is called with arguments that have no name")
        calls.append(Call(name, arguments))
    return calls


def python_call(node: ast.expr) -> tuple[str, list[Json], dict[str, Json]]:
    """Name, positional and named arguments of a call in Python with literal arguments. Raises `NotCalls`."""
    if not isinstance(node, ast.Call) or any(keyword.arg is None for keyword in node.keywords):
        raise NotCalls("not a call with plain arguments")
    try:
        positional = [_value(one) for one in node.args]
        named = {str(keyword.arg): _value(keyword.value) for keyword in node.keywords}
    except (ValueError, TypeError, MemoryError, RecursionError) as fault:
        raise NotCalls(f"an argument of `{ast.unparse(node.func)}` is not a literal") from fault
    return ast.unparse(node.func), positional, named


def _value(node: ast.expr) -> Any:
    return ast.literal_eval(node)
