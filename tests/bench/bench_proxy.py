"""The overhead of a pack's proxy on calls of an MCP server: the same calls, directly and through it, side by side."""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from statistics import median, quantiles
from types import TracebackType
from typing import Self

from mcp import Client
from mcp.client.stdio import StdioServerParameters, stdio_client

from ste_graph.packs.content import pack_files
from ste_graph.packs.manifest import FORMAT, Manifest, write_pack
from ste_graph.packs.pack import ToolDefinition, ToolDescription
from ste_graph.packs.values import PackData

ROUNDS, CALLS = 20, 50
"""Calls are made in rounds, directly and through the proxy by turns, so that both meet the machine alike."""
ALLOWED_MS = 2.0
SIZES = {"a short answer": 100, "an answer of 100 kB": 100_000, "an answer of 1 MB": 1_000_000}
SERVER = Path(__file__).parents[1] / "servers" / "verbatim.py"
SCHEMA = {"type": "object", "properties": {}}


class Caller:
    """A client that writes lines to a program and reads its answers."""

    def __init__(self, command: Sequence[str | Path]) -> None:
        self._program = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def call(self, line: bytes) -> tuple[float, bytes]:
        """The milliseconds until the answer, and the answer."""
        assert self._program.stdin is not None
        assert self._program.stdout is not None
        started = time.perf_counter()
        self._program.stdin.write(line)
        self._program.stdin.flush()
        answer = self._program.stdout.readline()
        return (time.perf_counter() - started) * 1000, answer

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._program.communicate()


def make_pack(folder: Path) -> Path:
    """A pack with one rewritten description."""
    definition = ToolDefinition(name="look", description="Look.", parameters=SCHEMA, effect="read", fingerprint="")
    data = PackData(descriptions={"look": ToolDescription(description="Look it up.")}, definitions={"look": definition})
    manifest = Manifest(
        format=FORMAT, name="bench", made="", version="0", adopted=True, simulated=True, arm="descriptions", model=None,
        forms=("descriptions",), tools=("look",), files={},
    )  # fmt: skip
    evidence = {"decision": "adopt", "reason": "", "arms": {}, "runs": {}, "table": "", "settings": {}}
    write_pack(folder, manifest, pack_files(manifest, data, evidence, {}))
    return folder


def script_of(size: int) -> dict[str, list[str]]:
    """A server with one tool whose answers have `size` characters."""
    answer = {"jsonrpc": "2.0", "id": 7, "result": {"content": [{"type": "text", "text": "x" * size}]}}
    tools = [{"name": "look", "description": "Look.", "inputSchema": SCHEMA}]
    listing = {"jsonrpc": "2.0", "id": 7, "result": {"tools": tools}}
    return {"look": [json.dumps(answer)], "tools/list": [json.dumps(listing)]}


def measure_command(folder: Path, size: int) -> tuple[list[float], list[float]]:
    """The milliseconds of calls of a server that is a command, as lines, directly and through the proxy."""
    script = folder / f"{size}.json"
    script.write_text(json.dumps(script_of(size)), "utf-8")
    server = [sys.executable, str(SERVER), str(script)]
    line = json.dumps({"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": {"name": "look"}}).encode() + b"\n"
    direct_ms: list[float] = []
    proxied_ms: list[float] = []
    with Caller(server) as direct, Caller([*proxy_command(folder), "--", *server]) as proxied:
        assert b"Look it up." in proxied.call(b'{"jsonrpc":"2.0","id":7,"method":"tools/list"}\n')[1]
        assert direct.call(line)[1] == proxied.call(line)[1]
        for _ in range(ROUNDS):
            direct_ms += [direct.call(line)[0] for _ in range(CALLS)]
            proxied_ms += [proxied.call(line)[0] for _ in range(CALLS)]
    return direct_ms, proxied_ms


async def measure_url(folder: Path) -> tuple[list[float], list[float]]:
    """The milliseconds of calls of a server at a URL by the official client: at the URL, and through the proxy."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}/mcp"
    command, *arguments = [*proxy_command(folder), "--url", url]
    server = subprocess.Popen(
        [sys.executable, str(SERVER.with_name("modern.py")), str(port)], stderr=subprocess.DEVNULL
    )
    try:
        while True:
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                break
            await asyncio.sleep(0.05)
        through = stdio_client(StdioServerParameters(command=command, args=arguments))
        found: dict[str, list[float]] = {"direct": [], "proxied": []}
        async with Client(url) as direct, Client(through) as proxied:
            for _ in range(ROUNDS):
                for name, client in (("direct", direct), ("proxied", proxied)):
                    for _ in range(CALLS // 5):
                        started = time.perf_counter()
                        await client.call_tool("add", {"a": 2, "b": 3})
                        found[name].append((time.perf_counter() - started) * 1000)
        return found["direct"], found["proxied"]
    finally:
        server.kill()
        server.wait()


def proxy_command(folder: Path) -> list[str]:
    """The proxy without the server that it stands before."""
    return [str(Path(sys.executable).with_name("ste")), "pack", "serve", str(folder / "pack")]


def show(name: str, direct: Sequence[float], proxied: Sequence[float]) -> None:
    """Print what the proxy adds."""
    more = median(proxied) - median(direct)
    tail = quantiles(proxied, n=20)[-1] - quantiles(direct, n=20)[-1]
    print(
        f"MCP proxy before a {name}: {more:.3f} ms more a call in the median ({median(direct):.3f} ms directly), "
        f"{tail:.2f} ms more in the 95th percentile (reach: at most {ALLOWED_MS:g} ms)"
    )


def main() -> None:
    """Print one line per way and size of an answer."""
    with tempfile.TemporaryDirectory() as folder:
        make_pack(Path(folder) / "pack")
        for name, size in SIZES.items():
            show(f"command, {name}", *measure_command(Path(folder), size))
        show("URL, by the official client", *asyncio.run(measure_url(Path(folder))))


if __name__ == "__main__":
    main()
