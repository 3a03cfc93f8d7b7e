"""Kills the driver of a run on a Ray cluster, or one of its nodes, again and again, and compares with one process.

    python -m tests.cluster.kills --driver 80 --node 20 --seed 1

Not part of `make test`. Kills land while steps are written: at a random growth of the step logs. Exit 0 if every run
ends with the journal of the undisturbed one, no step stands twice, no call that may change something was made twice,
and no more calls were repeated than were in flight.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from tests.cluster.conftest import ROOT, TOOLS, WORKFLOW, step_keys

UNITS = 3
STE = str(Path(sys.executable).with_name("ste"))


def start(folder: Path, out: Path, executor: str, address: str = "") -> subprocess.Popen[bytes]:
    """The run as a process; its output goes to a file beside the run."""
    environment = {**os.environ, "RAY_USAGE_STATS_ENABLED": "0", **({"RAY_ADDRESS": address} if address else {})}
    command = [STE, "run", "spread.yaml", "--out", str(out), "--quiet", "--executor", executor]
    with out.with_suffix(".log").open("ab") as log:
        return subprocess.Popen(command, cwd=folder, stdout=log, stderr=log, env=environment)


def finish(process: subprocess.Popen[bytes], out: Path) -> None:
    """Wait for the end of a run. Raises `RuntimeError` if it does not end well."""
    try:
        code = process.wait(600)
    except subprocess.TimeoutExpired:
        process.kill()
        raise RuntimeError(f"{out}: no end after 600 s") from None
    if code:
        raise RuntimeError(out.with_suffix(".log").read_text("utf-8", "replace")[-2000:])


def log_bytes(out: Path) -> int:
    """The size of all step logs of a run."""
    return sum(path.stat().st_size for path in out.glob("units/*.jsonl"))


def wait_for_growth(process: subprocess.Popen[bytes], out: Path, growth: int) -> bool:
    """Wait until the logs have grown so much; False if the run came to its end before."""
    wanted = log_bytes(out) + growth
    while log_bytes(out) < wanted:
        if process.poll() is not None:
            return False
        time.sleep(0.005)
    return True


def read_trials(out: Path) -> list[Any]:
    """The journal, sorted by id, without times."""

    def strip(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: strip(part) for key, part in value.items() if key not in ("started", "ended", "ms")}
        return [strip(part) for part in value] if isinstance(value, list) else value

    lines = [strip(json.loads(line)) for line in (out / "journal.jsonl").read_text("utf-8").splitlines()]
    return sorted(lines, key=lambda line: str(line["id"]))


class Traces:
    """Traces that the tools have left behind: the number of calls of each."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def take(self) -> tuple[int, Counter[str]]:
        """The calls of `area`, and those of `send` by step; they begin anew."""
        found = []
        for name in ("workers.txt", "sent.txt"):
            path = self._folder / name
            found.append(path.read_text().splitlines() if path.exists() else [])
            path.unlink(missing_ok=True)
        return len(found[0]), Counter(found[1])


def find_faults(out: Path, whole: list[Any], areas: int, wanted: int, sent: Counter[str], kills: int) -> list[str]:
    """The faults of a run that was disturbed."""
    trials, faults = read_trials(out), []
    if [trial["id"] for trial in trials] != [trial["id"] for trial in whole]:
        faults.append(f"{len(trials)} trials, not the {len(whole)} of the undisturbed run")
    if [t for t in trials if t["tool"] != "send"] != [t for t in whole if t["tool"] != "send"]:
        faults.append("trials of tools that only read differ")
    keys = step_keys(out)
    if len(set(keys)) != len(keys):
        faults.append("a step stands twice")
    if any(count > 1 for count in sent.values()):
        faults.append(f"calls that may change something were repeated: {sent.most_common(2)}")
    if areas - wanted > kills:  # one unit calls `area`, one call at a time
        faults.append(f"{areas - wanted} calls repeated after {kills} kills")
    return faults


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--driver", type=int, default=80, help="kills of the driver")
    parser.add_argument("--node", type=int, default=20, help="kills of a node")
    parser.add_argument("--kills", type=int, default=4, help="the kills of one run, at most")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    from ray.cluster_utils import Cluster

    rng, bad = random.Random(given.seed), 0
    left = {"driver": given.driver, "node": given.node}
    node_options = {"num_cpus": 1, "object_store_memory": 80_000_000}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "tools.py").write_text(TOOLS)
        shutil.copytree(ROOT / "workflows" / "prompts", folder / "prompts")
        (folder / "spread.yaml").write_text(WORKFLOW.format(prompts="prompts", here=folder))
        traces = Traces(folder)
        finish(start(folder, folder / "whole", "asyncio"), folder / "whole")
        whole, size = read_trials(folder / "whole"), log_bytes(folder / "whole")
        wanted, _ = traces.take()
        cluster = Cluster(
            initialize_head=True, head_node_args={**node_options, "num_cpus": 0, "include_dashboard": False}
        )
        nodes = [cluster.add_node(**node_options) for _ in range(2)]
        runs = 0
        while sum(left.values()):
            runs += 1
            out, kills = folder / f"run-{runs}", 0
            process = start(folder, out, "ray://auto", cluster.address)
            for _ in range(given.kills):
                victim = rng.choice([which for which, count in left.items() for _ in range(count)] or [""])
                if not victim or not wait_for_growth(process, out, rng.randrange(1, size // given.kills)):
                    break
                if victim == "driver":
                    os.kill(process.pid, signal.SIGKILL)
                    process.wait()
                    process = start(folder, out, "ray://auto", cluster.address)
                else:
                    lost = nodes.pop(rng.randrange(len(nodes)))
                    cluster.remove_node(lost, allow_graceful=False)
                    nodes.append(cluster.add_node(**node_options))
                left[victim] -= 1
                kills += 1
            finish(process, out)
            areas, sent = traces.take()
            faults = find_faults(out, whole, areas, wanted, sent, kills)
            bad += bool(faults)
            done = ", ".join(f"{getattr(given, which) - count} of {which}" for which, count in left.items())
            print(
                f"run {runs}: {kills} kills, {done}; {'; '.join(faults) or 'nothing lost, nothing doubled'}", flush=True
            )
        cluster.shutdown()
    print(f"{runs - bad} of {runs} runs are right")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
