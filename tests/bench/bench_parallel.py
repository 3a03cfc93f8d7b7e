"""The time saved by episodes in waves where a server answers many requests at once: 20 tools, 3 episodes of 4 trials.

The server is in a process of its own. Without waves, a tool's 12 trials of four calls follow one another; in waves of
three episodes, four trials do, and 60 requests are in flight.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import ste_graph as ste
from ste_graph.run.logs.step_log import StepLog
from tests.bench.model_server import start_server
from tests.bench.rows import Row

TOOLS, EPISODES, TRIALS = 20, 3, 4
REPLY_S = 0.5
CONCURRENCY = 64
SHARE, FASTER = 0.85, 2.2
HEAD = "import ste_graph as ste\n"
TOOL = '''

@ste.tool(effect="read")
def double_{}(number: int) -> int:
    """Double a number."""
    return 2 * number
'''


def explore(url: str, parallel: int) -> list[int]:
    """Run the paper's workflow with so many episodes at once; the model calls of each of its tools."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "double.py").write_text(HEAD + "".join(TOOL.format(n) for n in range(TOOLS)), encoding="utf-8")
        changes = {
            "params.episodes": EPISODES,
            "params.trials": TRIALS,
            "graph.episode.parallel": parallel,
            "tools": [{"use": "python", "module": str(folder / "double.py")}],
            "models.main.base_url": url,
            "models.main.model": "tiny",
        }
        summary = ste.load("workflows/paper.yaml", set=changes).run(folder / "run", concurrency=CONCURRENCY)
        assert summary.complete, summary.failed
        return [StepLog(log).used.model_calls for log in (folder / "run" / "units").glob("*.jsonl")]


def main() -> list[Row]:
    """Print seconds from the first call to the last reply, with and without waves, and their ideals."""
    with start_server() as server:
        explore(server.url, EPISODES)  # loads the libraries
    took: dict[int, float] = {}
    shares: dict[int, float] = {}
    for parallel in (1, EPISODES):
        with start_server(REPLY_S) as server:
            calls = explore(server.url, parallel)
        took[parallel] = server.seconds
        chain = max(calls) / parallel
        ideal = REPLY_S * max(chain, sum(calls) / CONCURRENCY)
        shares[parallel] = ideal / server.seconds
        words = f"{parallel} episodes at once" if parallel > 1 else "one episode after another"
        print(
            f"  {TOOLS} tools x {EPISODES} x {TRIALS} at {REPLY_S} s a reply, {words}: {sum(calls)} calls in "
            f"{server.seconds:.1f} s, ideal {ideal:.1f} s: {ideal / server.seconds:.2f} of it"
            + (f" (to reach: {SHARE})" if parallel > 1 else "")
        )
    ratio = took[1] / took[EPISODES]
    print(f"  in waves {ratio:.2f} x as fast (to reach: {FASTER}); load of the machine {os.getloadavg()[0]:.1f}")
    size = f"{TOOLS} tools x {EPISODES} x {TRIALS} at {REPLY_S} s a reply, {CONCURRENCY} in flight, waves of {EPISODES}"
    one_by_one, waves = f"one episode after another {took[1]:.1f} s", f"in waves {took[EPISODES]:.1f} s"
    anchor = f"ideal {shares[EPISODES] * took[EPISODES]:.1f} s, ours {took[EPISODES]:.1f} s"
    return [
        Row(f"{size}: ideal / ours", shares[EPISODES], "", SHARE, "more", anchor),
        Row("waves against one episode after another", ratio, " x", FASTER, "more", f"{one_by_one}, {waves}"),
    ]


if __name__ == "__main__":
    main()
