import json
from collections.abc import Callable
from pathlib import Path

import pytest

import ste_graph

HOSTILE = "</script><img src=x onerror=alert(1)>\u2028{{7*7}} ${x} \x1b[31mred\x1b[0m \u202eevil"
"""Text that a model or a tool may write: markup, the end of a script, a line separator, commands for a terminal."""


@pytest.fixture(scope="session")
def quick_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small exploration of two tools by the simulated model."""
    few = {"params.episodes": 2, "params.trials": 3, "tools.0.include": ["convert_unit", "days_between"]}
    folder = tmp_path_factory.mktemp("quick") / "run"
    assert ste_graph.load("quickstart", set=few).run(folder).complete
    return folder


@pytest.fixture(scope="session")
def distilled_run(quick_run: Path) -> Path:
    """A run with two parts: the same exploration, and its distillation."""
    folder = quick_run.parent / "chain"
    file = quick_run.parent / "chain.yaml"
    tools = Path(ste_graph.__file__).parents[1] / "workflows" / "tools" / "everyday.py"
    file.write_text(
        "dsl: 2\nname: chain\nseed: 0\nparams: {few: 2}\n"
        f"tools: [{{use: python, module: {tools}, include: [convert_unit, days_between],"
        " settings: {now: '2026-11-26T12:00:00Z'}}]\ngraph:\n"
        "  - run: quickstart\n    name: explore\n"
        "    with: {tools: tools, params.episodes: 1, params.trials: params.few}\n"
        "  - run: distil\n    variant: simulated\n    with: {data.explored.run: explore.run}\n",
        "utf-8",
    )
    summary = ste_graph.load(file).run(folder)
    assert summary.complete, summary.failed
    return folder


@pytest.fixture(scope="session")
def evaluated_run(quick_run: Path) -> Path:
    """A test of four arms with prices, and the decision about them."""
    folder = quick_run.parent
    few = {"data.explored.run": str(quick_run), "params.paraphrases": 1, "nodes.split.heldout": 0.4}
    ste_graph.load("distil", variant="simulated", set=few).run(folder / "distilled")
    arms = [
        {"name": "baseline"},
        {"name": "exemplars", "exemplars": "nearest"},
        {"name": "shuffled", "exemplars": "shuffled"},
        {"name": "exemplars+lessons", "exemplars": "nearest", "lessons": True},
    ]
    test = {
        "data.test.run": str(folder / "distilled"),
        "memory.exemplars.from": str(folder / "distilled"),
        "memory.experience.from": str(quick_run),
        "memory.experience.without": str(folder / "distilled"),
        "params.cases": 2,
        "params.arms": arms,
    }
    ste_graph.load("icl", variant="simulated", set=test).run(folder / "tested")
    priced = {"data.replies.runs": [str(folder / "tested")], "params.prices": {"input": 0.15, "output": 0.6}}
    assert ste_graph.load("evaluate", set=priced).run(folder / "evaluated").complete
    return folder / "evaluated"


def rewrite(run: Path, change: Callable[[dict], None]) -> None:
    """Change each trial of a run, in its journal and in its step logs."""
    for file in (run / "journal.jsonl", *(run / "units").glob("*.jsonl")):
        lines = [json.loads(line) for line in file.read_text("utf-8").splitlines() if line]
        for line in lines:
            trial = line if line.get("record") == "trial" else line.get("record")
            if isinstance(trial, dict):
                change(trial)
        file.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
