"""What the proxy of a pack adds to a call of an MCP server: the same calls, directly and through it, side by side."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median, quantiles
from types import TracebackType
from typing import Self

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


def measure(folder: Path, size: int) -> tuple[list[float], list[float]]:
    """The milliseconds of calls, directly and through the proxy."""
    answer = {"jsonrpc": "2.0", "id": 7, "result": {"content": [{"type": "text", "text": "x" * size}]}}
    tools = [{"name": "look", "description": "Look.", "inputSchema": SCHEMA}]
    listing = {"jsonrpc": "2.0", "id": 7, "result": {"tools": tools}}
    script = folder / f"{size}.json"
    script.write_text(json.dumps({"look": [json.dumps(answer)], "tools/list": [json.dumps(listing)]}), "utf-8")
    server = [sys.executable, str(SERVER), str(script)]
    proxy = [str(Path(sys.executable).with_name("ste")), "pack", "serve", str(folder / "pack"), "--", *server]
    line = json.dumps({"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": {"name": "look"}}).encode() + b"\n"
    direct_ms: list[float] = []
    proxied_ms: list[float] = []
    with Caller(server) as direct, Caller(proxy) as proxied:
        assert b"Look it up." in proxied.call(b'{"jsonrpc":"2.0","id":7,"method":"tools/list"}\n')[1]
        assert direct.call(line)[1] == proxied.call(line)[1]
        for _ in range(ROUNDS):
            direct_ms += [direct.call(line)[0] for _ in range(CALLS)]
            proxied_ms += [proxied.call(line)[0] for _ in range(CALLS)]
    return direct_ms, proxied_ms


def main() -> None:
    """Print one line per size of an answer."""
    with tempfile.TemporaryDirectory() as folder:
        make_pack(Path(folder) / "pack")
        for name, size in SIZES.items():
            direct, proxied = measure(Path(folder), size)
            more = median(proxied) - median(direct)
            tail = quantiles(proxied, n=20)[-1] - quantiles(direct, n=20)[-1]
            print(
                f"MCP proxy, {name}: {more:.3f} ms more a call in the median ({median(direct):.3f} ms directly), "
                f"{tail:.2f} ms more in the 95th percentile (reach: at most {ALLOWED_MS:g} ms)"
            )


if __name__ == "__main__":
    main()
