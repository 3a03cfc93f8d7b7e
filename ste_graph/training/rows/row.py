"""A training row: a prompt and the completion that should follow it, both as texts."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from ste_graph.contracts import Json
from ste_graph.distil.clusters import free_values
from ste_graph.distil.leaves import schema_leaves
from ste_graph.json_values import equality_key
from ste_graph.protocols.next_step import Action
from ste_graph.protocols.react import parse
from ste_graph.scoring.problems import problems_error, read_lines

_REQUEST: Final = re.compile(r"^User Query: *(.*?) *$", re.MULTILINE)


class TrainingRow(BaseModel):
    """One row. Other keys of its line (its provenance) are kept and given no meaning.

    Chat messages, as `ste export --form prompt-completion` writes them, become the text protocol: `User Query: …`,
    `Action: …` with `Action Input: …`, `Observation: …`. Of the tools there, the schema of the one that is called is
    kept, under `parameters`.
    """

    model_config = ConfigDict(frozen=True, extra="allow")

    prompt: str = Field(min_length=1)
    completion: str = Field(min_length=1)

    @model_validator(mode="before")
    @classmethod
    def _render_messages(cls, data: Json) -> Json:
        if not isinstance(data, Mapping) or not isinstance(data.get("prompt"), list):
            return data
        rest = {key: value for key, value in data.items() if key != "tools"}
        completion = _render(data.get("completion") or [], "")
        schemas = {"parameters": schema} if (schema := _parameters(data.get("tools"), completion)) else {}
        return {**rest, **schemas, "prompt": _render(data["prompt"], "\n"), "completion": completion}

    @property
    def query(self) -> str:
        """The request in the prompt; the whole prompt if it has none."""
        found = _REQUEST.search(self.prompt)
        return found[1].strip() if found else self.prompt.strip()

    @property
    def call(self) -> Action | None:
        """The call to learn, if the completion is one."""
        step = parse(self.completion)
        return step if isinstance(step, Action) else None

    @property
    def tool(self) -> str:
        """The tool that the row teaches: the one it names, else the one its completion calls, else ""."""
        for name in ((self.model_extra or {}).get("tool"), self._provenance.get("tool")):
            if isinstance(name, str) and name:
                return name
        return self.call.name if self.call else ""

    @property
    def model(self) -> str | None:
        """The model that came up with the request, if the row says so."""
        model = self._provenance.get("model")
        return str(model) if model else None

    @property
    def values(self) -> list[str]:
        """The argument values of the completion, as texts; the innermost ones of lists and objects."""
        return [value if isinstance(value, str) else json.dumps(value) for value in _values(self.completion)]

    @property
    def value_keys(self) -> set[str]:
        """The argument values as keys that equal values share: 2 and 2.0 have one, "2" another."""
        return {equality_key(value) for value in _values(self.completion)}

    @property
    def free_value_keys(self) -> set[str]:
        """The keys of the values that are chosen freely: no default, no boolean, none that the schema names."""
        arguments = _object(self.completion)
        schema = (self.model_extra or {}).get("parameters")
        if not isinstance(arguments, Mapping):
            return set()
        return free_values(arguments, schema if isinstance(schema, Mapping) else {})

    def is_unseen(self, known_values: Collection[str]) -> bool:
        """True if it has freely chosen values, and none of them is among the `value_keys` of other rows."""
        return bool(self.free_value_keys) and self.free_value_keys.isdisjoint(known_values)

    @property
    def _provenance(self) -> Mapping[str, Json]:
        provenance = (self.model_extra or {}).get("provenance")
        return provenance if isinstance(provenance, Mapping) else {}


def read_rows(paths: Sequence[str | Path]) -> list[TrainingRow]:
    """The rows of JSONL files, in order. Raises `WorkflowError` that names every line which is not a row."""
    rows: list[TrainingRow] = []
    for path in map(Path, paths):
        faults: list[str] = []
        for number, value in read_lines(path):
            try:
                rows.append(TrainingRow.model_validate(value))
            except ValidationError as error:
                first = error.errors()[0]
                faults.append(f"line {number}: {'.'.join(map(str, first['loc'])) or 'the line'}: {first['msg']}")
        if faults:
            raise problems_error(
                path, faults, "expected objects with `prompt` and `completion`, both texts or both chat messages"
            )
    return rows


def group_by_tool(rows: Sequence[TrainingRow]) -> dict[str, list[TrainingRow]]:
    """The rows of each tool, tools by name."""
    groups: dict[str, list[TrainingRow]] = {}
    for row in rows:
        groups.setdefault(row.tool, []).append(row)
    return dict(sorted(groups.items()))


def _parameters(tools: Json, completion: str) -> Json:
    """The schema of the tool that a completion calls, if the row offers that tool."""
    step = parse(completion)
    name = step.name if isinstance(step, Action) else None
    offered = (tool.get("function") or {} for tool in tools or ())
    return next((function.get("parameters") for function in offered if name and function.get("name") == name), None)


def _render(messages: Json, end: str) -> str:
    """Chat messages in the text protocol, each followed by `end`."""
    return "".join(f"{text}{end}" for message in messages for text in _message_lines(message))


def _message_lines(message: Mapping[str, Json]) -> Iterator[str]:
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
                text = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
                yield f"Action: {call['function']['name']}\nAction Input: {text}"
        case "assistant":
            yield f"Final Answer: {content}"
        case _:
            yield content


def _object(text: str) -> Json:
    """The first JSON object in a text; None if it has none."""
    start = text.find("{")
    while start >= 0:
        try:
            return json.JSONDecoder().raw_decode(text, start)[0]
        except ValueError:
            start = text.find("{", start + 1)
    return None


def _values(text: str) -> list[Json]:
    """The innermost values of the first JSON object in a text."""
    return [leaf.value for leaf in schema_leaves(_object(text), {}) if leaf.value not in (None, [], {})]
