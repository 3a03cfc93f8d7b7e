"""`use: mcp`: the tools of an MCP server."""

from __future__ import annotations

import importlib.util
import logging
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
from ste_graph.settings import Address, HubPath, RelativePath, Secret, WebAddress
from ste_graph.tools.arguments import ArgumentChecker
from ste_graph.tools.choice import ToolChoice, ToolNames, strictest
from ste_graph.tools.mcp.answer import find_mismatch, observe_result
from ste_graph.tools.mcp.connection import Connection, ConnectionLostError, describe_connection_error
from ste_graph.tools.mcp.http import HTTPTransport
from ste_graph.tools.mcp.repair import INPUT_SCHEMA, OUTPUT_SCHEMA, read_meta
from ste_graph.tools.mcp.transport import ProcessTransport, Transport
from ste_graph.tools.names import legal_names
from ste_graph.tools.policy import note_doubt
from ste_graph.tools.verbs import DESTROYING, find_verb, third_person

if TYPE_CHECKING:
    from mcp.types import CallToolResult
    from mcp.types import Tool as Listed

LONG = 8
"""Characters from which a value counts as a secret because of its origin alone."""
TEXT_OR_VARIABLE = WithJsonSchema(
    {
        "anyOf": [
            {"type": "string"},
            {
                "type": "object",
                "properties": {
                    "env": {"type": "string", "description": "The environment variable that has the value."},
                    "default": {"type": "string", "description": "The value where the variable is not set."},
                },
                "required": ["env"],
                "additionalProperties": False,
            },
        ]
    }
)
"""The form of a value in a workflow: a text, or `{env: NAME}`."""
SHOWN = 25
"""Faults of a server's list that are told at most."""
SECRET_NAME = re.compile(r"key|token|secret|passw|pwd|credential|auth", re.IGNORECASE)

log = logging.getLogger(__name__)


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
    env: dict[str, Annotated[Address, TEXT_OR_VARIABLE]] = Field(
        default={},
        repr=False,
        description="The server's environment besides PATH, HOME and LANG; no other variable of ours reaches it.",
    )
    cwd: RelativePath | None = Field(
        default=None, description="The folder in which it runs; by default the current one."
    )
    url: WebAddress | None = Field(
        default=None, description="The server's address, instead of `command`.", examples=["http://localhost:8000/mcp"]
    )
    headers: dict[str, Annotated[Secret, TEXT_OR_VARIABLE]] = Field(
        default={}, repr=False, description="Headers of every request."
    )
    start_s: float = Field(default=60.0, gt=0, description="Seconds that the server has to be ready.")

    _connections: list[Connection] = PrivateAttr(default_factory=list)

    @model_validator(mode="after")
    def _check_one_way(self) -> Self:
        if (self.command is None) == (self.url is None):
            raise ValueError("expected either `command` (a program to start) or `url`")
        idle = ("args", "env", "cwd") if self.url is not None else ("headers",)
        for setting in idle:
            if getattr(self, setting):
                way = "url" if self.url is not None else "command"
                raise ValueError(f"`{setting}` has no effect with `{way}`")
        return self

    @property
    def secrets(self) -> set[str]:
        """Secrets that are not settings marked as secret.

        Of `env`, which also holds plain settings such as `TZ: UTC`: values under telling names, and values of our own
        environment. Of `headers`: the part after `Bearer`. Of the URL: long values in its query.
        """
        ours = set(os.environ.values())
        secrets = {v for k, v in self.env.items() if SECRET_NAME.search(k) or (len(v) >= LONG and v in ours)}
        secrets |= {value.rpartition(" ")[2] for value in self.headers.values()}
        secrets |= {v for _, v in parse_qsl(urlsplit(self.url or "").query) if len(v) >= LONG}
        return secrets

    async def open(self) -> Sequence[Tool]:
        if importlib.util.find_spec("mcp") is None or importlib.util.find_spec("mcp_types") is None:
            raise WorkflowError(
                "tools: `use: mcp` needs the package `mcp`, version 2: pip install 'ste-graph[mcp]'. "
                "The server may stay in an environment of its own"
            )
        if self.include == ():
            return []
        connection = Connection(self._transport(), self.start_s, Redactor(find_secrets(self)))
        self._connections.append(connection)
        try:
            listed = await connection.start()
        except ConnectionLostError as error:
            raise WorkflowError(self._describe_failure(str(error))) from error
        for fault in connection.faults[:SHOWN]:
            log.warning("tools: %s: %s", self._server, fault)
        if len(connection.faults) > SHOWN:
            log.warning("tools: %s: %d more such faults", self._server, len(connection.faults) - SHOWN)
        distinct: dict[str, Listed] = {}
        effects: dict[str, Effect] = {}
        for tool in listed:  # a call carries only a name: what is listed twice under one name is one tool
            distinct.setdefault(tool.name, tool)
            effects[tool.name] = strictest(effects.get(tool.name, "read"), annotated_effect(tool))
        own = list(distinct)
        names = ToolNames(self._server, own, legal_names(own))
        stated, chosen = self.state_effects(names), self.choose(names)
        if not own:
            why = "".join(f"\n- {fault}" for fault in connection.faults[:SHOWN])
            raise WorkflowError(f"tools: {self._server} offers no tools" + (f" that can be used:{why}" if why else ""))
        if not chosen:
            raise names.nothing_left("`include` and `exclude`")
        return [
            MCPTool.of(names.shown[at], distinct[own[at]], stated.get(at), effects[own[at]], connection)
            for at in chosen
        ]

    async def close(self) -> None:
        while self._connections:
            await self._connections.pop().stop()

    def find_program(self) -> str | None:
        """The path of the program to start; None for a server at a URL. Raises `WorkflowError` if it is not there."""
        transport = self._transport()
        return transport.find_program() if isinstance(transport, ProcessTransport) else None

    def _transport(self) -> Transport:
        if self.url is not None:
            return HTTPTransport(self.url, self.headers)
        return ProcessTransport(self.command or "", self.args, self.env, self.cwd)

    @property
    def _server(self) -> str:
        return f"the MCP server `{self._transport().name}`"

    def _describe_failure(self, how: str) -> str:
        hint = "Is it running, and the path right?" if self.url is not None else "Does the command work in a terminal?"
        return f"tools: {self._server} cannot be used: {how}\n{hint}"


