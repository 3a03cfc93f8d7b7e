"""Sub-workflows: run inside another run, in its folder, and taken up with it."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import pytest

import ste_graph as ste
from ste_graph.errors import RunError, WorkflowError
from ste_graph.run.context import Watcher

Heard = Callable[[], list[str]]

WHOLE = """
dsl: 2
name: whole
params: {items: [one, two], turns: 2}
graph:
  - run: tiny.yaml
    name: first
    with: {params.items: params.items, params.turns: params.turns}
  - run: counting.yaml
    with: {data.lines.run: first.run}
  - record: trial
    as: {query: first.run, steps: "[]", answer: counting.result.answer, solved: counting.result.solved}
"""

COUNTING = """
dsl: 2
name: counting
plugins: [counted.py]
data: {lines: {use: counted.Lines, run: nowhere}}
nodes: {count: {use: counted.Count}}
graph:
  - map: line
    over: data.lines
    at_most: 100
    do: [count]
  - record: trial
    as: {query: '"how many?"', steps: "[]", answer: '"counted"', solved: true}
"""

COUNTED = """
import json
from pathlib import Path

from ste_graph.contracts import Frozen
from ste_graph.node import Node, NodeOutputs
from ste_graph.settings import RelativePath


class Lines(Frozen):
    run: RelativePath

    def items(self):
        return [json.loads(line) for line in (Path(self.run) / "journal.jsonl").read_text().splitlines()]


class Count(Node):
    class Outputs(NodeOutputs):
        number: int

    async def __call__(self, inputs, ctx):
        return self.Outputs(number=7)
"""


@pytest.fixture
def whole(tiny: Path) -> Path:
    """A workflow that runs `tiny.yaml`, and then one that reads what that has kept."""
    (tiny.parent / "counting.yaml").write_text(COUNTING)
    (tiny.parent / "counted.py").write_text(COUNTED)
    file = tiny.parent / "whole.yaml"
    file.write_text(WHOLE)
    return file


def kept(run: Path) -> list[dict]:
    return [json.loads(line) for line in (run / "journal.jsonl").read_text("utf-8").splitlines()]


def changed(file: Path, old: str, new: str) -> Path:
    text = file.read_text("utf-8")
    assert old in text
    file.write_text(text.replace(old, new), "utf-8")
    return file


def test_each_sub_workflow_runs_whole_in_a_folder_inside_the_run_and_hands_on_where_that_is(
    whole: Path, tmp_path: Path
) -> None:
    summary = ste.load(whole).run(out=tmp_path / "run")
    assert summary.complete, summary.failed
    first, counting = tmp_path / "run" / "runs" / "first", tmp_path / "run" / "runs" / "counting"
    assert ste.open_run(first).summary().records == {"trial": 4}
    steps = [step for log in ste.open_run(counting).logs().values() for step in log.finished.values()]
    assert [step.outputs["number"] for step in steps if step.outputs] == [7, 7, 7, 7]
    [line] = kept(tmp_path / "run")
    assert (line["query"], line["answer"], line["solved"]) == (str(first), "counted", True)


def test_what_a_sub_workflow_used_counts_in_the_whole(whole: Path, tmp_path: Path) -> None:
    summary = ste.load(whole).run(out=tmp_path / "run")
    assert summary.used.model_calls == 4
    assert list(summary.sub_workflows) == ["first", "counting"]
    assert summary.sub_workflows["first"]["records"] == {"trial": 4}
    assert summary.models == {"first.model": "answering"}
    assert ste.open_run(tmp_path / "run").summary().sub_workflows == summary.sub_workflows


def test_a_finished_whole_is_only_summed_up(whole: Path, tmp_path: Path, heard: Heard) -> None:
    first = ste.load(whole).run(out=tmp_path / "run")
    assert ste.load(whole).run(out=tmp_path / "run") == first
    assert len(heard()) == 4


async def test_a_stopped_sub_workflow_is_taken_up_where_it_was(whole: Path, tmp_path: Path, heard: Heard) -> None:
    stop = asyncio.Event()

    class StopsInside(Watcher):
        steps = 0

        def sub_workflow(self, name: str) -> Watcher:
            return self

        def step(self, unit: str, step: object, *, replayed: bool) -> None:
            self.steps += 1
            if self.steps == 3:
                asyncio.get_running_loop().call_later(0.02, stop.set)

    slow = ste.load(whole, set={"graph.first.with.models.model.seconds": 0.2})
    stopped = await slow.arun(out=tmp_path / "run", watcher=StopsInside(), stop=stop)
    assert (stopped.stopped_by, stopped.complete, stopped.failed) == ("interrupt", False, {})
    before = [
        step.key for log in ste.open_run(tmp_path / "run/runs/first").logs().values() for step in log.record_steps
    ]
    assert 0 < len(before) < 4
    assert stopped.used.model_calls == ste.open_run(tmp_path / "run").summary().used.model_calls == len(before)
    whole_now = await slow.arun(out=tmp_path / "run")
    assert whole_now.complete
    assert whole_now.used.model_calls == 4
    assert len(set(heard())) == 4
    assert len(kept(tmp_path / "run" / "runs" / "first")) == 4


def test_the_budget_of_the_whole_holds_for_its_sub_workflows_and_a_larger_one_goes_on(
    whole: Path, tmp_path: Path, heard: Heard
) -> None:
    changed(whole, "graph:", "budget: {model_calls: 3}\ngraph:")
    spent = ste.load(whole).run(out=tmp_path / "run")
    assert spent.stopped_by == "budget"
    assert "3 model calls" in str(spent.reason)
    assert len(heard()) == 3
    changed(whole, "model_calls: 3", "model_calls: 4")
    assert ste.load(whole).run(out=tmp_path / "run").complete
    assert len(heard()) == 4


def test_a_failed_unit_of_a_sub_workflow_fails_its_caller_until_it_is_repaired(
    whole: Path, tmp_path: Path, heard: Heard
) -> None:
    broken = tmp_path / "broken"
    broken.touch()
    given = {
        "graph.first.with.models.model.fails_on": '"two, turn 1"',
        "graph.first.with.models.model.broken": f'"{broken}"',
    }
    failed = ste.load(whole, set=given).run(out=tmp_path / "run")
    [why] = failed.failed.values()
    assert "whole.yaml:6 node first" in why
    assert "1 of 2 units of `first` failed: two: " in why
    assert "out of order" in why
    assert "--set graph.first.partial=true" in why
    assert "counting" not in failed.sub_workflows
    assert failed.used.model_calls == 3
    broken.unlink()
    assert ste.load(whole, set=given).run(out=tmp_path / "run").complete
    assert len(heard()) == 5, "the failed call was made again, no other"


def test_a_run_may_go_on_with_what_is_complete_of_a_sub_workflow(whole: Path, tmp_path: Path) -> None:
    given = {"graph.first.with.models.model.fails_on": '"two, turn 1"'}
    assert ste.load(whole, set=given).run(out=tmp_path / "run").failed
    summary = ste.load(whole, set={**given, "graph.first.partial": True}).run(out=tmp_path / "run")
    assert summary.complete
    assert summary.sub_workflows["first"]["records"] == {"trial": 3}


def test_a_changed_sub_workflow_is_another_workflow(whole: Path, tmp_path: Path) -> None:
    ste.load(whole).run(out=tmp_path / "run")
    changed(tmp_path / "tiny.yaml", "name: tiny", "name: tiny\nseed: 5")
    with pytest.raises(WorkflowError, match=r"differs from .*whole.yaml:\n  runs.first.workflow.seed: unset, now 5"):
        ste.load(whole).run(out=tmp_path / "run")


def test_in_a_loop_each_pass_has_a_run_of_its_own(whole: Path, tmp_path: Path) -> None:
    text = """
