"""A Chroma server as the store of many exemplars: recall@8 and latency within a named tool and across, client memory.

Vectors are real embeddings, of the 750 requests under STE_DATA (without them, of made-up requests), with noise added so
that there are enough of them: 100 entries of each tool, of about 15 requests; 20 of 1,000 tools share their requests.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import socket
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np

from ste_graph.memory.exemplars.exemplar import Exemplar
from ste_graph.memory.exemplars.store import ExemplarStore
from tests.bench.bench_memory import Given, exemplar, made_up, real_requests, say
from tests.bench.rows import Row

OF_TOOL, BLOCK, ASKED, K = 100, 1_000, 200, 8
LEAST, MOST_MS, MOST_MB = {"within": 0.99, "across": 0.95}, {"within": 50, "across": 150}, 300
"""The figures to be reached: recall, milliseconds of a search, and megabytes of the client."""
NOISE = 0.02
"""The deviation of each of the 384 numbers: a request and its variant have a cosine of 0.93."""


class Entries:
    """The entries by number, made when they are asked for, always the same."""

    def __init__(self) -> None:
        from ste_graph.memory.vectors.embedders import embed_blocking, embedder_for

        self.requests = real_requests() or made_up()
        self.centres = embed_blocking(embedder_for(None), [text for text, _ in self.requests])
        by_tool: dict[str, list[int]] = {}
        for place, (_, tool) in enumerate(self.requests):
            by_tool.setdefault(tool, []).append(place)
        self._own = [by_tool[tool] for tool in sorted(by_tool)]

    def centre(self, number: int) -> int:
        """The request that an entry is a variant of."""
        own = self._own[number // OF_TOOL % len(self._own)]
        return own[number % len(own)]

    def vectors(self, block: int) -> Any:
        """The vectors of `BLOCK` entries."""
        return self._vary([self.centre(block * BLOCK + row) for row in range(BLOCK)], block)

    def queries(self, numbers: Any) -> Any:
        """Vectors of requests: other variants of what the entries of these numbers are variants of."""
        return self._vary([self.centre(number) for number in numbers], 10**6)

    def exemplars(self, block: int) -> list[Exemplar]:
        """The exemplars of `BLOCK` entries."""
        numbers = range(block * BLOCK, (block + 1) * BLOCK)
        return [exemplar(f"{self.requests[self.centre(n)][0]} ({n})", tool_of(n)) for n in numbers]

    def _vary(self, centres: list[int], seed: int) -> Any:
        noise = np.random.default_rng(seed).normal(size=(len(centres), self.centres.shape[1]))
        made = (self.centres[centres] + NOISE * noise).astype(np.float32)
        return made / np.linalg.norm(made, axis=1, keepdims=True)


def tool_of(number: int) -> str:
    """The tool of an entry."""
    return f"tool {number // OF_TOOL}"


def main(arguments: list[str] | None = None) -> list[Row]:
    """Fill a server, or go on with filling one, and print every figure."""
    warnings.simplefilter("ignore")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, default=100_000, help="a multiple of 1,000")
    parser.add_argument("--folder", type=Path, help="the server's folder, kept and filled up; unset: a temporary one")
    chosen = parser.parse_args(arguments or [])
    with tempfile.TemporaryDirectory() as folder:
        path = (chosen.folder or Path(folder) / "server").resolve()
        with serve(path) as (address, server):
            entries = Entries()
            fill(address, entries, chosen.entries)
            return measure(address, entries, chosen.entries, server)


def fill(address: str, entries: Entries, count: int) -> None:
    """Add the entries that are not there."""
    began = time.perf_counter()
    with ExemplarStore.open(address, embedder=Given()) as store:
        there = len(store) // BLOCK
        for block in range(there, count // BLOCK):
            store.add(entries.exemplars(block), entries.vectors(block))
    added = count - there * BLOCK
    if added > 0:
        took = time.perf_counter() - began
        say(f"{added:,} of {count:,} entries added in {took:.0f} s, {took / added * 1e3:.2f} ms each")


def measure(address: str, entries: Entries, count: int, server: int) -> list[Row]:
    """Search from a process of its own, and compare with what is truly nearest."""
    numbers = np.random.default_rng(7).integers(0, count, ASKED)
    queries = entries.queries(numbers)
    with tempfile.TemporaryDirectory() as folder:
        asked, answered = Path(folder) / "asked.npz", Path(folder) / "answered.json"
        np.savez(asked, queries=queries, numbers=numbers)
        command = [sys.executable, "-m", "tests.bench.bench_chroma", "--search", address, asked, answered, str(server)]
        subprocess.run(command, check=True)
        answers = json.loads(answered.read_text("utf-8"))
    across: list[list[tuple[float, int]]] = [[] for _ in numbers]
    within: list[list[tuple[float, int]]] = [[] for _ in numbers]
    for block in range(count // BLOCK):
        cosines = entries.vectors(block) @ queries.T
        for place, number in enumerate(numbers):
            best = np.argpartition(-cosines[:, place], K)[:K]
            some = [(-float(cosines[row, place]), block * BLOCK + int(row)) for row in best]
            across[place] = sorted([*across[place], *some])[:K]
            if number // BLOCK == block:
                first = number // OF_TOOL * OF_TOOL - block * BLOCK
                own = -cosines[first : first + OF_TOOL, place]
                within[place] = [(float(own[row]), block * BLOCK + first + int(row)) for row in np.argsort(own)[:K]]
    rows, anchor = [], f"the {K} truly nearest of {count:,}, found by comparing with all"
    for title, true in (("within", within), ("across", across)):
        hits = sum(len({n for _, n in best} & {*found}) for best, found in zip(true, answers[title], strict=True))
        took = answers[f"{title} took"]
        what = f"within a named tool of {OF_TOOL}" if title == "within" else "across all tools"
        say(
            f"{what}: recall@{K} {hits / (K * ASKED):.4f}, p50 {np.median(took) * 1e3:.1f} ms, "
            f"p95 {np.quantile(took, 0.95) * 1e3:.1f} ms; CPU a search: client {answers[f'{title} client']:.1f} ms, "
            f"server {answers[f'{title} server']:.1f} ms"
        )
        most = MOST_MS[title]
        rows += [
            Row(f"{count:,} exemplars, {what}: recall@{K}", hits / (K * ASKED), "", LEAST[title], "more", anchor),
            Row(f"{count:,} exemplars, {what}: p50", float(np.median(took)) * 1e3, " ms", most, note="on the clock"),
        ]
    say(f"first search after opening {answers['first']:.2f} s; client memory at its peak {answers['memory']:.0f} MB")
    resident = f"the server: {resident_of(server):.0f} MB resident"
    say(resident)
    memory = Row(f"{count:,} exemplars: memory of the client", answers["memory"], " MB", MOST_MB, anchor=resident)
    return [*rows, memory]


def search(address: str, asked: Path, answered: Path, server: int) -> None:
    """The client: searches within the tool of each entry asked, and across all tools."""
    given = np.load(asked)
    answers: dict[str, Any] = {}
    began = time.perf_counter()
    with ExemplarStore.open(address, embedder=Given()) as store:
        store.search_vectors(given["queries"][:1], K)
        answers["first"] = time.perf_counter() - began
        for title in ("within", "across"):
            answers[title], answers[f"{title} took"] = [], []
            cpu = time.process_time(), cpu_of(server)
            for query, number in zip(given["queries"], given["numbers"], strict=True):
                tools = [tool_of(int(number))] if title == "within" else None
                began = time.perf_counter()
                found = store.search_vectors(query[None], K, tools=tools)[0]
                answers[f"{title} took"].append(time.perf_counter() - began)
                answers[title].append([int(item.exemplar.query.rpartition("(")[2][:-1]) for item in found])
            answers[f"{title} client"] = (time.process_time() - cpu[0]) / len(given["numbers"]) * 1e3
            answers[f"{title} server"] = (cpu_of(server) - cpu[1]) / len(given["numbers"]) * 1e3
    answers["memory"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    answered.write_text(json.dumps(answers), encoding="utf-8")


@contextmanager
def serve(folder: Path) -> Iterator[tuple[str, int]]:
    """The address and the process id of a Chroma server that keeps its data in `folder`."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [Path(sys.executable).with_name("chroma"), "run", "--path", folder, "--port", str(port)]
    server = subprocess.Popen([*command, "--host", "127.0.0.1"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until = time.monotonic() + 60
        while True:
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                break
            if time.monotonic() > until:
                raise TimeoutError("chroma run does not answer")
            time.sleep(0.2)
        yield f"http://127.0.0.1:{port}", server.pid
    finally:
        server.terminate()
        server.wait()


def cpu_of(pid: int) -> float:
    """Seconds of CPU that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")


def resident_of(pid: int) -> float:
    """Megabytes of a process in memory."""
    return int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


if __name__ == "__main__":
    if sys.argv[1:2] == ["--search"]:
        search(sys.argv[2], Path(sys.argv[3]), Path(sys.argv[4]), int(sys.argv[5]))
    else:
        main(sys.argv[1:])
