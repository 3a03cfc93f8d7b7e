"""`only_if`: what an evaluation did not adopt is refused before anything is started or spent."""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

import ste_graph as ste
from ste_graph.contracts import ExemplarView
from ste_graph.errors import WorkflowError
from ste_graph.memory import ExemplarStore
from ste_graph.memory.exemplars.exemplar import Exemplar
from ste_graph.memory.experience.settings import Experience
from ste_graph.models.transformers import TransformersModel
from ste_graph.models.vllm import VLLMModel
from ste_graph.records import StepObservation, TrialStep
from ste_graph.scoring.subject import model_digest

from .conftest import OF_X, counts, rows

FAKE_VLLM = Path(__file__).parents[1] / "models" / "fake_vllm.py"
EXPLORING = """
dsl: 2
name: exploring
params: {names: [one]}
plugins: [asks.py]
nodes: {ask: {use: asks.Ask}}
graph:
  - map: name
    over: params.names
    do: [ask, {record: trial, as: {query: ask.query, steps: {each: [ask]}, answer: ask.query, solved: true}}]
"""
USING = """
dsl: 2
name: using
plugins: [asks.py]
memory: {examples: {use: chroma, from: explored, only_if: evaluation}}
nodes: {ask: {use: asks.Ask}, recall: {use: recall, memory: examples}}
graph: [ask, recall]
"""
SERVED = """
dsl: 2
name: served
models: {m: {use: vllm, model: ./model, only_if: evaluation, command: [PYTHON, FAKE, --pids, pids], ready_s: 30}}
nodes: {say: {use: chat, model: m, prompt: say.md, outputs: {word: str}}}
graph: [say]
"""
ASKS = '''
from pathlib import Path
from ste_graph.node import Node, NodeOutputs

class Ask(Node):
    """Leaves a mark, so that one sees that it ran."""

    class Outputs(NodeOutputs):
        query: str

    async def __call__(self, inputs, ctx):
        Path("ran").touch()
        return self.Outputs(query="Please double 4")
'''


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    served = SERVED.replace("PYTHON", sys.executable).replace("FAKE", str(FAKE_VLLM))
    files = {"exploring.yaml": EXPLORING, "using.yaml": USING, "served.yaml": served, "asks.py": ASKS, "say.md": "Say."}
    for name, text in files.items():
        (tmp_path / name).write_text(text, "utf-8")
    return tmp_path


@pytest.fixture
def explored(folder: Path) -> str:
    """A run that learnt something; its id."""
    ste.load("exploring.yaml").run("explored")
    (folder / "ran").unlink()
    return ste.open_run("explored").id


@pytest.fixture
def model(folder: Path) -> str:
    """A folder as those of models are; its digest."""
    (folder / "model").mkdir()
    (folder / "model" / "config.json").write_text("{}")
    (folder / "model" / "model.safetensors").write_text("weights")
    return model_digest(folder / "model")


@pytest.fixture
def decided(made, evaluated):
    """An evaluation that adopts, or keeps, something."""

    def decide(subject: dict[str, Any] | None, right: int = 4, **more: Any) -> None:
        arms = [rows("baseline", counts(0, 1, 2, 1, 0, 2)), rows("new", counts(*[right] * 6), subject=subject)]
        evaluated(made(*arms), **more)

    return decide


def forms_of(**ids: str) -> dict[str, Any]:
    return {"kind": "forms", "forms": {form: {"run_id": id, "run": "explored"} for form, id in ids.items()}}


def exemplars_of(run_id: str) -> dict[str, Any]:
    return forms_of(exemplars=run_id)


def model_of(digest: str) -> dict[str, Any]:
    return {"kind": "model", "path": "/somewhere/model", "digest": digest}


def refusal(file: str) -> str:
    with pytest.raises(WorkflowError) as error:
        ste.load(file).run("out")
    assert not Path("ran").exists()
    assert not Path("out").exists()
    return str(error.value)


def test_exemplars_that_were_adopted_are_lent(explored: str, decided) -> None:
    decided(exemplars_of(explored))
    assert ste.load("using.yaml").run("out").complete
    with ExemplarStore.open("explored", only_if="evaluation") as store:
        assert store.exemplars() == []


def test_exemplars_are_refused_where_the_evaluation_kept_what_was_there(explored: str, decided) -> None:
    decided(exemplars_of(explored), right=1)
    assert refusal("using.yaml").splitlines() == [
        f"using.yaml: memory `examples`: the exemplars of {Path.cwd()}/explored (run {explored[:12]}) may "
        f"not be used: `only_if` asks for the evaluation {Path.cwd()}/evaluation, and that decided to keep what was "
        "there: `new` gains +0.0 (95 % -20.2..+20.2, these tools) over `baseline`; the interval is not wholly above "
        "0, so what was there stays",
        "help: leave it out, or test it and name that evaluation in `only_if`: ste run evaluate --set "
        "'data.replies.runs=[RUN]'",
    ]
    with pytest.raises(WorkflowError, match="may not be used: `only_if` asks for the evaluation evaluation, and that"):
        ExemplarStore.open("explored", only_if="evaluation")


