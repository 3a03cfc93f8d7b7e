"""The processor time of a model call with the paper's settings, and how far a run is from its longest chain of calls.

The server is in a process of its own. A trial is four calls of it: imagine, call, call with the observation, reflect.
"""

from __future__ import annotations

import gc
import os
import tempfile
import time
from pathlib import Path
from statistics import median

import ste_graph as ste
from ste_graph.run.step_log import StepLog
from tests.bench.model_server import start_server

TOOLS, TRIALS, EPISODES = 50, 4, 3
REPLY_S = 0.5
CONCURRENCY = 64
PAIRS = 3
LIMIT_MS = 3.5
SHARE = 0.9
HEAD = "import ste_graph as ste\n"
TOOL = '''

@ste.tool(effect="read")
def double_{}(number: int) -> int:
    """Double a number."""
    return 2 * number
'''


def experiment(folder: Path, url: str, episodes: int) -> ste.Experiment:
    """The paper's workflow with its own settings, but for its tools, its size and the address of the server."""
    (folder / "double.py").write_text(HEAD + "".join(TOOL.format(n) for n in range(TOOLS)), encoding="utf-8")
    changes = {
        "params.episodes": episodes,
        "params.trials": TRIALS,
        "tools": [{"use": "python", "module": str(folder / "double.py")}],
        "models.main.base_url": url,
        "models.main.model": "tiny",
    }
    return ste.load("workflows/paper.yaml", set=changes)


def explored(url: str, episodes: int) -> tuple[float, list[int]]:
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
    (short, few), (long, many) = explored(url, 1), explored(url, EPISODES)
    return (long - short) / (sum(many) - sum(few)) * 1000


def main() -> None:
    with start_server() as server:
        explored(server.url, 1)  # loads the libraries
        found = [call_ms(server.url) for _ in range(PAIRS)]
    load = os.getloadavg()[0]
    print(
        f"  a model call: {median(found):.2f} ms of processor time, from {min(found):.2f} to {max(found):.2f}"
        f" (to reach: {LIMIT_MS}); load of the machine {load:.1f}"
    )
    with start_server(REPLY_S) as server:
        _, calls = explored(server.url, EPISODES)
    ideal = max(calls) * REPLY_S
    print(
        f"  {TOOLS} tools x {EPISODES} x {TRIALS} at {REPLY_S} s a reply, concurrency {CONCURRENCY}: {sum(calls)} calls"
        f" in {server.seconds:.1f} s, the longest chain {ideal:.1f} s: {ideal / server.seconds:.2f} of the ideal"
        f" (to reach: {SHARE:.2f}); load of the machine {os.getloadavg()[0]:.1f}"
    )


if __name__ == "__main__":
    main()
