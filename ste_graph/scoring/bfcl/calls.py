"""The calls in a reply to a BFCL question, in any of the usual forms."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from ste_graph.chat_tokens import strip_chat_tokens
from ste_graph.contracts import Json, Reply
from ste_graph.protocols.next_step import Action, FinalAnswer, Malformed
from ste_graph.protocols.offered import OfferedTools
from ste_graph.protocols.python_calls import NotALiteralCallError, parse_expression, parse_python_call
from ste_graph.protocols.reader import read
from ste_graph.thoughts import split_thoughts


class UnreadableCallsError(ValueError):
    """A reply that neither makes calls nor plainly makes none; the text says why."""


@dataclass(frozen=True, slots=True)
class BfclCall:
    """A call that a model makes, and the repairs that it took to read it."""

    name: str
    arguments: Mapping[str, Json]
    repairs: tuple[str, ...] = ()


def read_calls(reply: Json, tools: OfferedTools) -> list[BfclCall]:
    """Reads the calls of a reply; none if it declines to make one.

    A reply may be a list of `{function: arguments}` (what BFCL keeps of native calls; arguments as an object or as
    JSON text), an assistant message in OpenAI form, or a text. A text is read alike wherever it is: Python calls in
    brackets, our protocol, or one call in another form. Words that make no call decline.

    Raises `UnreadableCallsError`.
    """
    match reply:
        case str():
            return _calls_in_text(reply, tools)
        case {"role": "assistant"}:
            return _calls_in_message(reply, tools)
        case list():
            return [_call_from_pair(pair) for pair in reply]
    raise UnreadableCallsError("there is no reply" if reply is None else f"a reply cannot be {type(reply).__name__}")


def read_turns(result: Json, turns: int, tools: OfferedTools) -> list[list[BfclCall]]:
    """Reads the calls of each turn of a question of several turns, or of one that is asked like these.

    The result is a list with one entry for each turn: one reply, or a list of replies, one for each step. A step
    without a call that can be read is talk, as it is for BFCL, unless the whole result has none.

    Raises `UnreadableCallsError`.
    """
    if not isinstance(result, list) or len(result) != turns:
        raise UnreadableCallsError(f"expected a list with the replies of {turns} {'turn' if turns == 1 else 'turns'}")
    found: list[list[BfclCall]] = []
    fault: UnreadableCallsError | None = None
    for turn in result:
        found.append([])
        for step in _steps(turn):
            try:
                found[-1] += read_calls(step, tools)
            except UnreadableCallsError as error:
                fault = fault or error
    if fault is not None and not any(found):
        raise fault
    return found


def _steps(turn: Json) -> list[Json]:
    """The replies of a turn, which may be one: a text, a message, or a list of calls."""
    if not isinstance(turn, list):
        return [turn]
    is_one_reply = bool(turn) and all(isinstance(item, dict) and "role" not in item for item in turn)
    return [turn] if is_one_reply else turn


def _calls_in_message(message: Mapping[str, Json], tools: OfferedTools) -> list[BfclCall]:
    calls = message.get("tool_calls")
    if not calls:
        text = _content(message)
        if not text.strip():
            raise UnreadableCallsError("the message is empty")
        return _calls_in_text(text, tools)
    try:
        pairs = [{call["function"]["name"]: call["function"]["arguments"]} for call in calls]
    except (KeyError, TypeError) as error:
        raise UnreadableCallsError("the message's `tool_calls` are not in OpenAI form") from error
    return [_call_from_pair(pair) for pair in pairs]


def _content(message: Mapping[str, Json]) -> str:
    """The text of a message, which may be in parts."""
    content = message.get("content") or ""
    parts = content if isinstance(content, list) else [content]
    return "\n".join(str(part.get("text", "")) if isinstance(part, dict) else str(part) for part in parts)


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


def _calls_in_text(text: str, tools: OfferedTools) -> list[BfclCall]:
    _, reply, closed = split_thoughts(text)
    reply = strip_chat_tokens(reply).strip()
    if not closed or not reply:
        raise UnreadableCallsError("the text ends within its thoughts" if not closed else "the text is empty")
    if (calls := _python_calls(reply)) is not None:
        return calls
    step = read(Reply(text=reply), tools, "react")
    if isinstance(step, Malformed):
        problem, step = step.problem, read(Reply(text=reply), tools, "native")
        if isinstance(step, FinalAnswer) and _BEGINS_CALL.search(reply):
            raise UnreadableCallsError(problem)
    match step:
        case Action(name=name, arguments=arguments, repairs=repairs):
            if "several calls" in repairs:
                raise UnreadableCallsError("of several calls in a text, only Python calls in brackets are read")
            return [BfclCall(name, arguments, repairs)]
        case Malformed(problem=problem):
            raise UnreadableCallsError(problem)
        case FinalAnswer(text=answer):
            if not _WORD.search(answer):
                raise UnreadableCallsError("the text has no words")
            return _python_calls(answer) or []


def _python_calls(text: str) -> list[BfclCall] | None:
    """The calls of a text that is Python calls and nothing else, but for a code fence; None: it is another text."""
    fence = _FENCE.fullmatch(text)
    try:
        tree = parse_expression(fence[1].strip() if fence else text)
    except NotALiteralCallError:
        return None
    nodes = tree.elts if isinstance(tree, ast.List | ast.Tuple) else [tree]
    if not all(isinstance(node, ast.Call) for node in nodes):
        return None
    calls = []
    for node in nodes:
        try:
            name, positional, arguments = parse_python_call(node)
        except NotALiteralCallError as error:
            raise UnreadableCallsError(str(error)) from error
        if positional:
            raise UnreadableCallsError(f"`{name}` is called with arguments that have no name")
        calls.append(BfclCall(name, arguments))
    return calls


_FENCE: Final = re.compile(r"`{1,3}(?:[a-z_]++[ \t]*+\n)?([^`]++)`{1,3}")
_BEGINS_CALL: Final = re.compile(
    r"\A(?:`*+(?:[a-z_]*+\n)?)?+\s*+(?:\[\s*+)?(?:[\w.]++\(|\{)|^[\s*_#>`-]*+action(?: input)?[ \t*_`]*+:",
    re.IGNORECASE | re.MULTILINE,
)
"""A text that sets out to make a call: where the call cannot be read, it is not a refusal."""
_WORD: Final = re.compile(r"[^\W\d_]")
