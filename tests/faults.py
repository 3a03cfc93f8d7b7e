"""A run of many units against a server with eight kinds of faults: it finishes, and no trial is lost or doubled.

    python -m tests.faults --units 1000

The client and everything behind it are the real ones; the server is a process of its own. Exit 0 if all holds. A short
form is part of `make test` (`tests/run/test_faults.py`).
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import ste_graph as ste
from ste_graph.models.gateway import Gateway
from ste_graph.run.context import Watcher
from ste_graph.run.logs.step_log import StepLog
from ste_graph.run.summary import Summary
from tests.servers.chat import Answer, ChatServer, Proceed, Request

ROOT = Path(__file__).parents[1]
KINDS = ("429", "500", "drop", "drip", "empty", "truncated", "wrong JSON", "rubbish")
SHARE = 0.05
"""The share of the requests that meet a fault of each kind."""
EMPTY = "the reply gives nothing for `text`"
"""The reason that a unit fails whose reply was empty twice."""
TURNS = 2
WORKFLOW = """
dsl: 2
name: faulty
params: {items: [], turns: 2}
models: {model: {use: openai, base_url: "http://localhost:1/v1", model: tiny, timeout_s: 0.5}}
nodes: {think: {use: chat, model: model, prompt: think.md, outputs: {text: str}}}
graph:
  - map: item
    over: params.items
    do:
      - repeat: turn
        times: params.turns
        do:
          - think
          - record: trial
            as: {query: think.text, steps: "[]", answer: think.text, solved: true}