def test_exemplars_of_another_run_are_refused(explored: str, decided) -> None:
    decided(exemplars_of("0123456789abcdef"))
    assert "and that adopted the exemplars of explored (run 0123456789ab)\n" in refusal("using.yaml")


@pytest.mark.parametrize("kind", ["lessons", "model"])
def test_exemplars_are_refused_where_something_else_was_adopted(kind: str, explored: str, decided) -> None:
    other = {"lessons": forms_of(lessons=explored), "model": model_of("0123456789abcdef")}
    decided(other[kind])
    texts = {"lessons": f"the lessons of explored (run {explored[:12]})", "model": "the model in /somewhere/model"}
    assert f"and that adopted {texts[kind]}" in refusal("using.yaml")


@pytest.mark.parametrize(
    ("kind", "recalled", "taught"),
    [("exemplars", True, False), ("lessons", False, True), ("both", True, True), ("both of others", True, False)],
)
def test_lessons_and_exemplars_are_adopted_apart(
    kind: str, recalled: bool, taught: bool, explored: str, decided, folder: Path
) -> None:
    forms = {
        "exemplars": {"exemplars": explored},
        "lessons": {"lessons": explored},
        "both": {"exemplars": explored, "lessons": explored},
        "both of others": {"exemplars": explored, "lessons": "0123456789abcdef"},
    }
    decided(forms_of(**forms[kind]))
    learning = (
        (folder / "using.yaml")
        .read_text("utf-8")
        .replace(
            "recall: {use: recall, memory: examples}",
            "names: {use: asks.Names}, teach: {use: lessons.offered, memory: examples}",
        )
        .replace("[ask, recall]", "[ask, names, teach]")
    )
    (folder / "learning.yaml").write_text(learning, "utf-8")
    names = (
        "class Names(Node):\n    class Outputs(NodeOutputs):\n        names: list[str]\n\n"
        "    async def __call__(self, inputs, ctx):\n        return self.Outputs(names=[])\n"
    )
    (folder / "asks.py").write_text(f"{ASKS}\n\n{names}", "utf-8")
    for file, may, what in (("using.yaml", recalled, "exemplars"), ("learning.yaml", taught, "lessons")):
        if may:
            assert ste.load(file).run(f"out-{what}").complete
            (folder / "ran").unlink()
        else:
            assert f"{file}: memory `examples`: the {what} of " in refusal(file)


def test_an_arm_without_a_subject_gives_no_access(explored: str, decided) -> None:
    decided(None, data__replies__candidate="new")
    assert "that adopted the arm `new`, whose replies do not name their subject" in refusal("using.yaml")


def test_without_an_evaluation_nothing_is_lent(explored: str, folder: Path, made) -> None:
    how = "expected: the run of an evaluation: ste run evaluate --set 'data.replies.runs=[RUN]'"
    message = refusal("using.yaml")
    assert f"`only_if`: {folder}/evaluation: is not the folder of a run (it has no workflow.lock.yaml)." in message
    assert message.endswith(f"\n{how}")
    shutil.copytree("explored", "evaluation")
    assert f"`only_if`: {folder}/evaluation holds no evaluation\nexpected: the run of an" in refusal("using.yaml")


def test_an_evaluation_that_is_not_finished_opens_no_gate(explored: str, decided) -> None:
    decided(exemplars_of(explored))
    log = Path("evaluation/units/run.jsonl")
    lines = log.read_text("utf-8").splitlines(keepends=True)
    log.write_text("".join(line for line in lines if '"done"' not in line), "utf-8")
    assert refusal("using.yaml").endswith("is not finished (0 of 1 units are done); go on with it first")


def test_the_run_around_an_evaluation_stands_for_it(explored: str, decided, made, folder: Path) -> None:
    decided(exemplars_of(explored))
    made(rows("baseline", counts(1)), name="gain")
    (folder / "gain" / "runs").mkdir()
    shutil.move("evaluation", "gain/runs/evaluate")
    shutil.move("gain", "evaluation")
    assert ste.load("using.yaml").run("out").complete


def test_a_store_is_lent_if_all_its_exemplars_are_of_the_adopted_run(explored: str, decided, run_ste) -> None:
    decided(exemplars_of(explored))
    seen = StepObservation(ok=True, kind="ok", text="6")
    call = TrialStep(thought=None, action="double", arguments={"number": 3}, observation=seen)
    item = Exemplar(
        id="1",
        query="double 3",
        tool="double",
        calls=[call],
        verified=("format", "execution", "grounding"),
        run=explored,
    )
    with ExemplarStore.open("store", create=True) as store:
        store.add([item])
    words = ["memory", "search", "double 4", "--from", "store", "--only-if", "evaluation"]
    code, out, _ = run_ste(*words)
    assert (code, out.splitlines()[0]) == (0, "User Query: double 3")
    with ExemplarStore.open("store") as store:
        store.add([item.model_copy(update={"id": "2", "run": "fedcba9876543210"})])
    code, _, err = run_ste(*words)
    assert code == 2
    assert err.startswith(f"the exemplars of store (runs {explored[:12]}, fedcba987654) may not be used: ")
    code, _, err = run_ste("memory", "search", "x", "--from", "http://localhost:9", "--only-if", "evaluation")
    assert (code, "which runs the exemplars on a server come from is not known" in err) == (2, True)


