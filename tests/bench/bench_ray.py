"""Ray's cost on one machine: the same run in this process and on Ray's workers, from the first call to the last."""

from __future__ import annotations

import importlib.util
import os
import tempfile
import time
from pathlib import Path

import ste_graph as ste
from tests.bench.model_server import start_server
from tests.bench.rows import Row

TOOLS, EPISODES, TRIALS = 20, 2, 2
REPLY_S = 0.5
CONCURRENCY = 64
REACH = 1.15
HEAD = "import ste_graph as ste\n"
TOOL = '''

@ste.tool(effect="read")
def double_{}(number: int) -> int:
    """Double a number."""
    return 2 * number
'''


def explore(executor: str, seconds: float) -> tuple[float, float, float, int]:
    """Run the paper's workflow: seconds from the first call to the last, of all, CPU of this process, and the calls."""
    with tempfile.TemporaryDirectory() as name, start_server(seconds) as server:
        folder = Path(name)
        (folder / "double.py").write_text(HEAD + "".join(TOOL.format(n) for n in range(TOOLS)), encoding="utf-8")
        changes = {
            "params.episodes": EPISODES,
            "params.trials": TRIALS,
            "tools": [{"use": "python", "module": str(folder / "double.py")}],
            "models.main.base_url": server.url,
            "models.main.model": "tiny",
        }
        began, cpu = time.monotonic(), time.process_time()
        loaded = ste.load("workflows/paper.yaml", set=changes)
        summary = loaded.run(folder / "run", concurrency=CONCURRENCY, executor=executor)
        whole, used = time.monotonic() - began, time.process_time() - cpu
        assert summary.complete, summary.failed
        calls = summary.used.model_calls
    return server.seconds, whole, used, calls


def main() -> list[Row]:
    """Print both, and the start of Ray."""
    if importlib.util.find_spec("ray") is None:
        print("  Ray is not installed: pip install 'ste-graph[scale]'")
        return []
    explore("asyncio", 0.0)  # loads the libraries
    here, here_whole, here_cpu, calls = explore("asyncio", REPLY_S)
    there, there_whole, there_cpu, _ = explore("ray", REPLY_S)
    start = (there_whole - there) - (here_whole - here)
    print(f"  {TOOLS} tools x {EPISODES} x {TRIALS} at {REPLY_S} s a reply, {calls} calls, first call to last:")
    print(f"  asyncio {here:.1f} s, Ray {there:.1f} s: {there / here:.2f} x (at most {REACH}); start {start:.1f} s")
    print(
        f"  CPU of the driver a call: {1000 * here_cpu / calls:.1f} ms with asyncio, {1000 * there_cpu / calls:.1f} ms "
        f"with Ray; load of the machine {os.getloadavg()[0]:.1f}"
    )
    return [
        Row("Ray on one machine, after start-up", there / here, " x", REACH, anchor=f"asyncio, {here:.1f} s"),
        Row("Start of Ray and its workers", start, " s", anchor="the start of the same run with asyncio"),
        Row(
            "CPU of the driver a model call, with Ray",
            1000 * there_cpu / calls,
            " ms",
            anchor=f"with asyncio, {1000 * here_cpu / calls:.1f} ms",
        ),
    ]


if __name__ == "__main__":
    main()
