"""A run with the paper's settings against a model server: its processor time a call, and its time on the clock.

The server is in a process of its own. A trial is four calls of it: imagine, call, call with the observation, reflect.
"""

from __future__ import annotations

import asyncio
import gc
import os
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

import ste_graph as ste
from ste_graph.contracts import Json
from ste_graph.models.openai import OpenAIModel
from ste_graph.run.logs.step_log import StepLog
from tests.bench import bench_trial
from tests.bench.model_server import start_server
from tests.bench.rows import Row
from tests.servers.chat import ChatServer

TOOLS, TRIALS, EPISODES = 50, 4, 3
CALLS = 4
"""The calls of a trial."""
REPLY_S = 0.5
CONCURRENCY = 64
PAIRS = ROUNDS = 3
ONE_BY_ONE = 100
"""The calls that are made one after another, from which the released code's way is extrapolated."""
LIMIT_MS, RATIO, SHARE, FASTER = 3.0, 1.3, 0.95, 0.9
HEAD, TOOL = bench_trial.HEAD, bench_trial.TOOL


def experiment(folder: Path, url: str, episodes: int, *, tools: int = TOOLS) -> ste.Experiment:
    """The paper's workflow with its own settings, but for its tools, its size and the address of the server."""
    (folder / "double.py").write_text(HEAD + "".join(TOOL.format(n) for n in range(tools)), encoding="utf-8")
    changes = {
        "params.episodes": episodes,
        "params.trials": TRIALS,
        "tools": [{"use": "python", "module": str(folder / "double.py")}],
        "models.main.base_url": url,
        "models.main.model": "tiny",
    }
    return ste.load("workflows/paper.yaml", set=changes)


def explore(url: str, episodes: int) -> tuple[float, list[int]]:
    """Seconds of processor time for one run, and the model calls of each of its tools."""
    with tempfile.TemporaryDirectory() as name:
        loaded = experiment(Path(name), url, episodes)
        gc.collect()
        started = time.process_time()
        loaded.run(Path(name) / "run", concurrency=CONCURRENCY)
        used = time.process_time() - started
        logs = map(StepLog, (Path(name) / "run" / "units").glob("*.jsonl"))
        return used, [log.used.model_calls for log in logs]


def call_ms(url: str) -> float:
    """Milliseconds of processor time of a model call: what longer runs take more, so that starting does not count."""
    (short, few), (long, many) = explore(url, 1), explore(url, EPISODES)
    return (long - short) / (sum(many) - sum(few)) * 1000


def hand_ms() -> float:
    """The same of the loop by hand in LangGraph, with embedding and a scripted model, for each call of it."""
    used = []
    for episodes in (1, EPISODES):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            loaded = experiment(folder, "http://localhost:1/v1", episodes).workflow
            gc.collect()
            begun = asyncio.run(bench_trial.all_by_hand(loaded, folder, episodes))
            used.append(time.process_time() - begun)
    return (used[1] - used[0]) / (TOOLS * TRIALS * CALLS * (EPISODES - 1)) * 1000


def record_bodies() -> list[dict[str, Json]]:
    """The bodies of the requests of one run over a few tools."""
    with ChatServer(context=1_000_000) as server, tempfile.TemporaryDirectory() as name:
        experiment(Path(name), server.url, EPISODES, tools=4).run(Path(name) / "run", concurrency=CONCURRENCY)
        return server.bodies


async def send(url: str, bodies: Sequence[dict[str, Json]], at_once: int) -> tuple[float, float]:
    """Send requests with the bare client; seconds of processor time and on the clock."""
    client: Any = OpenAIModel(base_url=url, model="tiny").connect(60.0)
    queue = list(reversed(bodies))

    async def work() -> None:
        while queue:
            await client.post("/chat/completions", cast_to=str, body=queue.pop())

    async with client:
        await client.post("/chat/completions", cast_to=str, body=bodies[0])
        cpu, begun = time.process_time(), time.monotonic()
        await asyncio.gather(*(work() for _ in range(at_once)))
        return time.process_time() - cpu, time.monotonic() - begun


