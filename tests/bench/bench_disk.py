"""The space that a trial takes on disk besides the texts themselves, for runs of two lengths."""

from __future__ import annotations

import asyncio
import json
import tempfile
from dataclasses import replace
from pathlib import Path

import ste_graph as ste
from ste_graph.run.execution import execute
from tests.bench.bench_trial import TOOLS, TRIALS, ScriptedAdapter, workflow


def main() -> None:
    for trials in (96, 960):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            loaded = workflow(folder)
            changes = {"params": {"episodes": trials // TRIALS // TOOLS, "trials": TRIALS, "turns": 4}}
            tools = [{"use": "python", "module": str(folder / "double.py")}]
            loaded = ste.load("workflows/paper.yaml", set={**changes, "tools": tools}).workflow
            loaded = replace(loaded, models={"explorer": ScriptedAdapter()})
            asyncio.run(execute(loaded, folder / "run"))
            parts = {
                "step log": _size(folder / "run" / "units"),
                "journal": _size(folder / "run" / "journal.jsonl"),
                "index": _size(folder / "run" / "memory"),
            }
            texts = sum(_texts(line) for line in (folder / "run" / "units").glob("*.jsonl"))
        whole = sum(parts.values())
        listed = ", ".join(f"{what} {size / trials / 1024:.1f}" for what, size in parts.items())
        beside = (whole - texts) / trials / 1024
        print(f"  {trials:>5} trials: {whole / trials / 1024:.1f} KiB a trial ({listed}); "
              f"{beside:.1f} beside the texts themselves (to reach: 10)")  # fmt: skip


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else sum(p.stat().st_size for p in path.rglob("*") if p.is_file())


def _texts(log: Path) -> int:
    """Bytes of what was said, once."""
    lines = (json.loads(line) for line in log.read_text(encoding="utf-8").splitlines())
    return sum(len(message["content"].encode()) for line in lines for message in line.get("messages", []))
