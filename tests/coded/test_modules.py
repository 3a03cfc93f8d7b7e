"""`ste draw FILE --out x.py`: the module is run, and makes the journal that the file makes."""

import ast
import importlib.util
import json
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import ste_graph as ste
from ste_graph.compile.graph import CompiledGraph
from ste_graph.language.source.files import bundled_workflows
from ste_graph.run.logs.step_log import StepLog

TOOLS = ["to_roman", "convert_unit"]
SIMULATED = {"use": "simulated"}
TIMES = {"started", "ended", "seconds", "cpu_seconds", "ms"}

Settings = Callable[[Path], dict[str, Any]]


def load_module(file: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"drawn_{file.stem}_{file.parent.name}", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def draw(name: str, out: Path, *, variant: str | None = None, changes: Mapping[str, Any] = {}) -> ste.Experiment:
    experiment = ste.load(name, variant=variant, set=changes)
    out.write_text(experiment.to_module(out), encoding="utf-8")
    return experiment


def journal(run: Path) -> list[str]:
    """The records of a run without the times at which they were made, and without its place."""
    text = (run / "journal.jsonl").read_text("utf-8").replace(str(run), "RUN")
    lines = [json.loads(line) for line in text.splitlines()]
    return sorted(json.dumps(timeless(line), sort_keys=True) for line in lines)


def timeless(value: Any) -> Any:
    """A value without the times in it."""
    if isinstance(value, dict):
        return {key: timeless(inner) for key, inner in value.items() if key not in TIMES}
    return [timeless(inner) for inner in value] if isinstance(value, list) else value


def steps(run: Path) -> dict[str, dict[str, Any]]:
    """The outputs of every step, by unit and key."""
    return {
        log.stem: {key: timeless(step.outputs) for key, step in StepLog(log).finished.items()}
        for log in sorted((run / "units").glob("*.jsonl"))
    }


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs that the workflows after the exploration go over."""
    folder = tmp_path_factory.mktemp("runs")
    explored = {"params.episodes": 2, "params.trials": 3, "tools.0.include": TOOLS}
    ste.load("quickstart", set=explored).run(folder / "explored")
    few = {"data.explored.run": str(folder / "explored"), "params.paraphrases": 1, "nodes.split.heldout": 0.4}
    ste.load("distil", variant="simulated", set=few).run(folder / "distilled")
    ste.load("icl", variant="simulated", set=icl(folder)).run(folder / "tested")
    return folder


def explore(runs: Path) -> dict[str, Any]:
    return {"models.main": SIMULATED, "params.episodes": 1, "params.trials": 2, "tools.0.include": TOOLS}


def icl(runs: Path) -> dict[str, Any]:
    return {
        "data.test.run": str(runs / "distilled"),
        "memory.exemplars.from": str(runs / "distilled"),
        "memory.experience.from": str(runs / "explored"),
        "memory.experience.without": str(runs / "distilled"),
        "params.cases": 2,
    }


def training_side(runs: Path) -> dict[str, Any]:
    return {"data.training.run": str(runs / "distilled"), "data.training.explored": str(runs / "explored")}


CASES: list[tuple[str, str | None, Settings]] = [
    ("paper", None, explore),
    ("paper", "no-long-term", explore),
    ("paper", "no-feedback", explore),
    ("paper", "no-reflection", explore),
    ("explore", None, explore),
    ("explore", "no-values", explore),
    ("call_first", None, explore),
    ("adaptive", None, explore),
    ("native", None, explore),
    ("distil", "simulated", lambda runs: {"data.explored.run": str(runs / "explored"), "params.paraphrases": 1}),
    ("guideline", "simulated", training_side),
    ("describe", "simulated", training_side),
    ("icl", "simulated", icl),
    ("evaluate", None, lambda runs: {"data.replies.runs": [str(runs / "tested")]}),
    ("train", "student", lambda runs: {"nodes.rows.run": str(runs / "distilled")}),
]


WITH_SUB_WORKFLOWS = {"gain", "learn", "lora"}


@pytest.mark.parametrize(("name", "variant", "changes"), CASES, ids=[f"{name}-{variant}" for name, variant, _ in CASES])
def test_a_module_makes_the_journal_that_its_workflow_makes(
    name: str, variant: str | None, changes: Settings, runs: Path, tmp_path: Path
) -> None:
    experiment = draw(name, tmp_path / "module.py", variant=variant, changes=changes(runs))
    module = load_module(tmp_path / "module.py")
    compiled = CompiledGraph(experiment.workflow)
    own = module.build_graph()
    assert set(own.nodes) == set(compiled.flow.vertices)
    assert set(module.State.__annotations__) == set(compiled.flow.channels)
    by_file, by_code = experiment.run(tmp_path / "file"), module.WORKFLOW.run(tmp_path / "code")
    assert by_file.complete
    assert by_code.complete
    assert journal(tmp_path / "code") == journal(tmp_path / "file") != []
    assert by_code.loops == by_file.loops
    assert by_code.used.model_calls == by_file.used.model_calls
    if name == "explore":
        assert steps(tmp_path / "code") == steps(tmp_path / "file")


@pytest.mark.parametrize("name", [name for name in bundled_workflows() if name not in WITH_SUB_WORKFLOWS])
def test_a_module_is_formatted_short_lined_and_says_nothing_of_this_machine(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STE_MODEL_URL", "http://10.1.2.3:4567/v1")
    out = tmp_path / "module.py"
    experiment = draw(name, out)
    text = out.read_text("utf-8")
    assert max(map(len, text.splitlines())) <= 120
    assert "10.1.2.3" not in text
    assert not re.findall(r"""["'](?:/[a-z]|[A-Z]:\\|~)""", text), "no absolute path"
    assert experiment.to_module(out) == text, "the same text each time"
    for command in (["format", "--check"], ["check", "--select", "E,F,I,UP,B,W"]):
        done = subprocess.run(
            [Path(sys.executable).with_name("ruff"), *command, "--isolated", "--line-length", "120", out],
            capture_output=True,
            text=True,
            cwd=tmp_path,
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_a_run_of_a_module_is_taken_up_where_it_was_stopped(tmp_path: Path) -> None:
    draw("paper", tmp_path / "module.py", changes=explore(tmp_path))
    workflow = load_module(tmp_path / "module.py").WORKFLOW
    assert workflow.run(tmp_path / "run").complete
    whole, log = journal(tmp_path / "run"), next((tmp_path / "run" / "units").glob("*.jsonl"))
    lines = log.read_text("utf-8").splitlines(keepends=True)
    log.write_text("".join(lines[: len(lines) // 2]), encoding="utf-8")
    summary = workflow.run(tmp_path / "run")
    assert summary.complete
    assert journal(tmp_path / "run") == whole
    log.write_text("".join(lines[:3]), encoding="utf-8")
    (tmp_path / "module.py").write_text((tmp_path / "module.py").read_text("utf-8") + "\nMORE = 1\n", "utf-8")
    changed = load_module(tmp_path / "module.py").WORKFLOW
    with pytest.raises(ste.WorkflowError, match=r"the code of `module\.py` has changed"):
        changed.run(tmp_path / "run")


NODES = '''
import ste_graph as ste


class Shout(ste.Node):
    """Says a word so loudly that it is heard."""

    word: str
    times: int = 1

    class Inputs(ste.NodeInputs):
        item: dict

    class Outputs(ste.NodeOutputs):
        text: str

    async def __call__(self, inputs, ctx):
        return self.Outputs(text=f"{inputs.item['name']} {self.word * self.times}")


class Heard(ste.Record):
    words: str
'''

PLUGGED = """
dsl: 2
name: loud
params: {rows: [{name: a, loud: true}, {name: b, loud: false}, {name: c, loud: true}]}
plugins: [own.py]
nodes:
  shout: {use: own.Shout, word: "hé \\"there\\"", times: 2, inputs: {item: row}}
graph:
  - repeat: once
    times: 1
    do:
      - map: row
        over: params.rows
        at_most: len(params.rows)
        do:
          - when: row.loud and (row.name != "b" or params.rows == [])
            do: [shout, {record: own.Heard, as: {words: shout.text}}]
            else: [{record: own.Heard, as: {words: row.name}}]
"""


def test_own_nodes_records_and_conditions_are_written_and_the_workflow_is_one_unit(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(NODES, "utf-8")
    (tmp_path / "loud.yaml").write_text(PLUGGED, "utf-8")
    experiment = draw(str(tmp_path / "loud.yaml"), tmp_path / "loud.py")
    text = (tmp_path / "loud.py").read_text("utf-8")
    assert 'plugin_own = load_plugin(HERE / "own.py")' in text
    assert '"shout": plugin_own.Shout(word=\'hé "there"\', times=2)' in text
    assert 'step.item("row", "loud") and (step.item("row", "name") != "b" or PARAMS["rows"] == [])' in text
    experiment.run(tmp_path / "file")
    (tmp_path / "loud.yaml").unlink()
    done = subprocess.run(
        [sys.executable, tmp_path / "loud.py", tmp_path / "code"], capture_output=True, text=True, check=True
    )
    assert "1 of 1 units; records: 3 own.Heard" in done.stdout
    assert journal(tmp_path / "code") == journal(tmp_path / "file") != []


def test_secrets_come_from_the_environment_and_one_in_plain_text_is_refused(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("SHOP_KEY", "sk-very-secret")
    model = {"use": "openai", "base_url": "http://localhost:1/v1", "model": "m", "api_key": {"env": "SHOP_KEY"}}
    draw("paper", tmp_path / "module.py", changes={"models.main": model})
    text = (tmp_path / "module.py").read_text("utf-8")
    assert 'api_key=environment("SHOP_KEY")' in text
    assert 'secrets=[environment("SHOP_KEY")]' in text
    assert "very-secret" not in text
    with pytest.raises(ste.WorkflowError, match="a secret in plain text is not written to a module"):
        draw("paper", tmp_path / "module.py", changes={"models.main": {**model, "api_key": "sk-very-secret"}})
    monkeypatch.delenv("SHOP_KEY")
    with pytest.raises(ste.WorkflowError, match="`SHOP_KEY` is not set"):
        load_module(tmp_path / "module.py")


def test_prices_budgets_and_the_model_that_is_asked_in_place_of_another_are_written(tmp_path: Path) -> None:
    changes = {
        "models.main": {"use": "simulated", "prices": {"input": 0.5, "output": 1.5}, "or": "spare"},
        "models.spare": {"use": "simulated", "mistakes": 0.0, "budget": {"tokens": 900}},
        "budget": {"money": 2.5, "per": {"episode": {"model_calls": 70}}},
    }
    experiment = draw("paper", tmp_path / "module.py", changes=changes)
    workflow = load_module(tmp_path / "module.py").WORKFLOW.workflow()
    asked = experiment.workflow.asked_models
    assert workflow.asked_models == asked == ["explorer", "spare"]
    for name in asked:
        own, wanted = workflow.terms[name], experiment.workflow.terms[name]
        assert (own.prices, own.budget, own.other) == (wanted.prices, wanted.budget, wanted.other)
    assert workflow.budget == experiment.workflow.budget


def test_a_loop_whose_passes_run_side_by_side_is_refused(tmp_path: Path) -> None:
    (tmp_path / "wide.yaml").write_text(PLUGGED.replace("times: 1", "times: 2\n    parallel: 2"), "utf-8")
    (tmp_path / "own.py").write_text(NODES, "utf-8")
    with pytest.raises(ste.WorkflowError, match=r"wide\.yaml:\d+: the passes of `once` run side by side"):
        ste.load(tmp_path / "wide.yaml").to_module(tmp_path / "wide.py")


@pytest.mark.parametrize("name", sorted(WITH_SUB_WORKFLOWS))
def test_a_workflow_that_runs_others_is_no_single_graph_and_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(ste.WorkflowError, match=r"`run: .*` runs another workflow, whose graph is not part of this"):
        ste.load(name).to_module(tmp_path / "module.py")


def test_what_is_no_part_of_one_graph_is_refused_with_its_place_and_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(ste.WorkflowError) as caught:
        ste.load("gain").to_module(tmp_path / "gain.py")
    said = str(caught.value)
    assert re.search(r"gain\.yaml:\d+: `run: explore` runs another workflow.*`ste draw explore --out explore.py`", said)
    assert "`ste draw distil --out distil.py`" in said
    reset = {"before": "trial", "tool": "to_roman", "arguments": {"number": 1}}
    with pytest.raises(ste.WorkflowError, match=r"`reset` is not part of a graph"):
        ste.load("quickstart", set={"reset": reset}).to_module(tmp_path / "q.py")


def test_a_module_is_written_by_draw_and_reads_no_yaml(ste: Callable[..., Any], tmp_path: Path) -> None:
    result = ste("draw", "paper", "--out", tmp_path / "paper.py")
    assert (result.code, result.out, result.err) == (0, "", "")
    tree = ast.parse((tmp_path / "paper.py").read_text("utf-8"))
    imported = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert not {module for module in imported if module and ("yaml" in module or "language" in module)}
    deep = ste("draw", "paper", "--deep", "--out", tmp_path / "deep.py")
    assert deep.code == 2
    assert "`--deep` is for pictures" in deep.err
