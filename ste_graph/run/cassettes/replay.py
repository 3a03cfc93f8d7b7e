"""`cassette: {mode: replay}`: run again without a model and without a tool."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from pydantic import ValidationError

from ste_graph.contracts import Json, Message, ModelRequest, Observation, Reply, Tool, ToolCall, Usage
from ste_graph.errors import ModelError, WorkflowError
from ste_graph.models.meter import Meter
from ste_graph.models.prices import Prices
from ste_graph.models.recorded import request_key
from ste_graph.run.cassettes.cassette import CassetteFiles, NotRecordedError, RecordedTool, ToolResult, call_key


@dataclass
class _Results:
    """All results of one tool with the same arguments."""

    by_place: dict[str, Observation] = field(default_factory=dict)
    by_position: dict[int, Observation] = field(default_factory=dict)
    last: Observation | None = None


class Replay:
    """Replays the cassette in `folder`. Raises `WorkflowError` if it is missing.

    With `resets`, every tool counts as one with a state.
    """

    def __init__(self, folder: Path, *, resets: bool = False) -> None:
        if not (folder / "models.jsonl").exists():
            raise WorkflowError(f"{folder}: no cassette to replay; run with `cassette.mode=record` first")
        self._files = CassetteFiles(folder)
        self._resets = resets

    def reply(self, label: str, key: str, messages: Sequence[Message]) -> Reply:
        """The model's reply to this request. Raises the `ModelError` that was recorded, and `NotRecordedError`."""
        line = self._replies.get((label, key))
        if line is None:
            asked = messages[-1]["content"] if messages else ""
            raise NotRecordedError(
                f"{self._files.models.path}: no reply of `{label}` is recorded for this request, whose last message is "
                f"{_shorten(asked)}; record it with `cassette.mode=record`"
            )
        if line.get("error") is not None:
            raise ModelError(line["error"])
        calls = tuple(ToolCall(**call) for call in line.get("tool_calls", ()))
        return Reply(
            text=line["text"],
            usage=Usage(**line.get("usage", {})),
            data=line.get("data"),
            tool_calls=calls,
            reasoning=line.get("reasoning", ""),
            finish_reason=line.get("finish_reason"),
            problem=line.get("problem", ""),
            by=line.get("by", ""),
        )

    async def result(
        self,
        tool: Tool,
        arguments: Mapping[str, Json],
        place: str,
        position: int,
        make: Callable[[], Awaitable[Observation]],
    ) -> Observation:
        """The recorded result of a call (the contract `Tape`). Raises `NotRecordedError`.

        The same place of the same run gets the same result. Elsewhere, a tool that only reads returns what it returned
        to these arguments last, and one with a state what it returned to them at the same position in the pass.
        """
        found = self._results.get(call_key(tool, arguments), _Results())
        if place in found.by_place:
            return found.by_place[place]
        stateful = self._resets or tool.effect != "read"
        other = found.by_position.get(position) if stateful else found.last
        if other is not None:
            return other
        raise NotRecordedError(
            f"{self._files.tools.path}: no result of `{tool.name}` as it is now defined is recorded for the arguments "
            f"{_shorten(dict(arguments))}{f' as call {position + 1} of its pass' if stateful else ''}; "
            "record it with `cassette.mode=record`"
        )

    def source(self, number: int) -> list[Tool]:
        """The tools of an entry of the workflow's `tools:`. Raises `WorkflowError` if they were not recorded."""
        found: list[Tool] | None = None
        for line in self._files.sources.lines():
            if line.get("source") == number:
                found = [RecordedTool(**tool) for tool in line["tools"]]
        if found is None:
            raise WorkflowError(f"{self._files.sources.path}: does not hold the tools of entry {number} of `tools:`")
        return found

    def servers(self, workflow: str) -> dict[str, Json]:
        """The facts known about the servers when the recorded run of the workflow began."""
        lines = [line for line in self._files.servers.lines() if line.get("workflow") == workflow]
        return dict(lines[-1]["servers"]) if lines else {}

    def close(self) -> None:
        """Let go of the files."""
        self._files.close()

    @cached_property
    def _replies(self) -> dict[tuple[str, str], dict[str, Json]]:
        return {(line.get("model", ""), line.get("key", "")): line for line in self._files.models.lines()}

    @cached_property
    def _results(self) -> dict[str, _Results]:
        found: dict[str, _Results] = {}
        for number, line in enumerate(self._files.tools.lines(), start=1):
            try:
                result = ToolResult.model_validate(line)
            except ValidationError:
                raise self._files.tools.damaged_line(number) from None
            same = found.setdefault(result.key, _Results())
            same.by_place[result.place] = result.observation
            same.by_position[result.position] = same.last = result.observation
        return found


class ReplayModel:
    """A `Model` that replays recorded replies; budgets and counts hold for it too.

    `prices` are those of the model called `name`, and of the models that may have replied in its place.
    """

    def __init__(
        self, label: str, replay: Replay, meter: Meter, *, name: str = "", prices: Mapping[str, Prices] = {}
    ) -> None:
        self.label = label
        self._replay = replay
        self._meter = meter
        self._name = name
        self._prices = prices

    async def reply(self, request: ModelRequest) -> Reply:
        account = request.account or self._meter
        with account.model_call():
            reply = self._replay.reply(self.label, request_key(request), request.messages)
            prices = self._prices.get(reply.by or self._name)
            account.add_usage(reply.usage, prices.price_of(reply.usage) if prices else 0.0)
            return reply


def _shorten(value: Json) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    text = " ".join(text.split())
    return f"`{text if len(text) <= 120 else f'{text[:117]}…'}`"
