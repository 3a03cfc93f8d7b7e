"""A run of 100,000 trials: taken up, summed up and shown, as it is and with its logs compressed.

The run is made by copying the log of one tool; its last tool is half done. Seconds are of processor time, in processes
of their own, less what the same command takes with a run of sixty trials.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from ste_graph.finished import open_run
from tests.bench.large_run import large_workflow, make_large_run
from tests.bench.rows import Row

TRIALS = int(os.environ.get("STE_BENCH_TRIALS", "100000"))
START_S, SUM_S, SHOW_S = 20.0, 10.0, 2.0


def sum_up(run: Path) -> None:
    """Read the summary of a run."""
    open_run(run).summary()


def show(run: Path) -> None:
    """Print some trials of one tool, as a person does."""
    from typer.testing import CliRunner

    from ste_graph.cli.application import application

    done = CliRunner().invoke(application, ["show", str(run), "--tool", "double_0", "-n", "3"])
    assert done.exit_code == 0, done.output


def take_up(run: Path) -> None:
    """Take the run up, and stop it as soon as its first trial would go on."""
    from ste_graph.run.execution import execute
    from tests.bench.bench_trial import Begun

    tools = len(open_run(run).lock["units"])
    stop = asyncio.Event()

    class Stopping(Begun):
        def run_start(self, *arguments: object) -> None:
            stop.set()

    asyncio.run(execute(large_workflow(run.parent, tools), run, watcher=Stopping(), stop=stop))


def measure(what: str, run: Path) -> tuple[float, float]:
    """Seconds of processor time and peak megabytes of one of the above in a process of its own."""
    code = (
        "import sys, time, json, resource; from pathlib import Path; from tests.bench import bench_large as bench\n"
        "began = time.process_time()\n"
        f"bench.{what}(Path(sys.argv[1]))\n"
        "peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024\n"
        "print('\\n' + json.dumps([time.process_time() - began, peak]))"
    )
    done = subprocess.run([sys.executable, "-c", code, str(run)], capture_output=True, text=True, check=True)
    seconds, peak = json.loads(done.stdout.strip().splitlines()[-1])
    return seconds, peak


def main() -> list[Row]:
    rows = []
    with tempfile.TemporaryDirectory() as name:
        small, large = Path(name) / "small", Path(name) / "large"
        for folder, trials in ((small, 60), (large, TRIALS)):
            folder.mkdir()
            make_large_run(folder, trials)
        for form in ("as it is", "compressed"):
            if form == "compressed":
                words = [Path(sys.executable).with_name("ste"), "runs", "compact", large / "run"]
                done = subprocess.run(words, capture_output=True, text=True, check=True)
                print(f"  {done.stdout.strip().replace(str(large), 'large')}")
            for what, words, reach in (
                ("sum_up", "summed up", SUM_S),
                ("show", "three trials of one tool shown", SHOW_S),
                ("take_up", "taken up, to where its first trial goes on", START_S),
            ):
                (less, few), (more, many) = measure(what, small / "run"), measure(what, large / "run")
                anchor = f"sixty trials: {less:.2f} s and {few:.0f} MB at the most, here {many:.0f} MB"
                rows.append(
                    Row(f"a run of {TRIALS:,} trials, {form}: {words}", more, " s of CPU", reach, anchor=anchor)
                )
                print(f"  {form}: {words}: {more:.2f} s of CPU, {many:.0f} MB; {anchor}")
    return rows