dsl: 2
name: whole
params: {seeds: [3, 4]}
graph:
  - map: seed
    over: params.seeds
    do:
      - repeat: again
        times: 2
        do:
          - {run: tiny.yaml, with: {params.items: ['"one"'], params.turns: 1, seed: seed}}
"""
    whole.write_text(text, "utf-8")
    summary = ste.load(whole).run(out=tmp_path / "run")
    assert summary.complete, summary.failed
    runs = sorted((tmp_path / "run" / "runs").glob("*/*"))
    assert [str(run.relative_to(tmp_path / "run" / "runs")) for run in runs] == [
        "3/tiny.again-0", "3/tiny.again-1", "4/tiny.again-0", "4/tiny.again-1",
    ]  # fmt: skip
    assert [ste.open_run(run).lock["resolved"]["workflow"]["seed"] for run in runs] == [3, 3, 4, 4]


async def test_the_bound_of_requests_in_flight_holds_over_all_sub_workflows(whole: Path, tmp_path: Path) -> None:
    running = most = 0
    text = """
dsl: 2
name: whole
params: {sides: [a, b, c]}
graph:
  - map: side
    over: params.sides
    do:
      - {run: tiny.yaml, with: {params.turns: 1, models.model.seconds: 0.02}}
"""
    whole.write_text(text, "utf-8")
    loaded = ste.load(whole)
    adapter = type(loaded.workflow.sub_workflows["tiny"].workflow.models["model"])
    ask = adapter.ask

    async def counted(self, *given, **more):
        nonlocal running, most
        running += 1
        most = max(most, running)
        try:
            return await ask(self, *given, **more)
        finally:
            running -= 1

    adapter.ask = counted
    try:
        assert (await loaded.arun(out=tmp_path / "run", concurrency=2)).complete
    finally:
        adapter.ask = ask
    assert most == 2


def test_data_that_a_sub_workflow_can_never_have_are_missed_before_anything_is_spent(
    whole: Path, tmp_path: Path, heard: Heard
) -> None:
    changed(whole, "data.lines.run: first.run", "data.lines.run: '\"no such run\"'")
    with pytest.raises(WorkflowError, match=r"counting.yaml: data `lines`: FileNotFoundError: .*no such run"):
        ste.load(whole).run(out=tmp_path / "run")
    assert heard() == []


def test_a_sub_workflow_that_cannot_begin_fails_the_unit_and_names_the_place(whole: Path, tmp_path: Path) -> None:
    changed(tmp_path / "counted.py", "for line in", "for line in 1 / 0 or")
    [why] = ste.load(whole).run(out=tmp_path / "run").failed.values()
    assert "whole.yaml:9 node counting" in why
    assert "data `lines`: ZeroDivisionError" in why


def test_a_plan_adds_up_what_the_sub_workflows_may_cost(whole: Path) -> None:
    plan = ste.load(whole).plan().to_json()
    assert plan["parts"]["first"]["total"] == {"model_calls": 4, "tool_calls": 0}
    assert plan["units"] == 1
    changed(whole, "  - run: counting.yaml\n    with: {data.lines.run: first.run}\n", "")
    changed(whole, "counting.result.answer", "'\"yes\"'")
    changed(whole, "counting.result.solved", "true")
    assert ste.load(whole).plan().to_json()["total"] == {"model_calls": 4, "tool_calls": 0}


def test_a_drawing_shows_which_workflow_is_run(whole: Path) -> None:
    drawn = ste.load(whole).draw()
    assert 'first[["run: first (tiny.yaml)"]];' in drawn
    assert 'counting[["run: counting"]];' in drawn
    assert "first-->counting;" in drawn


UNSAFE = """
import ste_graph as ste


