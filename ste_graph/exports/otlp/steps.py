"""The spans of a step: its node, and in it each request to a model and each call of a tool."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from ste_graph.contracts import Json
from ste_graph.exports.otlp import conventions as names
from ste_graph.exports.otlp.span import TraceSpan, Value, derive_span_id, nanoseconds
from ste_graph.run.logs.logged_step import LoggedStep

_COUNTS: Final[Mapping[str, str]] = {
    "in": names.INPUT_TOKENS,
    "out": names.OUTPUT_TOKENS,
    "cached": names.CACHED_TOKENS,
    "retries": "ste.retries",
}
"""The attribute of each count of a reply, by its name in the log."""


@dataclass(frozen=True)
class SpanFacts:
    """The facts that the spans of a run, or of a part of it, have in common."""

    run: str
    """The id of the whole run."""
    part: str
    """The path of the part within the run; `.` for the run itself."""
    models: Mapping[str, Mapping[str, Json]]
    """The settings of the models, by their names in the workflow."""
    labels: Mapping[str, str]
    content: bool
    """True if message content is exported."""

    def model(self, name: str) -> str:
        """The model's own name, by that in the workflow."""
        return str(self.models.get(name, {}).get("model") or self.labels.get(name, name))

    def span_id(self, *place: object) -> int:
        """The id of a span of this part."""
        return derive_span_id(self.run, self.part, *place)


def step_place(vertex: str, passes: tuple[tuple[str, str], ...]) -> str:
    """The name of a step in its unit: that of the folder in which a sub-workflow would run there."""
    return ".".join([vertex, *(f"{loop}-{number}" for loop, number in passes)])


def make_step_spans(
    facts: SpanFacts, unit: str, step: LoggedStep, vertex: str, passes: tuple[tuple[str, str], ...], parent: int
) -> list[TraceSpan]:
    """The span of a step after those inside it. `unit` is the name of the unit's log."""
    place = step_place(vertex, passes)
    id, start, end = facts.span_id(unit, "step", place), nanoseconds(step.started), nanoseconds(step.ended)
    inner = []
    model_calls = 0
    for number, asked in enumerate(step.asked):
        began = start + int(float(asked.get("after", 0)) * 1e6) * 1000
        times = began, began + int(float(asked.get("s", 0)) * 1e6) * 1000
        own = facts.span_id(unit, "step", place, number)
        if "model" in asked:
            inner.append(_chat_span(facts, own, id, times, asked, step, model_calls))
            model_calls += 1
        else:
            inner.append(_tool_span(facts, own, id, times, asked, step))
    attributes: dict[str, Value] = {"ste.node": vertex, "ste.step": step.key}
    if step.record is not None:
        attributes |= {"ste.record": str(step.record.get("record")), "ste.record.id": str(step.record.get("id"))}
        attributes |= {
            f"ste.record.{name}": value
            for name in ("solved", "call_succeeded", "api_match", "args_correct")
            if isinstance(value := step.record.get(name), bool)
        }
    used = step.used
    if used.model_calls and not step.sub_workflow:
        attributes |= {"ste.model_calls": used.model_calls}
    for name in ("unreadable", "repaired", "truncated", "empty"):
        if count := getattr(used, name):
            attributes[f"ste.{name}"] = count
    if facts.content and step.outputs:
        attributes["ste.outputs"] = _json(step.outputs)
    return [*inner, TraceSpan(id, parent, vertex, start, max(start, end), attributes)]


def _chat_span(
    facts: SpanFacts,
    id: int,
    parent: int,
    times: tuple[int, int],
    asked: Mapping[str, Json],
    step: LoggedStep,
    number: int,
) -> TraceSpan:
    name = str(asked.get("for") or asked["model"])
    settings = facts.models.get(name, {})
    use = str(settings.get("use") or "custom")
    model = facts.model(name)
    attributes: dict[str, Value] = {
        names.OPERATION: names.CHAT,
        names.PROVIDER: names.PROVIDERS.get(use, use),
        names.REQUEST_MODEL: model,
        "ste.model": name,
    }
    if "for" in asked:  # another model replied in its place
        attributes[names.RESPONSE_MODEL] = facts.model(str(asked["model"]))
    for key, attribute in (("temperature", names.TEMPERATURE), ("max_tokens", names.MAX_TOKENS)):
        if isinstance(value := settings.get(key), int | float) and not isinstance(value, bool):
            attributes[attribute] = value
    for key, attribute in _COUNTS.items():
        if asked.get(key):
            attributes[attribute] = int(asked[key])
    if asked.get("finish"):
        attributes[names.FINISH_REASONS] = (str(asked["finish"]),)
    if facts.content:
        attributes |= _message_content(step, number)
    return TraceSpan(id, parent, f"{names.CHAT} {model}", *times, attributes, is_client=True)


def _tool_span(
    facts: SpanFacts, id: int, parent: int, times: tuple[int, int], asked: Mapping[str, Json], step: LoggedStep
) -> TraceSpan:
    tool, kind = str(asked["tool"]), str(asked.get("kind", "ok"))
    attributes: dict[str, Value] = {names.OPERATION: names.EXECUTE_TOOL, names.TOOL: tool, names.TOOL_TYPE: "function"}
    if kind != "ok":
        attributes[names.ERROR_TYPE] = kind
    if facts.content:
        seen = step.outputs.get("observation")
        if isinstance(seen, Mapping) and "text" in seen:
            attributes[names.TOOL_RESULT] = str(seen["text"])
        if isinstance(arguments := step.outputs.get("arguments"), Mapping):
            attributes[names.TOOL_ARGUMENTS] = _json(arguments)
    return TraceSpan(id, parent, f"{names.EXECUTE_TOOL} {tool}", *times, attributes, error=None if kind == "ok" else "")


def _message_content(step: LoggedStep, number: int) -> dict[str, Value]:
    """The messages that a request added to its transcript, and its reply; earlier ones are in earlier spans."""
    before: list[Mapping[str, Json]] = []
    replies = -1
    for message in step.messages:
        if message.get("role") != "assistant":
            before.append(message)
            continue
        replies += 1
        if replies == number:
            found: dict[str, Value] = {names.OUTPUT_MESSAGES: _json([_as_parts(message)])}
            return found | ({names.INPUT_MESSAGES: _json([_as_parts(each) for each in before])} if before else {})
        before = []
    return {}


def _as_parts(message: Mapping[str, Json]) -> dict[str, Json]:
    """A message in the form of the conventions: a role, and parts."""
    role, content = str(message.get("role")), message.get("content")
    text = content if isinstance(content, str) else _json(content) if content else ""
    if role == "tool":
        part = {"type": "tool_call_response", "id": message.get("tool_call_id"), "response": text}
        return {"role": role, "parts": [part]}
    parts: list[dict[str, Json]] = [{"type": "text", "content": text}] if text else []
    for call in message.get("tool_calls") or ():
        function = call.get("function") or {}
        parts.append(
            {
                "type": "tool_call",
                "id": call.get("id"),
                "name": function.get("name"),
                "arguments": function.get("arguments"),
            }
        )
    return {"role": role, "parts": parts}


def _json(value: Json) -> str:
    return json.dumps(value, ensure_ascii=False)
