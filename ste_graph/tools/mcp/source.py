"""`use: mcp`: the tools of an MCP server."""

from __future__ import annotations

import importlib.util
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar, Self
from urllib.parse import parse_qsl, urlsplit

from pydantic import Field, PrivateAttr, WithJsonSchema, model_validator

from ste_graph.contracts import Effect, Json, Observation, Tool
from ste_graph.errors import WorkflowError
from ste_graph.redaction import Redactor, find_secrets
from ste_graph.settings import Address, HubPath, RelativePath, Secret
from ste_graph.tools.choice import ToolChoice, ToolNames, strictest
from ste_graph.tools.mcp.answer import observed
from ste_graph.tools.mcp.connection import Connection, ConnectionLostError, said
from ste_graph.tools.mcp.transport import Process, Remote, Transport
from ste_graph.tools.names import legal_names
from ste_graph.tools.policy import note_doubt
from ste_graph.tools.verbs import DESTROYING, find_verb, third_person

if TYPE_CHECKING:
    from mcp.types import Tool as Listed

LONG = 8
"""Characters that a value must have to be held for a secret by where it comes from alone."""
WRITTEN = WithJsonSchema(
    {
        "anyOf": [
            {"type": "string"},
            {
                "type": "object",
                "properties": {"env": {"type": "string"}, "default": {"type": "string"}},
                "required": ["env"],
                "additionalProperties": False,
            },
        ]
    }
)
"""What a workflow may write for one value: a text, or `{env: NAME}`."""
TELLING = re.compile(r"key|token|secret|passw|pwd|credential|auth", re.IGNORECASE)


class MCPTools(ToolChoice):
    """The tools of an MCP server: a program that the run starts and ends, or a URL (streamable HTTP).

    Effects come from the tools' annotations: `readOnlyHint` is read, `destructiveHint: false` write, all else
    destructive, as is what is annotated as read-only but named for a loss (`delete_file`), unless `effects` says
    otherwise. A server that ends is started again by the next call.
    """

    starts: ClassVar[bool] = True

    command: HubPath | None = Field(
        default=None,
        description="The program to start: a name on PATH, or a path, which starts with `.`, `/` or `~`.",
        examples=["uvx", "npx", "mcp-server-time"],
    )
    args: tuple[str, ...] = Field(default=(), description="The program's arguments.", examples=[["mcp-server-time"]])
    env: dict[str, Annotated[Address, WRITTEN]] = Field(
        default={},
        repr=False,
        description="The server's environment, beside PATH, HOME and LANG; nothing else of ours reaches it.",
    )
    cwd: RelativePath | None = Field(default=None, description="The folder in which it runs; by default the current.")
    url: Address | None = Field(
        default=None, description="The server's address, instead of `command`.", examples=["http://localhost:8000/mcp"]
    )
    headers: dict[str, Annotated[Secret, WRITTEN]] = Field(
        default={}, repr=False, description="Headers that go along with every request."
    )
    errors: tuple[re.Pattern[str], ...] = Field(
        default=(),
        description="Regular expressions: a text that starts with one of them reports a failure, as do texts that "
        "start with `Error:`, `Some error:`, `SomeError:`, `SomeException:` or a Python traceback.",
        examples=[["No results", "(?i)failed to"]],
    )
    start_s: float = Field(default=60.0, gt=0, description="Seconds that the server may take to be ready.")

    _connections: list[Connection] = PrivateAttr(default_factory=list)

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.command is None) == (self.url is None):
            raise ValueError("expected either `command` (a program to start) or `url`")
        idle = ("args", "env", "cwd") if self.url is not None else ("headers",)
        for setting in idle:
            if getattr(self, setting):
                way = "url" if self.url is not None else "command"
                raise ValueError(f"`{setting}` means nothing beside `{way}`")
        return self

    @property
    def secrets(self) -> set[str]:
        """What no text may show, of what the settings alone do not mark as secret.

        Of `env`, which also holds plain settings such as `TZ: UTC`: what its name gives away, and what came from our
        own environment. Of `headers`: the part behind `Bearer`. Of the URL: long values in its query.
        """
        ours = set(os.environ.values())
        found = {v for k, v in self.env.items() if TELLING.search(k) or (len(v) >= LONG and v in ours)}
        found |= {value.rpartition(" ")[2] for value in self.headers.values()}
        found |= {v for _, v in parse_qsl(urlsplit(self.url or "").query) if len(v) >= LONG}
        return found

    async def open(self) -> Sequence[Tool]:
        if importlib.util.find_spec("mcp") is None or importlib.util.find_spec("mcp_types") is None:
            raise WorkflowError(
                "tools: `use: mcp` needs the package `mcp`, version 2: pip install 'ste-graph[mcp]'. "
                "The server may stay in an environment of its own"
            )
        if self.include == ():
            return []
        if self.url is not None and not re.match(r"https?://\w", self.url):
            raise WorkflowError("tools: `url` is no web address; expected `http://…` or `https://…`")
        connection = Connection(self._transport(), self.start_s, Redactor(find_secrets(self)))
        self._connections.append(connection)
        try:
            listed = await connection.start()
        except ConnectionLostError as fault:
            raise WorkflowError(self._failure(str(fault))) from fault
        distinct: dict[str, Listed] = {}
        effects: dict[str, Effect] = {}
        for tool in listed:  # a call says no more than a name: what is listed twice under one name is one tool
            distinct.setdefault(tool.name, tool)
            effects[tool.name] = strictest(effects.get(tool.name, "read"), annotated_effect(tool))
        own = list(distinct)
        names = ToolNames(self._server, own, legal_names(own))
        stated, chosen = self.state_effects(names), self.choose(names)
        if not own:
            raise WorkflowError(f"tools: {self._server} gives no tool: it offers none")
        if not chosen:
            raise names.nothing_left("`include` and `exclude`")
        return [
            MCPTool.of(names.shown[at], distinct[own[at]], stated.get(at), effects[own[at]], connection, self.errors)
            for at in chosen
        ]

    async def close(self) -> None:
        while self._connections:
            await self._connections.pop().stop()

    def _transport(self) -> Transport:
        if self.url is not None:
            return Remote(self.url, self.headers)
        return Process(self.command or "", self.args, self.env, self.cwd)

    @property
    def _server(self) -> str:
        return f"the MCP server `{self._transport().name}`"

    def _failure(self, how: str) -> str:
        todo = "Is it running, and the path right?" if self.url is not None else "Does the command work in a terminal?"
        return f"tools: {self._server} cannot be used: {how}\n{todo}"


