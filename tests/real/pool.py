"""Cassettes of real replies: a pool by node and tool, with the digest of the prompt that got each.

A plugin with two kinds of models. `pool.RecordingPool` asks a server and adds each reply to the pool.
`pool.PooledModel` gives the replies of a node and tool in their order, whatever the prompt is now, and begins anew
behind the last: so what real models write meets today's reader, prompts and gates without a model. Its `report` says
which prompts differ.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from itertools import cycle
from pathlib import Path
from typing import Any, ClassVar

from ste_graph.contracts import Frozen, Message, ModelRequest, ToolCall
from ste_graph.errors import ModelError
from ste_graph.json_values import digest
from ste_graph.models.adapter import Adapter, ModelClient, RawReply
from ste_graph.models.notes import ServerNotes
from ste_graph.models.openai import OpenAIModel
from ste_graph.settings import RelativePath

ANSWER = "answer"
"""The node whose prompts offer all tools: its replies are found by the request that they answer."""


class PooledReply(Frozen):
    """One line of the pool."""

    node: str
    tool: str
    """The tool that the prompt is about; "" where it offers several."""
    prompt: str
    """The digest of the messages."""
    request: str = ""
    """The last message, where the prompt offers several tools."""
    text: str
    tool_calls: tuple[ToolCall, ...] = ()
    reasoning: str = ""
    finish_reason: str | None = None


def digest_prompt(messages: Sequence[Message]) -> str:
    """A short digest of what a model is shown."""
    return digest([[message["role"], message["content"]] for message in messages], length=16)


def find_tool(messages: Sequence[Message], tools: Sequence[str]) -> str:
    """The one tool of `tools` that a prompt shows, "" if it shows none or several."""
    lines = "\n".join(str(message["content"]) for message in messages).splitlines()
    shown = {name for name in tools if f"API_name: {name}" in lines}
    return shown.pop() if len(shown) == 1 else ""


class RecordingPool(OpenAIModel):
    """A model behind a server, whose replies are added to a pool."""

    pool: RelativePath
    node: str
    tools: tuple[str, ...]

    def open_run_client(self, notes: ServerNotes) -> ModelClient:  # type: ignore[override]
        return _RecordingClient(super().open_run_client(notes), self)


class _RecordingClient:
    def __init__(self, client: ModelClient, settings: RecordingPool) -> None:
        self._client = client
        self._settings = settings

    async def ask(self, request: ModelRequest) -> RawReply:
        reply = await self._client.ask(request)
        tool = find_tool(request.messages, self._settings.tools)
        line = PooledReply(
            node=self._settings.node,
            tool=tool,
            prompt=digest_prompt(request.messages),
            request="" if tool else str(request.messages[-1]["content"]),
            text=reply.text,
            tool_calls=reply.tool_calls,
            reasoning=reply.reasoning,
            finish_reason=reply.finish_reason,
        )
        with Path(self._settings.pool).open("a", encoding="utf-8") as pool:
            pool.write(line.model_dump_json(exclude_defaults=True) + "\n")
        return reply

    async def close(self) -> None:
        await self._client.close()


class PooledModel(Adapter):
    """A model that gives the replies of a pool to a node, by tool and in their order."""

    sampling: ClassVar[bool] = False

    pool: RelativePath
    node: str
    report: RelativePath
    """The file that gets a line for each reply: node, tool, and whether the prompt is the one that got it."""

    @property
    def label(self) -> str:
        return "pool of real replies"

    def open_client(self) -> ModelClient:
        return _PooledClient(self, [reply for reply in read_pool(Path(self.pool)) if reply.node == self.node])


class _PooledClient:
    def __init__(self, settings: PooledModel, replies: Sequence[PooledReply]) -> None:
        self._settings = settings
        self._replies = replies
        self._turns: dict[tuple[str, str | None], Any] = {}
        self._tools = sorted({reply.tool for reply in replies} - {""})

    async def ask(self, request: ModelRequest) -> RawReply:
        prompt = digest_prompt(request.messages)
        tool = find_tool(request.messages, self._tools)
        reply = self._find(tool, str(request.messages[-1]["content"]))
        line = {"node": reply.node, "tool": tool, "same": reply.prompt == prompt}
        with Path(self._settings.report).open("a", encoding="utf-8") as report:
            report.write(json.dumps(line) + "\n")
        return RawReply(
            reply.text, tool_calls=reply.tool_calls, reasoning=reply.reasoning, finish_reason=reply.finish_reason
        )

    def _find(self, tool: str, request: str) -> PooledReply:
        """The next reply about a tool, or to a request."""
        own = [reply for reply in self._replies if reply.tool == tool]
        asked = [reply for reply in own if not tool and reply.request == request]
        key = (tool, request if asked else None)
        own = asked or own
        if not own:
            raise ModelError(f"the pool has no reply of `{self._settings.node}` about {tool or 'several tools'}")
        return next(self._turns.setdefault(key, cycle(own)))  # type: ignore[no-any-return]

    async def close(self) -> None:
        """Do nothing: the pool was read at the start."""


def read_pool(file: Path) -> list[PooledReply]:
    """The replies of a pool, in order."""
    return [PooledReply.model_validate_json(line) for line in file.read_text("utf-8").splitlines()]


def describe_report(file: Path) -> str:
    """The number of replies that were given to prompts that have changed since, by node and tool."""
    counts: dict[str, list[bool]] = defaultdict(list)
    for line in map(json.loads, file.read_text("utf-8").splitlines()):
        counts[f"{line['node']}, {line['tool'] or 'several tools'}"].append(line["same"])
    return "\n".join(
        f"{place}: {same.count(False)} of {len(same)} replies were given to another prompt"
        for place, same in sorted(counts.items())
    )
