"""The cassette: what models replied and tools gave, in a folder, so that a run can be had again without either.

`models.jsonl` holds replies by model and request, and is what `use: recorded` reads; `tools.jsonl` holds results by
tool, arguments and place; `sources.jsonl` holds the tools themselves. Lines are only added: of two for the same, the
later one counts, as a call that was under way when a run stopped is made again.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from pydantic import ValidationError

from ste_graph.contracts import Effect, Frozen, Json, Message, Observation, Reply, Tool, ToolCall, Usage
from ste_graph.errors import ModelError, SteError, WorkflowError
from ste_graph.files.jsonl import LineFile
from ste_graph.json_values import digest
from ste_graph.language.workflow import CassetteSpec
from ste_graph.tools.fingerprint import definition, fingerprint
from ste_graph.tools.forwarded import effect_note

Mode = Literal["live", "record", "replay"]


class NotRecordedError(SteError):
    """A replay asks for what the cassette does not hold: the unit fails, the others go on."""


@dataclass(frozen=True)
class RecordedTool:
    """A tool as the cassette knows it: its definition, and nothing to call."""

    name: str
    description: str
    parameters: Mapping[str, Json]
    effect: Effect
    effect_note: str | None = None

    async def call(self, arguments: Mapping[str, Json]) -> Observation:
        raise NotRecordedError(f"`{self.name}` is only known from a cassette and cannot be called")


class Result(Frozen):
    """One result of a tool, and the circumstances in which the tool gave it."""

    tool: str
    key: str
    arguments: dict[str, Json]
    place: str
    position: int
    observation: Observation


@dataclass
class _Results:
    """All results of one tool with the same arguments."""

    by_place: dict[str, Observation] = field(default_factory=dict)
    by_position: dict[int, Observation] = field(default_factory=dict)
    last: Observation | None = None


class Cassette:
    """The cassette of one run. Raises `WorkflowError` where its files cannot be read."""

    def __init__(self, spec: CassetteSpec | None, *, resets: bool = False) -> None:
        self.mode: Mode = spec.mode if spec else "live"
        self._folder = spec.path if spec else None
        self._resets = resets
        if spec is None or spec.mode == "live":
            return
        if spec.mode == "record":
            try:
                spec.path.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise WorkflowError(f"{spec.path}: no cassette can be kept there ({error.strerror})") from error
        elif not (spec.path / "models.jsonl").exists():
            raise WorkflowError(f"{spec.path}: there is no cassette to replay; run with `cassette.mode=record` first")
        self._models = LineFile(spec.path / "models.jsonl")
        self._tools = LineFile(spec.path / "tools.jsonl")
        self._sources = LineFile(spec.path / "sources.jsonl")

    def close(self) -> None:
        """Let go of the files."""
        if self.mode == "record":
            for file in (self._models, self._tools, self._sources):
                file.close()

    # -- models --------------------------------------------------------------------------------------------------

    def keep_reply(self, label: str, key: str, reply: Reply | ModelError) -> None:
        """Record what a model replied, or why it did not."""
        line: dict[str, Json] = {"model": label, "key": key}
        if isinstance(reply, ModelError):
            line |= {"text": "", "error": str(reply)}
        else:
            line |= {"text": reply.text, "usage": reply.usage.model_dump()}
            if reply.data is not None:
                line["data"] = reply.data
            if reply.tool_calls:
                line["tool_calls"] = [call.model_dump() for call in reply.tool_calls]
        self._models.append(line)

    def reply(self, label: str, key: str, messages: Sequence[Message]) -> Reply:
        """What the model replied to this request. Raises the `ModelError` that was recorded, and `NotRecordedError`."""
        line = self._replies.get((label, key))
        if line is None:
            asked = messages[-1]["content"] if messages else ""
            raise NotRecordedError(
                f"{self._models.path}: no reply of `{label}` is recorded for this request, whose last message is "
                f"{_short(asked)}; record it with `cassette.mode=record`"
            )
        if line.get("error") is not None:
            raise ModelError(line["error"])
        calls = tuple(ToolCall(**call) for call in line.get("tool_calls", ()))
        return Reply(text=line["text"], usage=Usage(**line.get("usage", {})), data=line.get("data"), tool_calls=calls)

    @cached_property
    def _replies(self) -> dict[tuple[str, str], dict[str, Json]]:
        return {(line.get("model", ""), line.get("key", "")): line for line in self._models.lines()}

    # -- tools ---------------------------------------------------------------------------------------------------

    async def result(
        self,
        tool: Tool,
        arguments: Mapping[str, Json],
        place: str,
        position: int,
        make: Callable[[], Awaitable[Observation]],
    ) -> Observation:
        """The result of a call (the contract `Tape`): made, made and recorded, or as recorded.

        The same place of the same run gets the same result. Elsewhere, a tool that only reads gives what it gave to
        these arguments last, and one with a state what it gave to them at the same position in the pass.
        """
        if self.mode == "replay":
            return self._recorded(tool, arguments, place, position)
        observation = await make()
        if self.mode == "record":
            key = _call_key(tool, arguments)
            plain = dict(arguments)
            result = Result(
                tool=tool.name, key=key, arguments=plain, place=place, position=position, observation=observation
            )
            self._tools.append(result.model_dump(mode="json"))
        return observation

    def _recorded(self, tool: Tool, arguments: Mapping[str, Json], place: str, position: int) -> Observation:
        found = self._results.get(_call_key(tool, arguments), _Results())
        if place in found.by_place:
            return found.by_place[place]
        stateful = self._resets or tool.effect != "read"
        other = found.by_position.get(position) if stateful else found.last
        if other is not None:
            return other
        raise NotRecordedError(
            f"{self._tools.path}: no result of `{tool.name}` as it is now defined is recorded for the arguments "
            f"{_short(dict(arguments))}{f' as call {position + 1} of its pass' if stateful else ''}; "
            "record it with `cassette.mode=record`"
        )

    @cached_property
    def _results(self) -> dict[str, _Results]:
        found: dict[str, _Results] = {}
        for number, line in enumerate(self._tools.lines(), start=1):
            try:
                result = Result.model_validate(line)
            except ValidationError:
                raise self._tools.damaged_line(number) from None
            same = found.setdefault(result.key, _Results())
            same.by_place[result.place] = result.observation
            same.by_position[result.position] = same.last = result.observation
        return found

    # -- sources -------------------------------------------------------------------------------------------------

    def keep_source(self, number: int, tools: Sequence[Tool]) -> None:
        """Record which tools a source of the workflow's `tools:` gave."""
        if self.mode == "record":
            listed = [{**definition(tool), "effect_note": effect_note(tool)} for tool in tools]
            self._sources.append({"source": number, "tools": listed})

    def source(self, number: int) -> list[Tool]:
        """The tools that a source gave. Raises `WorkflowError` if that was not recorded."""
        found: list[Tool] | None = None
        for line in self._sources.lines():
            if line.get("source") == number:
                found = [RecordedTool(**tool) for tool in line["tools"]]
        if found is None:
            raise WorkflowError(f"{self._sources.path}: does not hold the tools of entry {number} of `tools:`")
        return found


def _call_key(tool: Tool, arguments: Mapping[str, Json]) -> str:
    return digest([fingerprint(tool), dict(arguments)], length=16)


def _short(value: Json) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    text = " ".join(text.split())
    return f"`{text if len(text) <= 120 else f'{text[:117]}…'}`"
