"""The memory of a run of 1,000 units: its peak beyond the imports, and whether it grows with the units that finish."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.bench.rows import Row

UNITS, EPISODES, TRIALS = 1_000, 1, 4
BEYOND_MB, GROWTH_MB = 300.0, 0.05


def resident_mb() -> float:
    """Megabytes of this process in memory."""
    return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def explore(folder: Path) -> dict[str, object]:
    """Run the paper's workflow over so many tools, with a scripted model and its memory; the megabytes on the way."""
    from ste_graph.memory.vectors.embedders import embedder_for
    from ste_graph.run.execution import execute
    from tests.bench.bench_trial import Begun
    from tests.bench.large_run import large_workflow

    for name in ("warm", "run"):
        (folder / name).mkdir()
    tools, episodes = 4, EPISODES
    warm = large_workflow(folder / "warm", tools, memory="chroma", episodes=episodes)
    asyncio.run(execute(warm, folder / "warm" / "run"))  # loads the embedder, Chroma and LangGraph
    asyncio.run(embedder_for(None).embed([f"request {number}" for number in range(64)]))
    imports = resident_mb()
    loaded = large_workflow(folder / "run", UNITS, memory="chroma", episodes=episodes)
    seen: list[float] = []

    class Sampling(Begun):
        def unit_end(self, *arguments: object) -> None:
            seen.append(resident_mb())

    asyncio.run(execute(loaded, folder / "run" / "run", watcher=Sampling()))
    return {"imports": imports, "seen": seen}


def main() -> list[Row]:
    code = (
        "import sys, json; from pathlib import Path; from tests.bench import bench_peak as bench\n"
        "print(json.dumps(bench.explore(Path(sys.argv[1]))))"
    )
    with tempfile.TemporaryDirectory() as name:
        done = subprocess.run([sys.executable, "-c", code, name], capture_output=True, text=True, check=True)
    found = json.loads(done.stdout.strip().splitlines()[-1])
    imports, seen = found["imports"], found["seen"]
    half = len(seen) // 2
    growth = (max(seen[-50:]) - max(seen[half - 50 : half])) / (len(seen) - half)
    beyond = max(seen) - imports
    size = f"{len(seen):,} units of {EPISODES * TRIALS} trials"
    print(f"  {size}: {imports:.0f} MB with all imports, {max(seen):.0f} MB at the peak")
    print("  after each tenth of the units: " + ", ".join(f"{mb:.0f}" for mb in seen[99::100]) + " MB")
    anchor = f"the same process with all imports and a small run behind it: {imports:.0f} MB"
    return [
        Row(f"peak memory, {size}, beyond the imports", beyond, " MB", BEYOND_MB, anchor=anchor),
        Row(
            "growth of memory for each unit that has finished",
            growth,
            " MB",
            GROWTH_MB,
            anchor=f"after the first half of the units {max(seen[half - 50 : half]):.0f} MB, after all {seen[-1]:.0f}",
        ),
    ]


if __name__ == "__main__":
    main()