"""


class Faults:
    """A behaviour with eight kinds of faults, each for a share of the requests, drawn from a seed."""

    def __init__(self, share: float = SHARE, seed: int = 0) -> None:
        self.share = share
        self.made: Counter[str] = Counter()
        self._random = random.Random(seed)
        self._lock = threading.Lock()

    def __call__(self, request: Request, proceed: Proceed) -> Answer:
        if not request.is_chat:
            return proceed(request)
        with self._lock:
            drawn = int(self._random.random() / self.share) if self.share else len(KINDS)
            kind = KINDS[drawn] if drawn < len(KINDS) else None
            self.made[kind or "none"] += 1
        answer = proceed(request)
        match kind:
            case "429":
                return Answer(429, {"error": {"message": "slow down"}}, {"Retry-After": "0"})
            case "500":
                return Answer(500, {"error": {"message": "out of memory"}})
            case "drop":
                raise ConnectionAbortedError
            case "drip":
                return Answer(200, answer.body, drip_s=0.05)
            case "empty":
                answer.message["content"] = ""
            case "truncated":
                return Answer(200, answer.body, cut=90)
            case "wrong JSON":
                return Answer(200, {"id": "x", "object": "list", "data": [1, 2]})
            case "rubbish":
                return Answer(200, "\x00\x01 8f3a <<< not a reply >>>", {"Content-Type": "application/octet-stream"})
        return answer


class Sampler(Watcher):
    """Notes the memory of this process, and the files and tasks that are open, each time that a unit ends."""

    def __init__(self) -> None:
        self.memory_kib: list[int] = []
        self.files: list[int] = []
        self.tasks: list[int] = []

    def unit_end(self, unit: str, log: StepLog) -> None:
        pages = int(Path("/proc/self/statm").read_text("utf-8").split()[1])
        self.memory_kib.append(pages * os.sysconf("SC_PAGE_SIZE") // 1024)
        self.files.append(len(os.listdir("/proc/self/fd")))
        self.tasks.append(len(asyncio.all_tasks()))

    @property
    def growth_kib(self) -> float:
        """KiB per unit by which the second half needs more memory than the first, start-up left out."""
        start, middle = len(self.memory_kib) // 4, len(self.memory_kib) // 2
        early, late = self.memory_kib[start:middle], self.memory_kib[-len(self.memory_kib) // 4 :]
        apart = (len(self.memory_kib) - len(late) / 2) - (start + len(early) / 2)
        return (sum(late) / len(late) - sum(early) / len(early)) / apart if early and late else 0.0


@dataclass
class Outcome:
    """One run against a faulty server, and what was wrong with it."""

    summary: Summary
    cpu_s: float
    wall_s: float
    tasks_left: int
    sampler: Sampler = field(default_factory=Sampler)
    problems: list[str] = field(default_factory=list)


@contextmanager
def quick_retries() -> Iterator[None]:
    """Waits of milliseconds between the tries of a request, so that the faults and not the waits are measured."""
    defaults = Gateway.__init__.__kwdefaults__
    Gateway.__init__.__kwdefaults__ = {**(defaults or {}), "wait_s": (0.001, 0.01)}
    try:
        yield
    finally:
        Gateway.__init__.__kwdefaults__ = defaults


def run(folder: Path, url: str, units: int, *, concurrency: int = 16, timeout_s: float = 0.5) -> Outcome:
    """Run `units` units in a folder, or go on with them, and check what is there afterwards."""
    (folder / "faulty.yaml").write_text(WORKFLOW, "utf-8")
    (folder / "think.md").write_text("Think of {{ item }}, turn {{ turn }}.", "utf-8")
    items = [f"unit-{n:05}" for n in range(units)]
    changes = {"models.model.base_url": url, "models.model.timeout_s": timeout_s, "params.items": items}
    experiment, sampler = ste.load(folder / "faulty.yaml", set=changes), Sampler()

    async def go() -> tuple[Summary, int]:
        summary = await experiment.arun(folder / "run", concurrency=concurrency, watcher=sampler)
        await asyncio.sleep(0)
        return summary, len(asyncio.all_tasks()) - 1

    cpu, wall = time.process_time(), time.monotonic()
    with quick_retries():
        summary, tasks_left = asyncio.run(go())
    gc.collect()
    found = Outcome(summary, time.process_time() - cpu, time.monotonic() - wall, tasks_left, sampler)
    found.problems = list(find_problems(folder / "run", summary, units, tasks_left))
    return found


def find_problems(out: Path, summary: Summary, units: int, tasks_left: int) -> Iterator[str]:
    """The promises that a run broke: nothing lost or doubled, each unit done or named with its reason, no task left."""
    trials = [json.loads(line) for line in (out / "journal.jsonl").read_text("utf-8").splitlines()]
    places = Counter((trial["item"], trial["turn"]) for trial in trials)
    by_unit = Counter(trial["item"] for trial in trials)
    if doubled := [place for place, count in places.items() if count > 1]:
        yield f"doubled: {doubled[:5]}"
    if len({trial["id"] for trial in trials}) != len(trials):
        yield "two trials have one id"
    if summary.done + len(summary.failed) != units or summary.stopped_by is not None:
        yield f"{summary.done} done and {len(summary.failed)} failed of {units}; stopped by {summary.stopped_by}"
    if lost := [
        f"unit-{n:05}"
        for n in range(units)
        if by_unit[f"unit-{n:05}"] != TURNS and f"unit-{n:05}" not in summary.failed
    ]:
        yield f"lost: {lost[:5]}"
    logged = Counter[str]()
    for path in (out / "units").iterdir():
        logged[path.stem] += sum(b'"record":{' in line for line in path.read_bytes().splitlines())
    if logged != by_unit:
        yield "journal and step logs differ"
    if any("gave no reply in" not in why and EMPTY not in why for why in summary.failed.values()):
        yield f"failed otherwise than by faults: {dict(list(summary.failed.items())[:2])}"
    if tasks_left:
        yield f"{tasks_left} tasks are left"


def compare_counts(made: Mapping[str, int], summary: Summary) -> Iterator[str]:
    """The differences between the faults that the run counts and those that the server made.

    After each fault a request was made again, or a unit failed, or an empty reply was taken for what it is. On a slow
    machine any answer may come too late, and then counts as no answer in time.
    """
    retries = summary.servers.retries
    failed = [why for why in summary.failed.values() if EMPTY not in why]
    late = retries["timeout"] + sum("no answer in time" in why for why in failed)
    others = retries.total() - retries["timeout"] + sum("no answer in time" not in why for why in failed)
    faults = sum(made.get(kind, 0) for kind in KINDS if kind != "drip")
    uncounted, too_late = faults - others - summary.used.empty, late - made.get("drip", 0)
    if not 0 <= uncounted <= max(too_late, 0) or too_late < 0:
        yield f"{faults} faults were made besides drips, and {others} counted; {late} came late: {dict(retries)}"


def serve(share: float, seed: int) -> None:
    """Serve until the standard input ends, and then print the faults that were made."""
    faults = Faults(share, seed)
    with ChatServer(faults) as server:
        print(json.dumps(server.url), flush=True)
        sys.stdin.read()
        print(json.dumps(faults.made), flush=True)


@contextmanager
def start_server(share: float, seed: int, made: dict[str, int]) -> Iterator[str]:
    """A server in a process of its own; `made` gets the number of its faults by kind at the end."""
    command = [sys.executable, "-m", "tests.faults", "--serve", "--share", str(share), "--seed", str(seed)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())
        made.update(json.loads(process.communicate()[0]))


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--units", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--share", type=float, default=SHARE, help="the share of each kind of fault")
    parser.add_argument("--concurrency", type=int, default=16)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        serve(given.share, given.seed)
        return 0
    made: dict[str, int] = {}
    healthy: dict[str, int] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with start_server(given.share, given.seed, made) as url:
            first = run(folder, url, given.units, concurrency=given.concurrency)
        with start_server(0.0, given.seed, healthy) as url:
            second = run(folder, url, given.units, concurrency=given.concurrency)
        plain: Any = Path(name, "plain")
        plain.mkdir()
        with start_server(0.0, given.seed, {}) as url:
            clean = run(plain, url, given.units, concurrency=given.concurrency)
    problems = [*first.problems, *compare_counts(made, first.summary), *second.problems, *clean.problems]
    if not second.summary.complete:
        problems.append(
            f"the same command without faults does not complete it: {dict(list(second.summary.failed.items())[:3])}"
        )
    print_figures(given.units, made, first, healthy, clean)
    print("\n".join(problems) or "nothing was lost, nothing doubled, no task left")
    return 1 if problems else 0


def print_figures(
    units: int, made: Mapping[str, int], first: Outcome, healthy: Mapping[str, int], clean: Outcome
) -> None:
    """The figures for the docs."""
    summary, sampler, calls = first.summary, first.sampler, units * TURNS
    faults = {kind: made.get(kind, 0) for kind in KINDS}
    print(f"{units} units, {calls} calls, {sum(made.values())} requests, faults: {faults}")
    print(f"tried again: {dict(sorted(summary.servers.retries.items()))}")
    print(f"failed units: {len(summary.failed)}, all named; taken up with {sum(healthy.values())} requests")
    print(
        f"CPU {first.cpu_s:.1f} s with faults, {clean.cpu_s:.1f} s without ({1000 * clean.cpu_s / calls:.1f} ms a call)"
    )
    print(f"wall {first.wall_s:.0f} s with faults, {clean.wall_s:.0f} s without")
    most = max(sampler.memory_kib) // 1024
    print(f"memory: {most} MiB at most, {sampler.growth_kib:+.1f} KiB per unit beyond the start")
    print(f"open files at most {max(sampler.files)}, tasks at most {max(sampler.tasks)}, left {first.tasks_left}")


if __name__ == "__main__":
    sys.exit(main())