def annotated_effect(tool: Listed) -> Effect:
    """The effect that a tool's annotations state; destructive where they say nothing."""
    hints = tool.annotations
    if hints is None:
        return "destructive"
    if hints.read_only_hint:
        return "read"
    return "write" if hints.destructive_hint is False else "destructive"


def find_doubt(name: str, effect: Effect) -> str | None:
    """Why a tool that is annotated as read-only is not taken for one; None if it is, or is not so annotated."""
    verb = find_verb(name, DESTROYING) if effect == "read" else None
    return f"annotated as read-only, but its name says that it {third_person(verb)}" if verb else None


@dataclass(frozen=True, repr=False)
class MCPTool:
    """One tool of a server; whatever the server does is an observation."""

    name: str
    description: str
    parameters: Mapping[str, Json]
    effect: Effect
    original: str
    """The name by which the server knows it."""
    connection: Connection
    errors: Sequence[re.Pattern[str]]
    effect_note: str | None = None

    @classmethod
    def of(
        cls,
        name: str,
        listed: Listed,
        stated: Effect | None,
        annotated: Effect,
        connection: Connection,
        errors: Sequence[re.Pattern[str]],
    ) -> MCPTool:
        """The tool that a server lists, under a name that models may use; its effect as stated, else as annotated."""
        description = listed.description or listed.title or ""
        doubt = None if stated else find_doubt(listed.name, annotated)
        effect = stated or ("destructive" if doubt else annotated)
        note = note_doubt(doubt, name) if doubt else None
        return cls(name, description, listed.input_schema, effect, listed.name, connection, errors, note)

    def __repr__(self) -> str:
        return f"MCPTool({self.original} of {self.connection.transport.name})"

    async def ready(self) -> Observation | None:
        try:
            await self.connection.ready()
        except ConnectionLostError as fault:
            text = f"The tool's server is gone and cannot be started again; the call was not made: {fault}"
            return Observation(ok=False, kind="transport", text=text)
        return None

    async def call(self, arguments: Mapping[str, Json]) -> Observation:
        try:
            result = await self.connection.call(self.original, arguments)
        except ConnectionLostError as fault:
            text = f"The connection to the tool's server was lost, its answer is not known: {fault}"
            return Observation(ok=False, kind="transport", text=text)
        except Exception as fault:  # a JSON-RPC error, or an answer that breaks the protocol or the tool's own schema
            return Observation(ok=False, kind="tool_error", text=said(fault))
        return observed(result, self.errors)
