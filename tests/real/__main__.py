"""`make real`: the small real model through the product's own commands, and a table of what came of it.

    python -m tests.real [--quick] [--stages explore distil …] [--tools everyday|other] [--episodes 4] [--seed 100]
                         [--out FOLDER] [--pool FILE]

Each stage is a run folder below `--out`; the same command goes on where it was stopped. Prompts are tuned with seeds 0
to 9; runs with any other seed are final and leave a line in tests/real/log.jsonl.
"""

from __future__ import annotations

import argparse
import asyncio
import datetime as dt
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from ste_graph.errors import SteError
from tests.real.figures import (
    Row,
    arm_rows,
    continual_rows,
    distil_rows,
    evaluation_text,
    explore_rows,
    judge_rows,
    render_table,
)
from tests.real.server import ModelServer, open_server
from tests.real.stages import ALL, POOL_TOOLS, QUICK, ROOT, TOOLS, Size, Stage, plan_stages, record_pool
from tests.real.weights import find_model

STE = ROOT / ".venv" / "bin" / "ste"
LOG = Path(__file__).with_name("log.jsonl")
TUNING_SEEDS = range(10)
TRAINED = {"lora", "continual"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="3 tools with 4 trials each and 12 cases, with seed 0")
    parser.add_argument("--stages", nargs="*", choices=ALL, help="only these")
    parser.add_argument("--tools", choices=[name for name in TOOLS if name != "quick"], default="everyday")
    parser.add_argument("--episodes", type=int, default=4, help="six trials each, for each tool (4)")
    parser.add_argument("--seed", type=int)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--pool", type=Path, help="add the real replies to this file (tests/real/pool.jsonl)")
    given = parser.parse_args()
    size = Size("quick", 1, 4, 4) if given.quick else Size(given.tools, given.episodes, 6, 8)
    seed = given.seed if given.seed is not None else 0 if given.quick else 100
    out = (given.out or ROOT / "runs" / "real" / f"{size.tools}-{seed}").resolve()
    parts = tuple(given.stages or (QUICK if given.quick else ALL))
    try:
        asyncio.run(run_stages(parts, size, seed, out, given.pool))
    except SteError as error:
        sys.exit(f"error: {error}")


async def run_stages(parts: tuple[str, ...], size: Size, seed: int, out: Path, pool: Path | None = None) -> None:
    """Run the stages of some parts that are not done, and print the table of all that is there."""
    out.mkdir(parents=True, exist_ok=True)
    weights = find_model() if TRAINED & set(parts) else ""
    stages = plan_stages(parts, size, seed, out, weights)
    async with open_server(out / "vllm.log", say) as server:
        log_final_run(seed, {"state": "begun", **describe(seed, size, server, out)})
        for stage in stages:
            own = record_pool(stage, pool.resolve(), POOL_TOOLS, server.url, server.model) if pool else stage
            await run_stage(own, server, out)
    rows = read_rows(size, out)
    facts = describe(seed, size, server, out)
    print(f"\n{' · '.join(f'{name} {value}' for name, value in facts.items() if name not in ('seconds', 'commits'))}")
    print(f"seconds: {facts['seconds']}\n\n{render_table(rows)}")
    if has_run(out / "evaluate"):
        print(f"\n{evaluation_text(out / 'evaluate')}")
    result = {**facts, "rows": [row.to_json() for row in rows]}
    (out / "table.json").write_text(json.dumps(result, indent=1), "utf-8")
    log_final_run(seed, {"state": "ended", **result})


def log_final_run(seed: int, line: dict[str, Any]) -> None:
    """Note a run with a final seed, also one that does not come to its end."""
    if seed not in TUNING_SEEDS:
        with LOG.open("a", encoding="utf-8") as log:
            log.write(json.dumps(line) + "\n")


async def run_stage(stage: Stage, server: ModelServer, out: Path) -> None:
    """Run a stage, or what is left of it, and add up the seconds it took."""
    say(f"{stage.name} …")
    commits = read_json(out / "commits.json")
    commits[stage.name] = " ".join(dict.fromkeys([*commits.get(stage.name, "").split(), read_commit()]))
    (out / "commits.json").write_text(json.dumps(commits), "utf-8")
    began = time.monotonic()
    process = await asyncio.create_subprocess_exec(*stage.command(STE, out), env={**os.environ, **server.env})
    code = await process.wait()
    took = time.monotonic() - began
    seconds = read_json(out / "seconds.json")
    seconds[stage.name] = round(seconds.get(stage.name, 0.0) + took, 1)
    (out / "seconds.json").write_text(json.dumps(seconds), "utf-8")
    if code == 1:
        say(f"{stage.name}: a unit failed; the table counts what it lacks. The same command tries it again.")
    elif code:
        raise SteError(f"stage {stage.name} ended with exit code {code}; mend that, and run the same command again")


def read_json(file: Path) -> dict[str, Any]:
    """The content of a file on each stage so far: its seconds, or the commits at which it ran."""
    return dict(json.loads(file.read_text("utf-8"))) if file.exists() else {}


def read_commit() -> str:
    """The commit of the checkout, marked where files differ from it."""
    git = ["git", "-C", str(ROOT)]
    commit = subprocess.run([*git, "rev-parse", "--short", "HEAD"], capture_output=True, text=True).stdout.strip()
    others = ["--", ".", f":!{LOG.relative_to(ROOT)}"]
    changed = subprocess.run([*git, "status", "--porcelain", *others], capture_output=True, text=True).stdout.strip()
    return commit + ("+changes" if changed else "")


def read_rows(size: Size, out: Path) -> list[Row]:
    """The rows of all stages that have a run."""
    rows: list[Row] = []
    if has_run(out / "explore"):
        rows += explore_rows(out / "explore", size.per_tool)
    if has_run(out / "distil"):
        rows += distil_rows(out / "distil", out / "explore")
    if has_run(out / "judged"):
        rows += judge_rows(out / "judged")
    named = {
        "icl": "icl on its own requests",
        "forced": "icl, JSON forced by schema",
        "simulated-icl": "icl on requests of a simulated exploration",
        "lora": "LoRA",
    }
    for stage, label in named.items():
        if has_run(out / stage):
            rows += arm_rows(out / stage, label)
    return rows + (continual_rows(out / "continual") if has_run(out / "continual") else [])


def has_run(folder: Path) -> bool:
    """True if a stage left a journal."""
    return (folder / "journal.jsonl").exists()


def describe(seed: int, size: Size, server: ModelServer, out: Path) -> dict[str, Any]:
    """The circumstances of the figures."""
    return {
        "date": dt.datetime.now(dt.UTC).date().isoformat(),
        "commit": read_commit(),
        "commits": read_json(out / "commits.json"),
        "model": server.model,
        "seed": seed,
        "tools": size.tools,
        "size": f"{size.episodes} x {size.trials} trials a tool, at most {size.cases} cases a tool",
        "seconds": read_json(out / "seconds.json"),
    }


def say(text: str) -> None:
    """Tell the person at the terminal."""
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
