"""`cassette: {mode: record}`: write down what models reply and tools return."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path

from ste_graph.contracts import Json, Model, ModelRequest, Observation, Reply, Tool
from ste_graph.errors import ModelError, WorkflowError
from ste_graph.models.recorded import request_key
from ste_graph.run.cassettes.cassette import CassetteFiles, ToolResult, call_key
from ste_graph.tools.fingerprint import definition
from ste_graph.tools.forwarded import effect_note


class Recording:
    """Records a run into the cassette in `folder`. Raises `WorkflowError` where no cassette can be written."""

    def __init__(self, folder: Path) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise WorkflowError(f"{folder}: no cassette can be written there ({error.strerror})") from error
        self._files = CassetteFiles(folder)

    def add_reply(self, label: str, key: str, reply: Reply | ModelError) -> None:
        """Record a model's reply, or the reason why it gave none."""
        line: dict[str, Json] = {"model": label, "key": key}
        if isinstance(reply, ModelError):
            line |= {"text": "", "error": str(reply)}
        else:
            line |= {"text": reply.text, "usage": reply.usage.model_dump(exclude_defaults=True)}
            if reply.data is not None:
                line["data"] = reply.data
            if reply.tool_calls:
                line["tool_calls"] = [call.model_dump() for call in reply.tool_calls]
            line |= {
                name: value
                for name in ("reasoning", "finish_reason", "problem", "by")
                if (value := getattr(reply, name))
            }
        self._files.models.append(line)

    async def result(
        self,
        tool: Tool,
        arguments: Mapping[str, Json],
        place: str,
        position: int,
        make: Callable[[], Awaitable[Observation]],
    ) -> Observation:
        """Make a call and record its result (the contract `Tape`)."""
        observation = await make()
        result = ToolResult(
            tool=tool.name,
            key=call_key(tool, arguments),
            arguments=dict(arguments),
            place=place,
            position=position,
            observation=observation,
        )
        self._files.tools.append(result.model_dump(mode="json"))
        return observation

    def add_source(self, number: int, tools: Sequence[Tool]) -> None:
        """Record the tools of an entry of the workflow's `tools:`."""
        listed = [{**definition(tool), "effect_note": effect_note(tool)} for tool in tools]
        self._files.sources.append({"source": number, "tools": listed})

    def add_servers(self, workflow: str, servers: Mapping[str, Json]) -> None:
        """Record what is known of the servers when a run of the workflow begins, by the name of the model."""
        self._files.servers.append({"workflow": workflow, "servers": dict(servers)})

    def close(self) -> None:
        """Let go of the files."""
        self._files.close()


class RecordingModel:
    """A `Model` around another one, whose replies and errors it records."""

    def __init__(self, model: Model, recording: Recording) -> None:
        self._model = model
        self._recording = recording

    @property
    def label(self) -> str:
        return self._model.label

    async def reply(self, request: ModelRequest) -> Reply:
        key = request_key(request)
        try:
            reply = await self._model.reply(request)
        except ModelError as error:
            self._recording.add_reply(self.label, key, error)
            raise
        self._recording.add_reply(self.label, key, reply)
        return reply
