"""Kills a whole chain with -9 at random times, continues it to its end, and compares its table with an undisturbed one.

    python -m tests.kills --times 40 --seed 1

Not part of `make test`. Exit 0 if every table is the same; else the tables that differ are printed.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

PARTS = ("explore", "distil", "guideline", "describe", "icl", "evaluate")
LONGEST_S = 1800.0
"""The seconds after which a run that was not killed hangs."""


def start(out: Path, changes: list[str]) -> subprocess.Popen[bytes]:
    """The chain as a process of its own group; its output goes to a file beside the run."""
    ste = str(Path(sys.executable).with_name("ste"))
    command = [ste, "run", "gain", "--variant", "simulated", "--out", str(out)]
    for change in changes:
        command += ["--set", change]
    with out.with_suffix(".log").open("ab") as log:
        return subprocess.Popen([*command, "--quiet"], stdout=log, stderr=log, start_new_session=True)


def finish(out: Path, changes: list[str]) -> float:
    """Run the chain to its end. The seconds that it took. Raises `RuntimeError` if it does not end well."""
    began = time.monotonic()
    if start(out, changes).wait(LONGEST_S):
        raise RuntimeError(out.with_suffix(".log").read_text("utf-8", "replace")[-3000:])
    return time.monotonic() - began


def kill_after(out: Path, changes: list[str], seconds: float) -> bool:
    """Run the chain for so long, and kill it with all that it started; False if it was at its end before."""
    process = start(out, changes)
    try:
        if process.wait(seconds):
            raise RuntimeError(out.with_suffix(".log").read_text("utf-8", "replace")[-3000:])
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return True
    return False


def find_part(out: Path) -> str:
    """The last part of the chain that has begun; `start` before the first."""
    begun = [part for part in PARTS if any(out.glob(f"**/{part}/workflow.lock.yaml"))]
    return begun[-1] if begun else "start"


def read_table(out: Path) -> Any:
    """The result that a chain is run for: all that its evaluation recorded, without times and numbers of runs."""
    (journal,) = out.glob("**/evaluate/journal.jsonl")
    return [strip(json.loads(line)) for line in journal.read_text("utf-8").splitlines()]


def strip(value: Any) -> Any:
    """The value without what differs from run to run: moments and durations, and the folder of the run."""
    if isinstance(value, dict):
        return {key: strip(part) for key, part in value.items() if key not in UNSTEADY}
    return [strip(part) for part in value] if isinstance(value, list) else value


UNSTEADY = {"id", "run", "run_id", "runs", "started", "ended", "seconds"}


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=40, help="the kills, all runs together")
    parser.add_argument("--kills", type=int, default=4, help="the kills of one run, at most")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--set", dest="changes", action="append", default=[], help="a change of the workflow")
    given = parser.parse_args()
    rng = random.Random(given.seed)
    landed, differ, runs, kills = Counter[str](), 0, 0, 0
    with tempfile.TemporaryDirectory() as folder:
        whole = Path(folder, "whole")
        takes = finish(whole, given.changes)
        wanted = read_table(whole)
        print(f"undisturbed: {takes:.0f} s, {len(wanted)} records in the table", flush=True)
        while kills < given.times:
            runs += 1
            out = Path(folder, f"run-{runs}")
            for _ in range(min(given.kills, given.times - kills)):
                if not kill_after(out, given.changes, rng.uniform(0.5, takes * 0.6)):
                    break
                kills += 1
                landed[find_part(out)] += 1
            finish(out, given.changes)
            same = read_table(out) == wanted
            differ += not same
            print(f"run {runs}: {kills} kills so far, the table is {'the same' if same else 'ANOTHER'}", flush=True)
            if not same:
                print(json.dumps(read_table(out), indent=1)[:3000])
    print(f"{kills} kills in {runs} runs: {', '.join(f'{part} {count}' for part, count in landed.items())}")
    print(f"{runs - differ} of {runs} tables are the same")
    return 1 if differ else 0


if __name__ == "__main__":
    sys.exit(main())
