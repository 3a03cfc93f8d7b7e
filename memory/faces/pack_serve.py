"""`ste pack serve`: the adopted descriptions of a pack over somebody's MCP server."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, BinaryIO

import typer

from ste_graph.command_line import echo


def serve(
    dir: Annotated[Path, typer.Argument(metavar="DIR", help="The folder of the pack.", show_default=False)],
    command: Annotated[
        list[str] | None,
        typer.Argument(metavar="COMMAND", help="The command that starts the server, after `--`.", show_default=False),
    ] = None,
    url: Annotated[
        str | None,
        typer.Option("--url", metavar="URL", help="The server's address, instead of a command.", show_default=False),
    ] = None,
    header: Annotated[
        list[str] | None,
        typer.Option(
            "--header",
            metavar="NAME=VARIABLE",
            help="A header of every request to the URL; its value is that of a variable of the environment.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Stand between an MCP client and a server, and put the adopted descriptions over the tools that it lists.

    Nothing else is changed: every other byte goes through, in both directions. A tool that has changed since the gain
    was measured keeps its own description, which is said on stderr. The client starts this command in the place of the
    server's own: `ste pack serve packs/mine -- uvx mcp-server-time`, or `ste pack serve packs/mine --url
    http://localhost:8000/mcp --header Authorization=MCP_AUTH`.
    """
    from ste_graph.errors import WorkflowError
    from ste_graph.packs.overlay import Overlay
    from ste_graph.packs.pack import open_adopted_pack
    from ste_graph.packs.proxy import find_program, serve_command

    if bool(command) == (url is not None):
        raise WorkflowError(
            "ste pack serve: expected either the command that starts the server, after `--`, or --url; as in: "
            f"ste pack serve {dir} -- uvx mcp-server-time"
        )
    if header and url is None:
        raise WorkflowError("ste pack serve: --header goes with --url; a command has the environment of this one")
    overlay = Overlay(open_adopted_pack(dir), lambda line: echo(line, error=True))
    if url is None and command:
        find_program(command[0])
        serve_command(command, overlay, _open_stdin(), sys.stdout.buffer)
        return
    headers = read_headers(header or [])
    address = check_url(url or "")
    try:
        from ste_graph.packs.proxy_url import serve_url
    except ImportError as error:
        raise WorkflowError("ste pack serve: --url needs the package mcp: pip install 'ste-graph[mcp]'") from error
    serve_url(address, headers, overlay, _open_stdin(), sys.stdout.buffer)


def _open_stdin() -> BinaryIO:
    """Stdin under a number of its own: a thread may still read from it when the interpreter closes `sys.stdin`."""
    from ste_graph.packs.proxy import BUFFER_BYTES

    return os.fdopen(os.dup(sys.stdin.fileno()), "rb", buffering=BUFFER_BYTES)


def check_url(url: str) -> str:
    """The address of a web server. Raises `WorkflowError` for anything else."""
    from urllib.parse import urlsplit

    from ste_graph.errors import WorkflowError

    try:
        parts = urlsplit(url)
        is_web = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_web = False
    if not is_web:
        raise WorkflowError(
            f"ste pack serve: `{url}` is not the address of a server; expected one such as http://localhost:8000/mcp"
        )
    return url


def read_headers(given: list[str]) -> dict[str, str]:
    """The headers, with values from the environment. Raises `WorkflowError` for an unset variable or another form."""
    from ste_graph.errors import WorkflowError

    headers = {}
    for entry in given:
        name, mark, variable = entry.partition("=")
        if not mark or not name or not variable:
            raise WorkflowError("ste pack serve: expected --header NAME=VARIABLE, as in Authorization=MCP_AUTH")
        if variable not in os.environ:
            raise WorkflowError(f"ste pack serve: --header {name}: the variable {variable} is not set")
        headers[name] = os.environ[variable]
    return headers