def annotated_effect(tool: Listed) -> Effect:
    """The effect that a tool's annotations state; destructive if they state none."""
    hints = tool.annotations
    if hints is None:
        return "destructive"
    if hints.read_only_hint:
        return "read"
    return "write" if hints.destructive_hint is False else "destructive"


def find_doubt(name: str, effect: Effect) -> str | None:
    """The reason why a tool that is annotated as read-only is not taken for one; None for any other tool."""
    verb = find_verb(name, DESTROYING) if effect == "read" else None
    return f"annotated as read-only, but its name says that it {third_person(verb)}" if verb else None


@dataclass(frozen=True, repr=False)
class MCPTool:
    """One tool of a server; whatever the server does becomes an observation."""

    name: str
    description: str
    parameters: Mapping[str, Json]
    effect: Effect
    original: str
    """The name by which the server knows it."""
    connection: Connection
    output: ArgumentChecker | None = None
    """The check of its structured content, if it states a schema of it."""
    effect_note: str | None = None

    @classmethod
    def of(
        cls,
        name: str,
        listed: Listed,
        stated: Effect | None,
        annotated: Effect,
        connection: Connection,
    ) -> MCPTool:
        """The tool that a server lists, under a name that models may use; its effect as stated, else as annotated."""
        description = listed.description or listed.title or ""
        doubt = None if stated else find_doubt(listed.name, annotated)
        effect = stated or ("destructive" if doubt else annotated)
        note = note_doubt(doubt, name) if doubt else None
        schema = read_meta(listed.meta, OUTPUT_SCHEMA)
        output = ArgumentChecker(name, schema) if schema else None
        parameters = read_meta(listed.meta, INPUT_SCHEMA) or listed.input_schema
        return cls(name, description, parameters, effect, listed.name, connection, output, note)

    def __repr__(self) -> str:
        return f"MCPTool({self.original} of {self.connection.transport.name})"

    @property
    def backend(self) -> object:
        return self.connection

    async def ensure_ready(self) -> Observation | None:
        try:
            await self.connection.ensure_ready()
        except ConnectionLostError as error:
            text = f"The tool's server is gone and cannot be started again; the call was not made: {error}"
            return Observation(ok=False, kind="transport", text=text)
        return None

    async def call(self, arguments: Mapping[str, Json]) -> Observation:
        try:
            result = await self._ask(arguments)
        except ConnectionLostError as error:
            text = f"The connection to the tool's server was lost, and its answer is not known: {error}"
            return Observation(ok=False, kind="transport", text=text)
        except Exception as error:  # a JSON-RPC error, or an answer that breaks the protocol or the tool's own schema
            return Observation(ok=False, kind="tool_error", text=describe_connection_error(error))
        seen = observe_result(result)
        if self.output is None or not seen.ok:
            return seen
        return seen.model_copy(update={"notes": (*seen.notes, *await find_mismatch(seen.data, self.output))})

    async def _ask(self, arguments: Mapping[str, Json]) -> CallToolResult:
        """The server's answer; a lost call that only reads is made once more.

        A server that ends after an answer may take in the next call, and nobody can tell whether it was read.
        """
        try:
            return await self.connection.call(self.original, arguments)
        except ConnectionLostError:
            if self.effect != "read":
                raise
            return await self.connection.call(self.original, arguments)
