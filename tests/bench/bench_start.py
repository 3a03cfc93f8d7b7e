"""The response time of the command line: a person waits for it."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

STE = Path(sys.executable).with_name("ste")


def best_of(count: int, *words: str) -> float:
    """Seconds of the fastest of some runs of a command."""
    times = []
    for _ in range(count):
        started = time.perf_counter()
        subprocess.run([STE, *words], check=True, capture_output=True)
        times.append(time.perf_counter() - started)
    return min(times)


def main() -> None:
    bare = min(_python() for _ in range(5))
    for words, limit in ((("--help",), 0.4), (("check", "workflows/paper.yaml"), 1.0)):
        seconds = best_of(5, *words)
        print(
            f"  ste {' '.join(words):<28} {seconds:.2f} s ({seconds / bare:.0f} x an empty Python; to reach: {limit} s)"
        )


def _python() -> float:
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", "pass"], check=True)
    return time.perf_counter() - started
