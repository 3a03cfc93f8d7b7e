"""The one reader of replies: whatever form was asked for, every form in which real models call a tool is read."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Final

from ste_graph.chat_tokens import strip_chat_tokens
from ste_graph.contracts import Reply
from ste_graph.protocols import native, react
from ste_graph.protocols.call_objects import FoundCall, call_in_value
from ste_graph.protocols.echoes import answer_problem
from ste_graph.protocols.form import Form
from ste_graph.protocols.markup import has_call_markup
from ste_graph.protocols.next_step import Action, FinalAnswer, Malformed, NextStep
from ste_graph.protocols.offered import OfferedTools, Schema
from ste_graph.protocols.repairs import Repair
from ste_graph.protocols.text_calls import find_call, find_final_answer, is_set_apart, is_whole_text
from ste_graph.thoughts import split_thoughts


def read(
    reply: Reply, tools: OfferedTools | Mapping[str, Schema] | Collection[str] | None, form: Form, *, prompt: str = ""
) -> NextStep:
    """Reads a reply. Never raises, and takes linear time.

    A call in the form that was asked for may have any name; in another form it counts only if a tool of that name is
    offered. Of several calls the first counts: a model writes what follows a call without having seen its result.

    Args:
        reply: The reply.
        tools: The tools on offer: their names, with the JSON Schema of their arguments where it is known; None if
            nothing is known of them, so that every name counts.
        form: The form that was asked for.
        prompt: The template of the prompt, whose fixed text is not an answer.
    """
    offered = tools if isinstance(tools, OfferedTools) else OfferedTools(tools)
    if reply.tool_calls:
        return _name_tool(native.parse_calls(reply), offered, *(() if form == "native" else _BY_SERVER))
    return read_reply_text(reply.text, offered, form, prompt=prompt, reasoning=reply.reasoning)


def read_reply_text(
    text: str,
    tools: OfferedTools | Mapping[str, Schema] | Collection[str] | None,
    form: Form = "react",
    *,
    prompt: str = "",
    reasoning: str = "",
) -> NextStep:
    """Reads the text of a reply, see `read`; `reasoning` are the thoughts that came apart from it."""
    offered = tools if isinstance(tools, OfferedTools) else OfferedTools(tools)
    thought, rest, closed = split_thoughts(text)
    text = strip_chat_tokens(rest)
    if not text.strip():
        hidden = "\n".join(filter(None, (thought, reasoning))) if closed else ""
        return _in_reasoning(hidden, offered) or Malformed("", _EMPTY[form] if closed else _CUT)
    if not closed:
        return Malformed("", _CUT)
    match form:
        case "react":
            step = _read_react(text, offered)
        case "native":
            step = _read_native(text, offered)
        case "json":
            step = _read_json(text, offered)
    if isinstance(step, FinalAnswer) and (problem := answer_problem(step.text, offered, prompt)):
        return Malformed(step.thought, problem)
    return step


def _read_react(text: str, tools: OfferedTools) -> NextStep:
    step = react.parse(text)
    match step:
        case FinalAnswer():
            return step
        case Action():
            named = _name_tool(_unwrap(step, tools), tools)
            if isinstance(named, Action) and tools.find(named.name) is not None:
                return named
            return react.answer_without_tool(text) or _find_in_text(text, tools, offered_only=True) or named
        case Malformed():
            if _ASKED_FORM.search(text):
                return react.answer_without_tool(text) or step
            return react.answer_without_tool(text) or _find_in_text(text, tools) or _answer_as_json(text) or step


def _read_native(text: str, tools: OfferedTools) -> NextStep:
    call = find_call(text, tools)
    if call is not None and call.offered and is_set_apart(text, call):
        return _action(text, call.add_repairs("call in the text"))
    written = react.parse(text) if _TEXT_CALL.search(text) else None
    if isinstance(written, Action) and (name := tools.find(written.name)) is not None:
        return replace(written, name=name, repairs=("call in the text", "call as text", *written.repairs))
    if isinstance(written, FinalAnswer):
        return written
    if call is not None and not call.offered and (call.markup or is_whole_text(text, call)):
        return Malformed("", _unknown(call.name, tools))
    if has_call_markup(text) or _OPENS_MARKS.match(text):
        return Malformed("", _UNREAD_MARKUP)
    return FinalAnswer("", text.strip())


def _read_json(text: str, tools: OfferedTools) -> NextStep:
    answer = find_final_answer(text)
    if answer is not None:
        return FinalAnswer("", *answer)
    call = find_call(text, tools)
    if call is not None and call.offered:
        return _without_form(_action(text, call))
    written = react.parse(text)
    if isinstance(written, Action) and (name := tools.find(written.name)) is not None:
        return replace(written, name=name, repairs=("call as text", *written.repairs))
    if isinstance(written, FinalAnswer):
        return replace(written, repairs=("call as text",))
    if call is not None:  # in the form that was asked for, of a tool that is not there
        return Action("", call.name, call.arguments)
    return Malformed("", _NO_JSON)


def _find_in_text(text: str, tools: OfferedTools, *, offered_only: bool = False) -> NextStep | None:
    """The call in a text that is not in the form of the text protocol."""
    if offered_only and not tools.is_named_in(text):
        return None
    call = find_call(text, tools)
    if call is None or (offered_only and not call.offered):
        return None
    return _action(text, call) if call.offered else Malformed("", _unknown(call.name, tools))


def _action(text: str, call: FoundCall) -> Action:
    thought = react.strip_marker(_CALL_BEGINS.split(text[: call.start], maxsplit=1)[0])
    return Action(thought, call.name, call.arguments, call.repairs)


def _without_form(step: Action) -> Action:
    """The step without the repair that names its form, which is the one that was asked for."""
    return replace(step, repairs=tuple(repair for repair in step.repairs if repair != "call as JSON"))


def _answer_as_json(text: str) -> FinalAnswer | None:
    answer = find_final_answer(text)
    return FinalAnswer("", answer[0], ("answer as JSON", *answer[1])) if answer else None


def _unwrap(step: Action, tools: OfferedTools) -> Action:
    """The step, whose arguments may hold the whole call again: `Action Input: {"action": …, "action_input": …}`."""
    name = tools.find(step.name) if len(step.arguments) > 1 else None
    own = tools.parameters(name) if name is not None else None
    if own is None or any(key in own or not isinstance(value, str | dict) for key, value in step.arguments.items()):
        return step
    call = call_in_value(step.arguments, tools)
    if call is None or not call.offered or call.name != name:
        return step
    return replace(step, arguments=call.arguments, repairs=("call as JSON", *step.repairs, *call.repairs))


def _name_tool(step: NextStep, tools: OfferedTools, *repairs: Repair) -> NextStep:
    """The step with the name of the offered tool that is meant."""
    if not isinstance(step, Action):
        return step
    name = tools.find(step.name) or step.name
    if name == step.name and not repairs:
        return step
    decorated: tuple[Repair, ...] = () if name == step.name else ("decorated name",)
    return replace(step, name=name, repairs=tuple(dict.fromkeys((*repairs, *step.repairs, *decorated))))


def _in_reasoning(reasoning: str, tools: OfferedTools) -> Action | None:
    """The call that is in marks at the end of the thoughts, where a server has left it."""
    call = find_call(reasoning, tools) if has_call_markup(reasoning) else None
    if call is None or not call.offered or not call.markup or not _CLOSING_MARKS.fullmatch(reasoning, call.end):
        return None
    return Action("", call.name, call.arguments, call.add_repairs("call in the reasoning").repairs)


def _unknown(name: str, tools: OfferedTools) -> str:
    names = sorted(tools.names or ())
    shown = ", ".join(names[:_SHOWN]) + (", …" if len(names) > _SHOWN else "")
    return f"The reply calls `{name[:80]}`, which is not on offer; the tools on offer are: {shown}."


_BY_SERVER: Final[tuple[Repair, ...]] = ("call by the server",)
_SHOWN: Final = 20
_CALL_BEGINS = re.compile(r"<[|\uff5c/]?\w|```|\[TOOL_CALL|^[\s*_#>`-]*+action\b", re.IGNORECASE | re.MULTILINE)
_TEXT_CALL = re.compile(r"^[\s*_#>`-]*+(?:action|final answer)[ \t*_`]*+:", re.IGNORECASE | re.MULTILINE)
_ASKED_FORM = re.compile(
    r"^[\s*_#>`-]*+action[ \t*_`]*+:[ \t*_`\"'<\[]*+\w.*\n[\s*_#>`-]*+action[ _]?input[ \t*_`]*+:\s*+[`{\"]",
    re.IGNORECASE | re.MULTILINE,
)
"""A name, and below it an object: where the object cannot be read, there is no other call to look for."""
_CLOSING_MARKS = re.compile(r"(?:\s|`|\]|</?[^<>\s]{1,40}>|\[/?[A-Z_]{1,20}\])*+")
_OPENS_MARKS = re.compile(r"\s*+(?:<tool_call>|\[TOOL_CALLS\]|<\|python_tag\|>|<function=)")
_CUT: Final = "The reply ends in the middle of its thoughts; think less, and write the call or the answer."
_UNREAD_MARKUP: Final = (
    "The reply holds a call that could not be read: call a tool by name with its arguments as one JSON object, or "
    "answer without a call."
)
_NO_JSON: Final = (
    "The reply is neither a JSON object with `action` (the name of a tool) and `arguments` (an object), nor one with "
    "`final_answer`; write one of the two."
)
_EMPTY: Final[Mapping[Form, str]] = {
    "react": react.NEITHER,
    "native": "The reply is empty: call a tool, or give the answer.",
    "json": _NO_JSON,
}
