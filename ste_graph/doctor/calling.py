"""Structured output, tool calls, and the order of roles."""

from __future__ import annotations

import json
import re
from typing import Final

from ste_graph.contracts import Json, Message, Reply
from ste_graph.doctor.asking import Examiner, LostReplyError, TimedReply, excerpt
from ste_graph.doctor.diagnosis import Diagnosis, Protocol
from ste_graph.errors import ModelError
from ste_graph.protocols.next_step import Action
from ste_graph.protocols.reader import read

SCHEMA: Final[dict[str, Json]] = {
    "type": "object",
    "properties": {"town": {"type": "string"}, "nights": {"type": "integer"}},
    "required": ["town", "nights"],
    "additionalProperties": False,
}
STAY: Final = "Somebody books two nights in Porto. Which town is it, and how many nights?"

TOOL: Final[dict[str, Json]] = {
    "type": "function",
    "function": {
        "name": "find_train",
        "description": "Find the next train between two towns on a day.",
        "parameters": {
            "type": "object",
            "properties": {
                "origin": {"type": "string", "minLength": 1, "description": "The town to leave from."},
                "destination": {"type": "string", "minLength": 1, "description": "The town to go to."},
                "day": {"type": "string", "format": "date", "pattern": r"^\d{4}-\d{2}-\d{2}$"},
            },
            "required": ["origin", "destination", "day"],
            "additionalProperties": False,
        },
    },
}
"""It has the schema keywords that servers refuse most often."""
JOURNEY: Final = "Which train goes from Lyon to Turin on 2026-12-03? Look it up with the tool."

MARKS: Final = (
    ("<tool_call>", r"<tool_call"),
    ("[TOOL_CALLS]", r"\[TOOL_CALLS?\]"),
    ("<|python_tag|>", r"<\|python_tag\|>"),
    ("<function=…>", r"<function[=s ]"),
    ("<tools>", r"<tools?>"),
    ("harmony", r"<\|channel\|>|<\|message\|>"),
    ("Action: …", r"^\s*Action\s*:"),
    ("fenced JSON", r"```"),
    ("JSON", r"\{"),
    ("Python", r"\w\("),
)
"""The dialects of calls that are left in a text, by the mark that tells them."""


async def try_structure(examiner: Examiner, diagnosis: Diagnosis) -> None:
    """Ask for JSON of a schema, in words that do not speak of JSON."""
    try:
        reply = await examiner.ask(STAY, max_tokens=60, schema=SCHEMA)
    except ModelError as error:
        diagnosis.add("structured output", "no", str(error))
        return
    form = examiner.adaptation.structured
    if "response_format" in examiner.adaptation.unsent:
        form = "prompt"
    kept = _keeps_schema(reply)
    match form:
        case "json_schema" if kept:
            diagnosis.add("structured output", "yes", "by its schema (json_schema)")
        case "json_schema":
            diagnosis.add(
                "structured output",
                "ignored",
                f"json_schema is taken, but the reply was {_excerpt(reply)}",
            )
        case "json_object":
            note = "json_schema is refused, so JSON is asked for without its schema (json_object)"
            diagnosis.add("structured output", "adapted" if kept else "ignored", note)
        case _:
            note = "not available, so JSON is asked for in the prompt" + (
                "" if kept else f"; the reply was {_excerpt(reply)}"
            )
            diagnosis.add("structured output", "adapted" if kept else "no", note)


def _keeps_schema(reply: TimedReply) -> bool:
    data = reply.raw.data
    if data is None:
        try:
            data = json.loads(reply.text)
        except ValueError:
            return False
    return isinstance(data, dict) and data.keys() == {"town", "nights"} and isinstance(data["nights"], int)