def bare_ms(url: str, bodies: Sequence[dict[str, Json]]) -> float:
    """Milliseconds of processor time of a call with the bare client, as many at once as there are tools."""
    many = [body for _ in range(4) for body in bodies]
    return asyncio.run(send(url, many, TOOLS))[0] / len(many) * 1000


def measure_cpu(bodies: Sequence[dict[str, Json]]) -> list[Row]:
    """The processor time of a call, beside that of the same by hand; in turns."""
    with start_server() as server:
        explore(server.url, 1)  # loads the libraries
        found = [(call_ms(server.url), bare_ms(server.url, bodies), hand_ms()) for _ in range(PAIRS)]
    ours, bare, hand = (median(figures) for figures in zip(*found, strict=True))
    ratio = median(own / (client + loop) for own, client, loop in found)
    anchor = f"bare client {bare:.2f} ms + the loop by hand in LangGraph with embedding {hand:.2f} ms"
    note = f"medians of {PAIRS} rounds, by difference: {EPISODES} episodes less 1"
    print(f"  a model call: {ours:.2f} ms of processor time; {anchor}: {ratio:.2f} x; {note}")
    each = ", ".join(f"{own:.2f} / {client:.2f} + {loop:.2f}" for own, client, loop in found)
    print(f"  the rounds: {each}; load of the machine {os.getloadavg()[0]:.1f}")
    return [
        Row("CPU of a model call", ours, " ms", LIMIT_MS, anchor=anchor, note=note),
        Row("CPU of a model call, against the same by hand", ratio, " x", RATIO, anchor=anchor, note=note),
    ]


def measure_clock(bodies: Sequence[dict[str, Json]]) -> list[Row]:
    """The time on the clock, from the first call to the last, best of the rounds."""
    rounds = []
    for _ in range(ROUNDS):
        with start_server(REPLY_S) as server:
            _, calls = explore(server.url, EPISODES)
        ideal = max(max(calls), sum(calls) / CONCURRENCY) * REPLY_S
        rounds.append((ideal / server.seconds, server.seconds, ideal, sum(calls)))
        print(
            f"  {TOOLS} tools x {EPISODES} x {TRIALS} at {REPLY_S} s a reply, concurrency {CONCURRENCY}: {sum(calls)} "
            f"calls in {server.seconds:.1f} s, ideal {ideal:.1f} s: {ideal / server.seconds:.3f}; "
            f"load of the machine {os.getloadavg()[0]:.1f}"
        )
    share, seconds, ideal, count = max(rounds)
    with start_server(REPLY_S) as server:
        _, one_by_one = asyncio.run(send(server.url, [*bodies, *bodies][:ONE_BY_ONE], 1))
    released = one_by_one / ONE_BY_ONE * count
    width = min(TOOLS, CONCURRENCY)
    print(f"  one after another: {released:.0f} s, extrapolated from {ONE_BY_ONE} calls: {released / seconds:.1f} x")
    note = f"best of {ROUNDS}, from the first call to the last; load of the machine {os.getloadavg()[0]:.1f}"
    size = f"{TOOLS} tools x {EPISODES} x {TRIALS} at {REPLY_S} s a reply, {CONCURRENCY} in flight"
    return [
        Row(f"{size}: ideal / ours", share, "", SHARE, "more", f"ideal {ideal:.1f} s, ours {seconds:.1f} s", note),
        Row(
            "the released code's way (one call after another) / ours",
            released / seconds,
            " x",
            FASTER * width,
            "more",
            f"{released:.0f} s, extrapolated from {ONE_BY_ONE} calls of the bare client on the same server",
            note,
        ),
    ]


def main() -> list[Row]:
    bodies = record_bodies()
    return [*measure_cpu(bodies), *measure_clock(bodies)]


if __name__ == "__main__":
    main()