def test_a_finished_run_is_not_asked_again(explored: str, decided) -> None:
    decided(exemplars_of(explored))
    ste.load("using.yaml").run("out")
    shutil.rmtree("evaluation")
    assert ste.load("using.yaml").run("out").complete


def test_only_if_stands_only_where_it_can_be_asked() -> None:
    for text, message in (
        ("memory.examples={use: chroma, of: trial, lives: run, only_if: e}", "it needs a `from`"),
        ("memory.examples={use: chroma, from: 'http://x', only_if: e}", "a server does not say whose it is"),
    ):
        path, _, value = text.partition("=")
        from ste_graph.language.loading import Change

        with pytest.raises(WorkflowError, match=message):
            ste.load(str(Path(__file__).parents[2] / "workflows" / "quickstart.yaml"), set=[Change(path, value)])
    with pytest.raises(ValueError, match="let `model` be one"):
        TransformersModel(model="org/name", only_if="e")
    with pytest.raises(ValueError, match="a server that runs may serve any other"):
        VLLMModel(model="./model", url="http://x", only_if="e")


# -- models ----------------------------------------------------------------------------------------------------------


def test_a_model_that_was_adopted_is_served(model: str, decided) -> None:
    decided(model_of(model))
    assert ste.load("served.yaml").run("out").complete
    assert Path("pids").exists()


@pytest.mark.parametrize(
    ("digest", "right", "outcome"),
    [
        ("same", 1, "and that decided to keep what was there: `new` gains +0.0"),
        ("0123456789abcdef", 4, "and that adopted the model in /somewhere/model (0123456789ab)"),
    ],
)
def test_a_model_that_was_not_adopted_is_refused_before_a_server_starts(
    digest: str, right: int, outcome: str, model: str, decided
) -> None:
    decided(model_of(model if digest == "same" else digest), right=right)
    message = refusal("served.yaml")
    assert f"served.yaml: model `m`: the model in {Path.cwd()}/model ({model[:12]}) may not be used: " in message
    assert outcome in message
    assert not Path("pids").exists()


def test_a_model_that_was_trained_further_is_another_one(model: str, decided, folder: Path) -> None:
    decided(model_of(model))
    (folder / "model" / "model.safetensors").write_text("other weights")
    assert f"may not be used: `only_if` asks for the evaluation {folder}/evaluation" in refusal("served.yaml")
    (folder / "model" / "model.safetensors").unlink()
    assert "is not a model folder" in refusal("served.yaml")


def test_a_model_in_this_process_is_gated_too(model: str, decided, folder: Path) -> None:
    decided(model_of(model), right=1)
    text = (folder / "served.yaml").read_text("utf-8")
    entry = "models: {m: {use: transformers, model: ./model, only_if: evaluation}}"
    lines = [entry if line.startswith("models:") else line for line in text.splitlines()]
    (folder / "served.yaml").write_text("\n".join(lines), "utf-8")
    assert "served.yaml: model `m`: the model in " in refusal("served.yaml")


def test_a_model_that_no_node_asks_needs_no_permission(model: str, folder: Path) -> None:
    text = (folder / "using.yaml").read_text("utf-8").replace(", only_if: evaluation", "").replace("explored", "store")
    ExemplarStore.open("store", create=True).close()
    (folder / "using.yaml").write_text(
        f"{text}models: {{m: {{use: transformers, model: ./model, only_if: nowhere}}}}\n"
    )
    assert ste.load("using.yaml").run("out").complete


def test_the_command_line_says_so_with_exit_code_2(explored: str, decided, run_ste) -> None:
    decided(exemplars_of(explored), right=1)
    code, out, err = run_ste("run", "using.yaml", "--out", "out")
    assert (code, out) == (2, "")
    assert "memory `examples`: the exemplars of " in err
    assert json.loads(run_ste("check", "using.yaml", "--format", "json")[1]) == []


def test_exemplars_of_a_tool_that_they_harm_are_not_lent(folder: Path, made, evaluated) -> None:
    with ExemplarStore.open("store", create=True) as store:
        store.add(
            Exemplar(id=tool, query=f"Ask {tool}.", tool=tool, calls=[], run="run-x") for tool in ("tool_A", "tool_F")
        )
    before = rows("baseline", counts(1, 1, 1, 1, 1, 8), 8)
    evaluated(made(before, rows("new", counts(7, 7, 7, 7, 7, 0), 8, subject=OF_X)))
    with ExemplarStore.open("store", only_if="evaluation") as store:
        assert [exemplar.tool for exemplar in store.exemplars()] == ["tool_A"]
    memory = Experience.model_validate({"from": "store", "only_if": "evaluation"})
    memory.check_access([ExemplarView])
    (folder / "view").mkdir()
    lent = asyncio.run(memory.open("examples", folder / "view").entries(()))
    assert [entry.record["tool"] for entry in lent] == ["tool_A"]
