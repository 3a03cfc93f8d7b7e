"""The methods of a run, in sentences and tables made from its lock file."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

import ste_graph as ste
from ste_graph.lab.methods.document import write_methods
from ste_graph.lab.methods.facts import facts_from_file, facts_from_run
from ste_graph.lab.methods.markup import Code, Document, Table, to_latex, to_markdown
from ste_graph.run.forks.fork import Fork

TOOLS = '''
import ste_graph as ste


@ste.tool(effect="read")
def double_it(number: int) -> int:
    """Double a number."""
    return 2 * number


@ste.tool(effect="write")
def store(text: str) -> str:
    """Store a text."""
    return "stored"
'''

PROMPTS = Path(ste.__file__).parents[1] / "workflows" / "prompts"

WORKFLOW = f"""
dsl: 2
name: small
seed: 7
params: {{episodes: 2, turns: 3}}
models: {{explorer: {{use: simulated, mistakes: 0}}}}
tools: [{{use: python, module: tools.py}}]
limits: {{timeout_s: 5}}
memory:
  short_term: {{use: transcript, lives: episode}}
  long_term: {{use: list, of: trial, lives: tool}}
nodes:
  imagine:
    {{use: imagine, model: explorer, prompt: {PROMPTS}/imagine.md, transcript: short_term, memories: [long_term]}}
  call: {{use: call, model: explorer, prompt: {PROMPTS}/call.md, transcript: short_term, protocol: react}}
  observe: {{use: observe}}
  reflect: {{use: reflect, model: explorer, prompt: {PROMPTS}/reflect.md, transcript: short_term}}
graph:
  - map: tool
    over: tools
    do:
      - repeat: episode
        times: params.episodes
        do:
          - imagine
          - call
          - {{repeat: turn, while: not call.finished, at_most: params.turns, do: [observe, call]}}
          - reflect
          - record: trial
            as:
              {{query: imagine.query, steps: {{each: [call, observe]}}, answer: call.answer, solved: reflect.solved}}
variants:
  no-reflection: {{nodes.reflect: off}}
  short: {{params.turns: 1}}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tools.py").write_text(TOOLS)
    (tmp_path / "small.yaml").write_text(WORKFLOW.lstrip())
    return tmp_path


@pytest.fixture
def made(folder: Path) -> Path:
    """A finished run in `run`."""
    ste.load(folder / "small.yaml").run(out=folder / "run")
    return folder / "run"


def change_lock(run: Path, change: Callable[[dict], None]) -> None:
    lock = yaml.safe_load((run / "workflow.lock.yaml").read_text("utf-8"))
    change(lock)
    (run / "workflow.lock.yaml").write_text(yaml.safe_dump(lock), "utf-8")


def text_of(run: Path) -> str:
    """The paragraphs, without marks of code."""
    paragraphs = to_markdown(write_methods(facts_from_run(run))).partition("**")[0]
    return paragraphs.replace("`", "").replace("\\", "")


def test_the_sentences_say_what_the_lock_file_holds(made: Path) -> None:
    text, lock = text_of(made), yaml.safe_load((made / "workflow.lock.yaml").read_text("utf-8"))
    for sentence in (
        f"The workflow small (file small.yaml) was run with ste-graph {lock['packages']['ste-graph']} (Python ",
        f"the run began on {lock['created'][:10]}.",
        "All models are simulated: what they give shows that the plumbing works, and nothing about a real model.",
        "It went over 1 tool: double_it.",
        "store was left out, because the run may not call what they do.",
        "imagine, call and reflect ask explorer (simulated).",
        "Its tools come from 1 source: python tools.py.",
        "Limits of calls: timeout_s 5.",
        "tool goes over tools. In each pass of tool, episode is repeated 2 times.",
        "In each pass of episode, turn is repeated while not call.finished, at most 3 times.",
        "It makes records of the types trial.",
        "The memory short_term (transcript) holds messages and lives for one episode.",
        "The memory long_term (list) holds trial records and lives for one tool.",
        "The node call (call) has protocol: react.",
        "The seed is 7.",
    ):
        assert sentence in text, sentence


def test_what_the_lock_file_does_not_hold_is_not_claimed(made: Path) -> None:
    assert "temperature" not in text_of(made)

    def change(lock: dict) -> None:
        lock["resolved"]["workflow"]["models"]["explorer"] = {"use": "openai", "temperature": 0.4, "max_tokens": 99}
        lock["models"] = {"explorer": "Qwen/Qwen3-4B"}
        del lock["resolved"]["workflow"]["seed"], lock["resolved"]["workflow"]["limits"]
        lock["git"] = {"commit": "0123456789abcdef", "dirty": False}
        lock["skipped"] = {}

    change_lock(made, change)
    text = text_of(made)
    assert "ask explorer (Qwen/Qwen3-4B), with temperature 0.4, at most 99 tokens per reply." in text
    assert "The workflow's folder was at commit 0123456789ab." in text
    for word in ("simulated", "seed", "Limits", "left out"):
        assert word not in text, word


def test_how_a_run_came_about_is_said(made: Path, folder: Path) -> None:
    ste.load(folder / "small.yaml", variant="no-reflection").run(
        out=folder / "fork", fork=Fork(made, "tool=double_it,episode=1")
    )
    text = text_of(folder / "fork")
    assert "(file small.yaml), variant no-reflection, was run" in text
    steps = yaml.safe_load((folder / "fork/workflow.lock.yaml").read_text("utf-8"))["forked_from"]["units"]
    taken = steps["double_it"]["steps"]
    assert f" at tool=double_it,episode=1: {taken} steps before that point are the other run's." in text
    assert "The node reflect is off." in text

    def change(lock: dict) -> None:
        lock["dry_run"] = True
        lock["accepted"] = [{"at": "2026-01-01", "from_step": {}, "changes": []}]

    change_lock(made, change)
    text = text_of(made)
    assert "It was a dry run: no tool was called." in text
    assert "It went on once under changed code, prompts or tools; the lock file says from which step on." in text