async def try_tool_call(examiner: Examiner, diagnosis: Diagnosis) -> None:
    """Offer a tool, and see where the call of it ends up; then choose how calls are best asked for."""
    known = set(examiner.adaptation.keywords)
    structured = diagnosis.find("structured output")
    otherwise: Protocol = "json" if structured and structured.outcome in ("yes", "adapted") else "react"
    try:
        reply = await examiner.ask(JOURNEY, max_tokens=120, tools=[TOOL])
    except ModelError as error:
        lost = (
            "the model called it, and the server could not read the call: " if isinstance(error, LostReplyError) else ""
        )
        diagnosis.add("tool call", "no", f"{lost}{error}")
        diagnosis.protocol = otherwise
        return
    diagnosis.protocol = "native"
    step = _read(reply)
    if examiner.adaptation.no_tools:
        read_here = isinstance(step, Action)
        diagnosis.add(
            "tool call", "adapted" if read_here else "no", "tools are refused, so they are described in the prompt"
        )
        diagnosis.protocol = otherwise
    elif reply.raw.tool_calls:
        diagnosis.add("tool call", "yes", "the server reads it" + _slips(step))
    elif isinstance(step, Action):
        where, text = ("in the text", reply.raw.text)
        if "call in the reasoning" in step.repairs:
            where, text = "in the thoughts", reply.thoughts
        diagnosis.add("tool call", "adapted", f"left {where} by the server, as {dialect(text)}; it is read there")
    else:
        promised = reply.raw.finish_reason == "tool_calls"
        lost = "one is promised (finish_reason), and none is there" if promised else f"none in {_excerpt(reply)}"
        diagnosis.add("tool call", "no", lost)
        diagnosis.protocol = otherwise
    if new := sorted(set(examiner.adaptation.keywords) - known):
        diagnosis.add("tool schemas", "adapted", f"left out, as the server refuses them: {', '.join(new)}")


def _read(reply: TimedReply) -> object:
    raw = reply.raw
    answer = Reply(text=raw.text, tool_calls=raw.tool_calls, reasoning=raw.reasoning, finish_reason=raw.finish_reason)
    return read(answer, {"find_train": TOOL["function"]["parameters"]}, "native")


def _slips(step: object) -> str:
    if not isinstance(step, Action):
        return ", but its arguments cannot be read"
    return "" if {"origin", "destination"} <= step.arguments.keys() else "; the model left out some arguments"


def dialect(text: str) -> str:
    """The name of the form of a call in a text."""
    return next(name for name, mark in (*MARKS, ("text", "")) if re.search(mark, text, re.MULTILINE))


ORDER: Final[tuple[Message, ...]] = (
    {"role": "system", "content": "You answer in one word."},
    {"role": "user", "content": "I am planning a journey."},
    {"role": "user", "content": "Is there a train from Lyon to Turin?"},
    {
        "role": "assistant",
        "content": "",
        "tool_calls": [
            {
                "id": "call_train_1",
                "type": "function",
                "function": {
                    "name": "find_train",
                    "arguments": '{"origin": "Lyon", "destination": "Turin", "day": "2026-12-03"}',
                },
            }
        ],
    },
    {"role": "tool", "tool_call_id": "call_train_1", "content": "TGV 9241, 06:33"},
    {"role": "user", "content": "Is that before noon?"},
)
"""A system message, two users in a row, and a user after a tool."""


async def try_roles(examiner: Examiner, diagnosis: Diagnosis) -> None:
    """Send a conversation whose roles are in the orders that chat templates refuse."""
    try:
        await examiner.ask(ORDER, max_tokens=4, tools=[TOOL], think=False)
    except LostReplyError:  # to what came after the roles
        pass
    except ModelError as error:
        diagnosis.add("order of roles", "no", str(error))
        return
    adaptation = examiner.adaptation
    changes = [
        words
        for applies, words in (
            (adaptation.no_system, "no system role: its text opens the first user message"),
            (adaptation.alternating, "user and assistant take turns in what is sent"),
            (adaptation.short_ids, "ids of calls are nine letters and digits"),
        )
        if applies
    ]
    if changes:
        diagnosis.add("order of roles", "adapted", "; ".join(changes))
    else:
        diagnosis.add(
            "order of roles", "yes", "a system message, two users in a row, and a user after a tool are taken"
        )


def _excerpt(reply: TimedReply) -> str:
    return excerpt(reply.text or reply.thoughts) or "empty"
