"""The contract of tools: one tool, its sources, and what came of a call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, Protocol, runtime_checkable

from ste_graph.contracts.values import Frozen, Json

Effect = Literal["read", "write", "destructive"]
"""The possible effect of a call of a tool on the world. Unset counts as `destructive`."""

ObservationKind = Literal[
    "ok",
    "malformed",
    "invalid_arguments",
    "unknown_tool",
    "tool_error",
    "timeout",
    "refused",
    "interrupted",
    "transport",
]
"""The way in which a tool call ended."""


class Observation(Frozen):
    """The result of one tool call. A failed call is an observation too, never an exception.

    `text` is what the tool gave, after the size limit; `data` the same as plain data, where the tool gave any and it
    kept to the limit; `ms` is the wall time of the call in milliseconds; `coerced` names the arguments that were
    brought to the type which the tool's schema asks for; `notes` say what was off about the answer, such as a block of
    a type that MCP does not know, or why it counts as a failure. `doubt` is the reason why an answer that is `ok` may
    report a failure of its own; None if it does not.
    """

    ok: bool
    kind: ObservationKind
    text: str
    ms: float = 0.0
    truncated: bool = False
    data: Json = None
    coerced: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    doubt: str | None = None


@runtime_checkable
class Tool(Protocol):
    """One callable tool, whatever it comes from."""

    @property
    def name(self) -> str: ...
    @property
    def description(self) -> str: ...
    @property
    def parameters(self) -> Mapping[str, Json]:
        """JSON Schema (an object schema) of the arguments."""

    @property
    def effect(self) -> Effect: ...

    async def call(self, arguments: Mapping[str, Json]) -> Observation:
        """Call the tool with arguments that are already validated."""


@runtime_checkable
class Restartable(Protocol):
    """A tool behind something, such as a server, that may have to be started again before a call."""

    async def ensure_ready(self) -> Observation | None:
        """Ensure within its own time limit that a call can be made; None, or the reason if not. Does not raise for it.

        The time limit of the call begins after it.
        """


class ToolSource(Protocol):
    """One entry of a workflow's `tools:` section: a frozen pydantic object whose fields are its YAML settings."""

    @property
    def starts(self) -> bool:
        """True if something (a process, a connection) must start before the tools are known."""

    async def open(self) -> Sequence[Tool]:
        """The tools, in the source's order. Raises `WorkflowError` if they cannot be had."""

    async def close(self) -> None: ...


@runtime_checkable
class ProgramSource(Protocol):
    """A source whose tools may come from a program that the run starts."""

    def find_program(self) -> str | None:
        """The path of the program, or None if none has to start. Raises `WorkflowError` if the program is not there."""