def test_a_checked_file_has_a_table_of_its_arms(ste: Callable, folder: Path) -> None:
    shown = ste("show", "--methods", "small.yaml")
    assert (shown.code, shown.err) == (0, "")
    assert "was checked with ste-graph" in shown.out
    assert "it was not run. It has 3 arms: `base`, `no-reflection` and `short`." in shown.out
    assert "| `models.explorer` | `simulated (simulated)` |" in shown.out
    assert "| `graph.turn.at_most` | `params.turns` |" in shown.out
    assert shown.out.rstrip().endswith(
        "| Arm | Setting | base | This arm |\n"
        "| --- | --- | --- | --- |\n"
        "| `no-reflection` | `nodes.reflect` | on, as above | `off` |\n"
        "| `short` | `params.turns` | `3` | `1` |"
    )
    alone = ste("show", "--methods", "small.yaml", "--variant", "short", "--set", "seed=3").out
    assert "at most 1 time." in alone
    assert "The seed is 3." in alone
    assert "Arm | Setting" not in alone
    data = json.loads(ste("show", "--methods", "small.yaml", "--format", "json").out)
    assert data["arms"]["short"]["params.turns"] == 1
    assert data["run_at"] is None


def test_runs_of_several_arms_and_seeds_are_one_experiment(folder: Path) -> None:
    for variant in (None, "short"):
        for seed in (1, 2):
            experiment = ste.load(folder / "small.yaml", variant=variant, set={"seed": seed})
            experiment.run(out=folder / "ablation" / (variant or "base") / f"seed-{seed}")
    subject = facts_from_run(folder / "ablation")
    document = to_markdown(write_methods(subject))
    assert "It has 2 arms: `base` and `short`." in document
    assert "Each arm was run with the seeds 1, 2." in document
    assert "| `short` | `params.turns` | `3` | `1` |" in document
    assert "The seed is" not in document
    assert "| `seed` | `1, 2` |" in document


def test_parts_of_a_run_are_described_one_by_one(ste: Callable, folder: Path) -> None:
    (folder / "outer.yaml").write_text("dsl: 2\nname: outer\ngraph: [{run: small.yaml, name: inner}]\n")
    shown = ste("show", "--methods", "outer.yaml").out
    assert "Part `inner`: `imagine`, `call` and `reflect` ask `explorer` (`simulated`)." in shown
    assert "| `inner: params.turns` | `3` |" in shown


ODD = r"a_b & c% $x #1 {y} ~z^2 \w <t> | `q` -- ''"


def test_markup_of_other_texts_is_text() -> None:
    document = Document([[[ODD, Code(ODD)]]], [Table(ODD, ("One", "Two"), [[[ODD], [Code(ODD)]]])])
    latex = to_latex(document)
    lines = latex.splitlines()
    for line in [line for line in lines if not line.startswith((r"\begin", r"\end", r"\caption"))]:
        bare = re.sub(r"\\[&%$#_{}\\]", "", line)
        bare = re.sub(r"\\[a-z]+(\{\})?", "", bare)
        assert not re.search(r"[%$#_^~\\<>|`]", bare), line
        assert bare.count("&") == (1 if line.endswith(r"\\") else 0), line
    assert latex.count("{") - latex.count(r"\{") == latex.count("}") - latex.count(r"\}")
    assert r"--''" not in latex.partition(r"\texttt")[2], "code keeps its dashes and quotes"
    markdown = to_markdown(document)
    row = markdown.splitlines()[-1]
    assert len(re.split(r"(?<!\\)\|", row)) == 4, "two cells"
    assert "<t>" not in markdown.replace(r"\<t\>", "").replace(Code(ODD).text, "").partition("**")[0]


def test_latex_comes_by_its_format(ste: Callable, made: Path) -> None:
    shown = ste("show", "--methods", "run", "--format", "latex")
    assert shown.code == 0
    assert r"\texttt{double\_\allowbreak{}it}" in shown.out
    assert shown.out.count(r"\begin{longtable}{p{0.46\linewidth}p{0.46\linewidth}}") == 1


def test_what_goes_with_methods_alone_is_refused_elsewhere(ste: Callable, made: Path) -> None:
    for words in (["run", "--format", "latex"], ["run", "--variant", "short"], ["run", "--set", "seed=1"]):
        refused = ste("show", *words)
        assert (refused.code, "goes with --methods alone" in refused.err) == (2, True)
    refused = ste("show", "--methods", "run", "--variant", "short")
    assert (refused.code, "whose settings are what they were" in refused.err) == (2, True)
    refused = ste("show", "--methods", ".")
    assert (refused.code, "is not the folder of a run" in refused.err, "Runs here: run" in refused.err) == (
        2,
        True,
        True,
    )


def test_passes_side_by_side_are_part_of_the_method() -> None:
    waves = to_markdown(write_methods(facts_from_file([ste.load("explore", variant="waves")])))
    sentence = (
        "`episode` is repeated 15 times, 3 passes side by side, which read memories as they were when their wave "
    )
    assert f"{sentence}began." in waves
    judging = to_markdown(write_methods(facts_from_file([ste.load("distil")])))
    assert "`trial` goes over `tool.trials`, at most 60 of them, 8 side by side." in judging
