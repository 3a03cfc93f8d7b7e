"""`use: mcp`: the tools of an MCP server."""

from __future__ import annotations

import importlib.util
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Annotated, ClassVar, Self
from urllib.parse import parse_qsl, urlsplit

from pydantic import Field, PrivateAttr, WithJsonSchema, model_validator

from ste_graph.contracts import Effect, Frozen, Json, Observation, Tool
from ste_graph.errors import WorkflowError
from ste_graph.redaction import Redactor, secrets_of
from ste_graph.settings import Address, HubPath, RelativePath, Secret
from ste_graph.tools.mcp_answer import observed
from ste_graph.tools.mcp_connection import Connection, Lost, said
from ste_graph.tools.mcp_transport import Process, Remote, Transport
from ste_graph.tools.names import legal, matching

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


class MCPTools(Frozen):
    """The tools of an MCP server: a program that the run starts and ends, or a URL (streamable HTTP).

    Effects come from the tools' annotations: `readOnlyHint` is read, `destructiveHint: false` write, all else
    destructive, unless `effects` says otherwise. A server that ends is started again by the next call.
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
    include: tuple[str, ...] | None = Field(
        default=None, description="Take only tools whose name matches one of these; * and ? stand for any characters."
    )
    exclude: tuple[str, ...] = Field(default=(), description="Leave out tools whose name matches one of these.")
    effects: Mapping[str, Effect] = Field(
        default={}, description="Per tool what calling it may do, where that is not what its annotations say."
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
        connection = Connection(self._transport(), self.start_s, Redactor(secrets_of(self)))
        self._connections.append(connection)
        try:
            listed = await connection.start()
        except Lost as fault:
            raise WorkflowError(self._failure(str(fault))) from fault
        self._know([tool.name for tool in listed])
        chosen = [tool for tool in listed if matching(tool.name, self.include, self.exclude)]
        if not chosen:
            what = "`include` and `exclude` leave none of its tools" if listed else "it offers no tools"
            raise WorkflowError(f"tools: nothing to take from {self._server}: {what}{choices(listed_names(listed))}")
        return [MCPTool.of(tool, self._effect(tool), connection, self.errors) for tool in chosen]

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

    def _effect(self, tool: Listed) -> Effect:
        stated = self.effects.get(tool.name) or self.effects.get(legal(tool.name))
        hints = tool.annotations
        if stated or hints is None:
            return stated or "destructive"
        if hints.read_only_hint:
            return "read"
        return "write" if hints.destructive_hint is False else "destructive"

    def _know(self, names: Sequence[str]) -> None:
        """Refuse settings that name what is not there."""
        known = {*names, *map(legal, names)}
        for setting, given in (("effects", self.effects), ("include", self.include), ("exclude", self.exclude)):
            for name in given or ():
                if name in known or (setting != "effects" and any(fnmatchcase(n, name) for n in names)):
                    continue
                raise WorkflowError(
                    f"tools: `{setting}` names `{name}`, which {self._server} does not offer{choices(names, name)}"
                )


def listed_names(tools: Sequence[Listed]) -> list[str]:
    """The names of tools as a server lists them."""
    return [tool.name for tool in tools]


def choices(names: Sequence[str], name: str = "") -> str:
    """What may stand there instead, the closest first if one is close; nothing if there is nothing."""
    if not names:
        return ""
    close = get_close_matches(name, names, 1)
    return "; " + (f"did you mean `{close[0]}`? " if close else "") + f"it has: {', '.join(sorted(names))}"


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

    @classmethod
    def of(cls, listed: Listed, effect: Effect, connection: Connection, errors: Sequence[re.Pattern[str]]) -> MCPTool:
        """The tool that a server lists."""
        description = listed.description or listed.title or ""
        return cls(legal(listed.name), description, listed.input_schema, effect, listed.name, connection, errors)

    def __repr__(self) -> str:
        return f"MCPTool({self.original} of {self.connection.transport.name})"

    async def ready(self) -> Observation | None:
        try:
            await self.connection.ready()
        except Lost as fault:
            text = f"The tool's server is gone and cannot be started again; the call was not made: {fault}"
            return Observation(ok=False, kind="transport", text=text)
        return None

    async def call(self, arguments: Mapping[str, Json]) -> Observation:
        try:
            result = await self.connection.call(self.original, arguments)
        except Lost as fault:
            text = f"The connection to the tool's server was lost, its answer is not known: {fault}"
            return Observation(ok=False, kind="transport", text=text)
        except Exception as fault:  # a JSON-RPC error, or an answer that breaks the protocol or the tool's own schema
            return Observation(ok=False, kind="tool_error", text=said(fault))
        return observed(result, self.errors)
