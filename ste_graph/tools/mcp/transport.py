"""The way to an MCP server, and the server that is a process of our own, talked to over its stdin and stdout."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TextIO

from ste_graph.errors import WorkflowError
from ste_graph.parent_watchdog import watch_command

INHERITED = ("PATH", "HOME", "LANG")
"""The variables of our environment that a server gets besides those of the workflow."""
TAIL_BYTES = 4096
GRACE_S = 1.0
"""Seconds that a server has between SIGTERM and SIGKILL. The MCP client kills the watchdog after 2, and then nobody
would be left who knows what the server has started."""


class Transport(Protocol):
    """A way to a server that can be opened again and again, one at a time."""

    @property
    def name(self) -> str:
        """The server as messages name it; nothing secret."""

    def open(self) -> AbstractAsyncContextManager[tuple[Any, Any]]:
        """The streams to read from and to write to, for as long as the context is open."""

    def recent_output(self) -> list[str]:
        """The last lines that the server wrote outside the protocol, a few at most."""

    async def diagnose(self) -> list[str]:
        """Further findings about a server that could not be used, one per line."""


@dataclass
class ProcessTransport:
    """A server that we start. What it writes to stderr goes to a file without a name, never to the terminal."""

    command: str
    arguments: Sequence[str]
    environment: Mapping[str, str]
    folder: str | None
    _stderr: TextIO | None = field(default=None, repr=False)
    _kept_output: list[str] = field(default_factory=list, repr=False)

    @property
    def name(self) -> str:
        return " ".join([Path(self.command).name, *self.arguments])[:80]

    @asynccontextmanager
    async def open(self) -> AsyncIterator[tuple[Any, Any]]:
        from mcp.client.stdio import StdioServerParameters, stdio_client

        environment = self._full_environment
        command = watch_command(
            [self.find_program(), *self.arguments], grace_s=GRACE_S, environment=sorted(environment)
        )
        server = StdioServerParameters(
            command=command[0],
            args=command[1:],
            env=environment,
            cwd=self.folder,
            encoding_error_handler="replace",  # else one wrong byte ends the session
        )
        with tempfile.TemporaryFile("w+", encoding="utf-8") as stderr:
            self._stderr = stderr
            try:
                async with stdio_client(server, errlog=stderr) as streams:
                    yield streams
            finally:
                self._kept_output, self._stderr = self.recent_output(), None

    async def diagnose(self) -> list[str]:
        return []

    @property
    def _full_environment(self) -> dict[str, str]:
        return {name: os.environ[name] for name in INHERITED if name in os.environ} | dict(self.environment)

    def find_program(self) -> str:
        """The path of the command's program, looked up as a shell would, and last in the folder of this Python."""
        if os.sep in self.command:
            path = Path(self.folder or ".", self.command).expanduser().absolute()
            if not path.is_file():
                self._refuse_arguments()
                raise WorkflowError(f"tools: `command` names the file `{path}`, which does not exist")
            return str(path)
        places = [self._full_environment.get("PATH", os.defpath), str(Path(sys.executable).parent)]
        program = shutil.which(self.command, path=os.pathsep.join(places))
        if program is None:
            self._refuse_arguments()
            raise WorkflowError(
                f"tools: the command `{self.command}` was not found; expected a program on PATH, "
                "or a path that starts with `./`. Is the server installed?"
            )
        return program

    def _refuse_arguments(self) -> None:
        """Raises `WorkflowError` for a command that has its arguments in it, as in a shell."""
        program, *rest = self.command.split()
        if rest:
            here = Path.cwd()
            if Path(program).is_relative_to(here):
                program = f"./{Path(program).relative_to(here)}"
            args = ", ".join([*rest, *self.arguments])
            raise WorkflowError(
                f"tools: `command` is the program alone; its arguments go into `args`: write `command: {program}, "
                f"args: [{args}]`"
            )

    def recent_output(self) -> list[str]:
        if self._stderr is None:
            return self._kept_output
        file = self._stderr.fileno()  # the server's own position in the file must stay as it is: no seek
        written = os.pread(file, TAIL_BYTES, max(0, os.fstat(file).st_size - TAIL_BYTES))
        return [line for line in written.decode("utf-8", "replace").splitlines() if line.strip()][-8:]