@ste.tool()
def send() -> str:
    "Send."
    return "sent"
"""

OVER_TOOLS = """
dsl: 2
name: over_tools
tools: [{use: python, module: tools.py}]
plugins: [counted.py]
nodes: {count: {use: counted.Count}}
graph:
  - {map: tool, over: tools, do: [count]}
"""


def test_a_sub_workflow_that_may_call_nothing_is_refused_before_anything_is_spent(
    whole: Path, tmp_path: Path, heard: Heard
) -> None:
    (tmp_path / "tools.py").write_text(UNSAFE, "utf-8")
    (tmp_path / "over_tools.yaml").write_text(OVER_TOOLS, "utf-8")
    changed(whole, "  - run: counting.yaml", "  - run: over_tools.yaml\n  - run: counting.yaml")
    with pytest.raises(
        WorkflowError, match=r"over_tools.yaml: the only tool, which is not read-only, may not be called"
    ):
        ste.load(whole).run(out=tmp_path / "run")
    assert not (tmp_path / "run").exists()
    assert heard() == []


def test_a_model_that_only_a_later_sub_workflow_asks_is_missed_at_once(
    whole: Path, tmp_path: Path, heard: Heard
) -> None:
    far = "{use: openai, base_url: 'http://127.0.0.1:9', model: m}"
    (tmp_path / "say.md").write_text("Say something.", "utf-8")
    say = "{use: chat, model: far, prompt: say.md, outputs: {text: str}}"
    file = tmp_path / "counting.yaml"
    changed(file, "nodes: {count: {use: counted.Count}}", f"models: {{far: {far}}}\nnodes: {{count: {say}}}")
    with pytest.raises(RunError, match=r"counting.yaml: model `far`"):
        ste.load(whole).run(out=tmp_path / "run")
    assert heard() == []


NAMED = """
dsl: 2
name: naming
plugins: [named.py]
nodes: {choose: {use: named.Choose}}
graph:
  - choose
  - run: named_part.yaml
    name: part
    with: {models.model.called: choose.name}
"""

NAMED_PY = """
import answering
from ste_graph.node import Node, NodeOutputs


class Named(answering.Answering):
    called: str = "nobody"

    @property
    def label(self) -> str:
        return self.called


class Choose(Node):
    class Outputs(NodeOutputs):
        name: str

    async def __call__(self, inputs, ctx):
        return self.Outputs(name="the chosen one")
"""


def test_a_model_that_only_the_run_knows_stands_by_its_name_in_summary_methods_and_table(
    tiny: Path, tmp_path: Path, ste: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "named.py").write_text(NAMED_PY, "utf-8")
    part = tiny.read_text("utf-8").replace("plugins: [answering.py]", "plugins: [answering.py, named.py]")
    part = part.replace("{use: answering.Answering, heard: heard.jsonl}", "{use: named.Named}")
    (tmp_path / "named_part.yaml").write_text(part, "utf-8")
    (tmp_path / "naming.yaml").write_text(NAMED, "utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.chdir(tmp_path)
    shown = ste("run", "naming.yaml", "--out", "out")
    assert (shown.code, "the chosen one" in shown.out) == (0, True)
    for text in (shown.out, ste("show", "out").out, ste("show", "--methods", "out").out):
        assert "<choose.name>" not in text
    methods = ste("show", "--methods", "out").out
    assert "the chosen one" in methods
    assert "given by the run: `choose.name`" in methods
