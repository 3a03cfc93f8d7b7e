"""What a model is trained on: rows of a prompt and the completion that should follow it, both as texts."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from ste_graph.contracts import Json
from ste_graph.distil.clusters import free_values
from ste_graph.json_values import equality_key
from ste_graph.protocols.react import Action, parse
from ste_graph.scoring.document import read_lines, refused

_REQUEST: Final = re.compile(r"^User Query: *(.*?) *$", re.MULTILINE)


class Row(BaseModel):
    """One example. Whatever else stands in its line (where it comes from) is kept and given no meaning.

    Chat messages, as `ste export --form prompt-completion` writes them, become the text protocol: `User Query: …`,
    `Action: …` with `Action Input: …`, `Observation: …`. Of the tools there, the schema of the one that is called is
    kept, under `parameters`.
    """

    model_config = ConfigDict(frozen=True, extra="allow")

    prompt: str = Field(min_length=1)
    completion: str = Field(min_length=1)

    @model_validator(mode="before")
    @classmethod
    def _as_text(cls, given: Json) -> Json:
        if not isinstance(given, Mapping) or not isinstance(given.get("prompt"), list):
            return given
        rest = {key: value for key, value in given.items() if key != "tools"}
        completion = _said(given.get("completion") or [], "")
        schemas = {"parameters": parameters} if (parameters := _parameters(given.get("tools"), completion)) else {}
        return {**rest, **schemas, "prompt": _said(given["prompt"], "\n"), "completion": completion}

    @property
    def query(self) -> str:
        """The request in the prompt; the whole prompt where it has none."""
        found = _REQUEST.search(self.prompt)
        return found[1].strip() if found else self.prompt.strip()

    @property
    def call(self) -> Action | None:
        """The call to learn; None where none is."""
        step = parse(self.completion)
        return step if isinstance(step, Action) else None

    @property
    def tool(self) -> str:
        """The tool that the row teaches: what it says itself, else what its completion calls; "" if neither does."""
        more = self.model_extra or {}
        came_from = more.get("provenance")
        for said in (more.get("tool"), came_from.get("tool") if isinstance(came_from, Mapping) else None):
            if isinstance(said, str) and said:
                return said
        return self.call.name if self.call else ""

    @property
    def model(self) -> str | None:
        """Which model came up with the request, if the row says where it comes from."""
        came_from = (self.model_extra or {}).get("provenance")
        return str(came_from["model"]) if isinstance(came_from, Mapping) and came_from.get("model") else None

    @property
    def values(self) -> list[str]:
        """The argument values of the completion, as texts; the innermost ones of lists and objects."""
        return [value if isinstance(value, str) else json.dumps(value) for value in _leaves(_object(self.completion))]

    @property
    def said(self) -> set[str]:
        """The argument values in a form in which equal ones are equal: 2 as 2.0, and "2" another."""
        return {equality_key(value) for value in _leaves(_object(self.completion))}

    @property
    def free(self) -> set[str]:
        """Those of them that are chosen freely: no default, no switch, and none that the schema names."""
        given = _object(self.completion)
        schema = (self.model_extra or {}).get("parameters")
        if not isinstance(given, Mapping):
            return set()
        return free_values(given, schema if isinstance(schema, Mapping) else {})

    def is_unseen(self, known: Collection[str]) -> bool:
        """Whether it has free values, and none of them is among `known`, what other rows have `said`."""
        return bool(self.free) and self.free.isdisjoint(known)


def read_rows(paths: Sequence[str | Path]) -> list[Row]:
    """The rows of JSONL files, in order. Raises `WorkflowError` that names every line which is none."""
    rows: list[Row] = []
    for path in map(Path, paths):
        faults: list[str] = []
        for number, value in read_lines(path):
            try:
                rows.append(Row.model_validate(value))
            except ValidationError as fault:
                first = fault.errors()[0]
                faults.append(f"line {number}: {'.'.join(map(str, first['loc'])) or 'the line'}: {first['msg']}")
        if faults:
            raise refused(
                path, faults, "expected objects with `prompt` and `completion`, both texts or both chat messages"
            )
    return rows


def by_tool(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """The rows of each tool, tools by name."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row.tool, []).append(row)
    return dict(sorted(found.items()))


def _parameters(tools: Json, completion: str) -> Json:
    """The schema of the tool that a completion calls, as the row offers it; None if it does not."""
    step = parse(completion)
    name = step.name if isinstance(step, Action) else None
    offered = (tool.get("function") or {} for tool in tools or ())
    return next((function.get("parameters") for function in offered if name and function.get("name") == name), None)


def _said(messages: Json, after: str) -> str:
    """Chat messages in the text protocol, each followed by `after`."""
    return "".join(f"{text}{after}" for message in messages for text in _lines(message))


def _lines(message: Mapping[str, Json]) -> Iterator[str]:
    content = str(message.get("content") or "")
    match message.get("role"):
        case "user":
            yield f"User Query: {content}"
        case "tool":
            yield f"Observation: {content}"
        case "assistant" if message.get("tool_calls"):
            if content:
                yield f"Thought: {content}\n"
            for call in message["tool_calls"]:
                arguments = call["function"]["arguments"]
                told = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
                yield f"Action: {call['function']['name']}\nAction Input: {told}"
        case "assistant":
            yield f"Final Answer: {content}"
        case _:
            yield content


def _object(text: str) -> Json:
    """The first JSON object in a text; None if there is none."""
    at = text.find("{")
    while at >= 0:
        try:
            return json.JSONDecoder().raw_decode(text, at)[0]
        except ValueError:
            at = text.find("{", at + 1)
    return None


def _leaves(value: Json) -> Iterator[Json]:
    match value:
        case Mapping():
            for inner in value.values():
                yield from _leaves(inner)
        case list():
            for inner in value:
                yield from _leaves(inner)
        case None:
            return
        case _:
            yield value
