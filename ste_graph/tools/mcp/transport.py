"""The two ways to an MCP server: a process of our own, talked to over its stdin and stdout, or a URL."""

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
from urllib.parse import urlsplit

from ste_graph.errors import WorkflowError
from ste_graph.parent_watchdog import watch_command

INHERITED = ("PATH", "HOME", "LANG")
"""The variables of our environment that a server gets besides those of the workflow."""
TAIL_BYTES = 4096
LARGEST_EVENT = 64 * 1024 * 1024
CONNECT_S, READ_S = 30.0, 300.0
GRACE_S = 1.5
"""Seconds that a server has to end by itself; the MCP client kills what is there after 2."""


class Transport(Protocol):
    """A way to a server that can be opened again and again, one at a time."""

    @property
    def name(self) -> str:
        """The server as messages name it; nothing secret."""

    def open(self) -> AbstractAsyncContextManager[tuple[Any, Any]]:
        """The streams to read from and to write to, for as long as the context is open."""

    def recent_output(self) -> list[str]:
        """The last lines that the server wrote outside the protocol, a few at most."""


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

        environment = {name: os.environ[name] for name in INHERITED if name in os.environ} | dict(self.environment)
        command = watch_command(
            [self.find_program(environment), *self.arguments], grace_s=GRACE_S, environment=sorted(environment)
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

    def find_program(self, environment: Mapping[str, str]) -> str:
        """The path of the command's program, looked up as a shell would, and last in the folder of this Python."""
        if os.sep in self.command:
            path = Path(self.folder or ".", self.command).expanduser().absolute()
            if not path.is_file():
                raise WorkflowError(f"tools: `command` names the file `{path}`, which does not exist")
            return str(path)
        places = [environment.get("PATH", os.defpath), str(Path(sys.executable).parent)]
        program = shutil.which(self.command, path=os.pathsep.join(places))
        if program is None:
            raise WorkflowError(
                f"tools: the command `{self.command}` was not found; expected a program on PATH, "
                "or a path that starts with `./`. Is the server installed?"
            )
        return program

    def recent_output(self) -> list[str]:
        if self._stderr is None:
            return self._kept_output
        file = self._stderr.fileno()  # the server's own position in the file must stay as it is: no seek
        written = os.pread(file, TAIL_BYTES, max(0, os.fstat(file).st_size - TAIL_BYTES))
        return [line for line in written.decode("utf-8", "replace").splitlines() if line.strip()][-8:]


@dataclass
class HTTPTransport:
    """A server at a URL (streamable HTTP). Redirects to other hosts are not followed."""

    url: str
    headers: Mapping[str, str] = field(repr=False)
    _refused: list[str] = field(default_factory=list, repr=False)

    @property
    def name(self) -> str:
        return urlsplit(self.url).netloc.rpartition("@")[2] or "the URL"

    @asynccontextmanager
    async def open(self) -> AsyncIterator[tuple[Any, Any]]:
        import httpx2
        from mcp.client.streamable_http import streamable_http_client

        async def remember(response: httpx2.Response) -> None:
            if response.status_code >= 400:
                self._refused[:] = [f"HTTP {response.status_code} {response.reason_phrase}"]

        self._refused.clear()
        async with (
            httpx2.AsyncClient(
                headers=dict(self.headers),
                timeout=httpx2.Timeout(CONNECT_S, read=READ_S),
                event_hooks={"response": [remember]},
            ) as client,
            streamable_http_client(self.url, http_client=client, max_sse_event_size=LARGEST_EVENT) as streams,
        ):
            yield streams

    def recent_output(self) -> list[str]:
        return list(self._refused)
