"""A run of any size, made by copying the log of one tool that was explored for real, so that it takes seconds."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import ste_graph as ste
from ste_graph.files.jsonl import encode_line
from ste_graph.finished import open_run
from ste_graph.ids import derive_id
from ste_graph.language.workflow import Workflow
from ste_graph.run.execution import execute
from ste_graph.run.folder import RunFolder
from ste_graph.run.logs.log_totals import LineSet
from tests.bench.bench_trial import HEAD, TOOL, ScriptedAdapter

EPISODES, TRIALS = 15, 4
"""Those of the paper."""


def large_workflow(
    folder: Path, tools: int, *, include: list[str] | None = None, memory: str = "list", episodes: int = EPISODES
) -> Workflow:
    """The paper's workflow over so many tools, or those of these names, with a scripted model."""
    module = folder / "double.py"
    module.write_text(HEAD + "".join(TOOL.format(number) for number in range(tools)), encoding="utf-8")
    entry = {"use": "python", "module": str(module)} | ({"include": include} if include else {})
    changes = {
        "params": {"episodes": episodes, "trials": TRIALS, "turns": 4},
        "tools": [entry],
        "memory.long_term": {"use": memory, "of": "trial", "lives": "tool"},
    }
    return replace(ste.load("workflows/paper.yaml", set=changes).workflow, models={"explorer": ScriptedAdapter()})


def make_large_run(folder: Path, trials: int) -> tuple[Workflow, Path]:
    """A run of that many trials, sixty a tool, whose last tool is only half done; and its workflow."""
    tools = -(-trials // (EPISODES * TRIALS))
    explored = large_workflow(folder, tools, include=["double_0"])
    asyncio.run(execute(explored, folder / "one"))
    template = RunFolder(folder / "one").step_log("double_0").read_text("utf-8").splitlines()
    loaded, run = large_workflow(folder, tools), folder / "run"
    asyncio.run(_begin(loaded, run))
    lock = open_run(run).lock
    owner, out = derive_id(lock["created"]), RunFolder(run)
    with out.journal.open("wb") as journal:
        for number in range(tools):
            unit = f"double_{number}"
            lines = _copy(template, unit, owner)
            if number == tools - 1:
                lines = lines[: len(lines) // 2]
            out.step_log(unit).write_bytes(b"".join(lines))
            journal.writelines(encode_line(json.loads(line)["record"]) for line in lines if b'"record":{' in line)
    return loaded, run


async def _begin(workflow: Workflow, run: Path) -> None:
    """Begin a run, and stop it before anything is asked."""
    stop = asyncio.Event()
    stop.set()
    await execute(workflow, run, stop=stop)


def _copy(template: list[str], unit: str, owner: str) -> list[bytes]:
    """The log of one tool as that of another: the same words, with its own ids."""
    made: list[bytes] = []
    records = LineSet()
    for text in template:
        line = json.loads(text.replace("double_0", unit))
        if "unit" in line and "run" in line:
            line["run"] = owner
        if record := line.get("record"):
            record["id"] = derive_id(unit, line["key"])
            records.add(encode_line(record))
        if "done" in line:
            line["totals"]["lines"] = [records.count, f"{records.total:x}"]
            line["offset"] = sum(map(len, made))
        made.append(encode_line(line))
    return made
