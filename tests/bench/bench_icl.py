"""The cost of in-context learning besides the model: the paper's 750 requests, 50 tools on offer, 15,000 exemplars."""

from __future__ import annotations

import asyncio
import json
import os
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

import ste_graph as ste
from ste_graph.contracts import ModelRequest
from ste_graph.inputs.cases import Cases
from ste_graph.memory.exemplars.exemplar import Exemplar
from ste_graph.memory.exemplars.store import ExemplarStore
from ste_graph.memory.vectors.embedders import embedder_for
from ste_graph.models.adapter import Adapter, RawReply
from ste_graph.records import StepObservation, TrialStep
from ste_graph.run.execution import execute

STE = Path(os.environ.get("STE_DATA", Path(__file__).parents[3] / "shared" / "data")) / "ste"
EXEMPLARS, SIZE = 15_000, 384
ARMS: dict[str, list[dict[str, Any]]] = {
    "baseline alone": [{"name": "baseline"}],
    "all five arms": [
        {"name": "baseline"},
        {"name": "exemplars", "exemplars": "nearest"},
        {"name": "shuffled", "exemplars": "shuffled"},
        {"name": "lessons", "lessons": True},
        {"name": "exemplars+lessons", "exemplars": "nearest", "lessons": True},
    ],
}


class AtOnceModel(Adapter):
    """Replies with the same call, at once."""

    @property
    def label(self) -> str:
        return "at once"

    def open_client(self) -> AtOnceModel:
        return self

    async def ask(self, request: ModelRequest) -> RawReply:
        return RawReply("Thought: so\nAction: get_today_date\nAction Input: {}")

    async def close(self) -> None: ...


def main() -> None:
    """Print the seconds of whole runs, the start of the process left out."""
    if not STE.is_dir():
        print(f"  left out: {STE} is not there; set STE_DATA to the folder that holds `ste`")
        return
    test = {
        "use": "cases",
        "path": str(STE / "tool_test.json"),
        "tools": str(STE / "API_descriptions_50.json"),
        "names": "plain",
    }
    with tempfile.TemporaryDirectory() as folder:
        items = Cases.model_validate({key: value for key, value in test.items() if key != "use"}).items()
        fill(Path(folder) / "store", [str(item["name"]) for item in items])
        lent = {"use": "chroma", "from": str(Path(folder) / "store")}
        for number, (what, arms) in enumerate(ARMS.items()):
            changes = {"data.test": test, "memory.exemplars": lent, "memory.experience": lent, "params.arms": arms}
            workflow = replace(ste.load("icl", set=changes).workflow, models={"learner": AtOnceModel()})
            began, cpu = time.perf_counter(), time.process_time()
            summary = asyncio.run(execute(workflow, Path(folder) / f"run{number}"))
            took, used = time.perf_counter() - began, time.process_time() - cpu
            replies = summary.records["reply"]
            print(
                f"  {what}: {replies:,} replies in {took:.1f} s ({used:.1f} s CPU), {took / replies * 1e3:.1f} ms each"
            )


def fill(path: Path, tools: list[str]) -> None:
    """A store whose vectors are made up; one exemplar in five has a call that failed and was mended."""
    numbers = np.random.default_rng(0)
    centres = numbers.normal(size=(len(tools), SIZE))
    vectors = centres[np.arange(EXEMPLARS) % len(tools)] + 0.7 * numbers.normal(size=(EXEMPLARS, SIZE))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    with ExemplarStore.open(path, embedder=embedder_for(None), create=True) as store:
        store.add([made(number, tools[number % len(tools)]) for number in range(EXEMPLARS)], vectors.astype(np.float32))


def made(number: int, tool: str) -> Exemplar:
    right = TrialStep(
        thought="I look.",
        action=tool,
        arguments={"text": f"value {number}"},
        observation=StepObservation(ok=True, kind="ok", text=json.dumps({"found": number})),
    )
    seen = StepObservation(
        ok=False, kind="invalid_arguments", text=f"`text{number % 7}`: expected string; got {number}"
    )
    wrong = TrialStep(thought=None, action=tool, arguments={f"text{number % 7}": number}, observation=seen)
    return Exemplar(
        id=f"{number:06}",
        query=f"Could you tell me what is known about value {number}, please?",
        tool=tool,
        calls=[wrong, right] if number % 5 == 0 else [right],
        verified=("format", "execution", "grounding"),
        run="made up",
    )
