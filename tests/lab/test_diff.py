"""The output of `ste diff` on two workflows, variants or runs: what differs, and nothing else."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

import ste_graph as ste
from ste_graph.cli import main
from ste_graph.compile.graph import CompiledGraph
from ste_graph.compile.walk import WalkedGraph
from ste_graph.lab.diff import compare, open_sides
from ste_graph.lab.diff.columns import side_by_side
from ste_graph.run.context import Watcher

WORKFLOWS = Path(__file__).parents[2] / "workflows"
EVERYDAY = str(WORKFLOWS / "tools" / "everyday.py")


def difference(*arguments: object, capsys: pytest.CaptureFixture[str]) -> str:
    assert main(["diff", *map(str, arguments)]) == 0
    return capsys.readouterr().out


def refusal(*arguments: object, capsys: pytest.CaptureFixture[str]) -> str:
    assert main(["diff", *map(str, arguments)]) == 2
    return capsys.readouterr().err


def test_what_does_not_differ_is_said_in_one_sentence(capsys) -> None:
    assert difference("paper", "paper", capsys=capsys) == (
        "paper and paper do not differ in graph, settings, prompts and budget.\n"
    )


def test_a_memory_that_is_off_is_gone_from_the_graph_and_from_the_prompt(capsys) -> None:
    text = difference(WORKFLOWS / "paper.yaml", "--variant", "no-long-term", capsys=capsys)
    assert "  gone: memory long_term\n" in text
    assert "These requests have been tried on the tool before, so    <" in text
    assert "settings" not in text
    assert "budget" not in text


def test_a_node_that_is_off_is_gone_with_its_edges_its_prompt_and_its_calls(capsys) -> None:
    text = difference("paper", "paper@no-reflection", capsys=capsys)
    assert "gone: node reflect\n" in text
    assert "gone: edge reflect → record trial\n" in text
    assert "-      reflect\n" in text
    assert "reflect (list_parcels, episode 0, trial 0): only in a\n" in text
    assert "model calls of one tool, at most  420  →  360\n" in text


def test_a_node_of_another_kind_is_swapped(capsys) -> None:
    text = difference("paper@no-feedback", "paper", capsys=capsys)
    assert "swapped: node observe (observe.withheld → observe)\n" in text
    assert "Observation: The call was taken; what came of it is not" in text


def test_loops_and_settings_that_differ_are_told(tmp_path: Path, capsys) -> None:
    file = tmp_path / "short.yaml"
    file.write_text("extends: paper\nparams: {episodes: 15, trials: 4, turns: 2}\nseed: 1\n")
    text = difference("paper", file, capsys=capsys)
    assert "changed: loop turn (while not call.finished, at most 4 → while not call.finished, at most 2)\n" in text
    assert "  params.turns: 4 → 2\n" in text
    assert "  seed: 0 → 1\n" in text
    assert "  model calls of one tool, at most  420  →  300\n" in text


def test_passes_side_by_side_differ_in_the_graph_and_in_what_a_second_pass_is_shown(capsys) -> None:
    text = difference("explore", "explore@waves", capsys=capsys)
    assert "  changed: loop episode (15 times → 15 times, 3 side by side)\n" in text
    assert "These requests have been tried on the tool before; ask   <" in text


def test_parts_are_compared_one_by_one(capsys) -> None:
    text = difference("gain", "--variant", "small", capsys=capsys)
    assert "graph of explore\n" in text
    assert "  new: node devise\n" in text
    assert "prompts of explore (their files)\n" in text
    assert "graph of icl" not in text


def test_the_data_form_has_the_same(capsys) -> None:
    data = json.loads(difference("paper", "--variant", "no-reflection", "--format", "json", capsys=capsys))
    assert data["differs"] is True
    assert {"part": "node", "name": "reflect", "change": "gone", "detail": None} in data["parts"][0]["graph"]
    assert data["budget"] == {"model calls of one tool, at most": {"a": 420, "b": 360}}


def test_texts_stand_side_by_side_with_one_line_around_what_differs() -> None:
    a = ["one", "two", "three", "four", "five", "six"]
    b = ["one", "two", "three", "FOUR", "five", "six", "seven"]
    assert side_by_side(a, b, 45) == [
        "⋮",
        f"{'three':21}   three",
        f"{'four':21} | FOUR",
        f"{'five':21}   five",
        f"{'six':21}   six",
        f"{'':21} > seven",
    ]


def explore(out: Path, **changes: object) -> Path:
    values = {
        "params": {"episodes": 2, "trials": 2, "turns": 2},
        "memory.long_term": "off",
        "nodes.lessons": "off",
        "tools": [{"use": "python", "module": EVERYDAY, "include": ["add_days", "to_roman"]}],
        **changes,
    }
    ste.load(WORKFLOWS / "quickstart.yaml", set=values).run(out=out)
    return out


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two runs, of which the second model makes mistakes at every turn."""
    folder = tmp_path_factory.mktemp("diff")
    return explore(folder / "a", **{"models.main.mistakes": 0.0}), explore(
        folder / "b", **{"models.main.mistakes": 1.0}
    )


def test_runs_are_compared_in_what_they_spent_and_came_to(runs: tuple[Path, Path], capsys) -> None:
    text = difference(*runs, capsys=capsys)
    assert "models.explorer.mistakes: 0.0 → 1.0\n" in text
    assert "\nspent\n" in text
    assert "\noutcomes (simulated)\n" in text
    assert "prompt_tokens" not in text
    found = compare(*open_sides(*map(str, runs)))
    solved = next(each for each in found.outcomes if each.outcome == "succeeded")
    assert solved.cases == 8
    assert solved.gain is not None
    assert -1 <= solved.gain.low < solved.gain.mean < solved.gain.high <= 1
    assert solved.gain.mean == sum(each.b - each.a for each in solved.tools) / 8
    for tool in solved.differing:
        assert f"{tool.tool}" in text
        assert len(tool.only_a) - len(tool.only_b) == tool.a - tool.b
    assert "succeeded, b minus a, in points over 8 trials: " in text
    assert "95 %" in text


def test_a_run_and_itself_do_not_differ(runs: tuple[Path, Path], capsys) -> None:
    text = difference(runs[0], runs[0], capsys=capsys)
    assert text.endswith("do not differ in graph, settings, prompts, what they spent, and the outcomes of 8 trials.\n")
    assert len(text.splitlines()) == 1


def test_a_run_is_compared_with_a_file(runs: tuple[Path, Path], capsys) -> None:
    text = difference(runs[0], "quickstart", capsys=capsys)
    assert "new: memory long_term\n" in text
    assert "new: node lessons\n" in text


@pytest.fixture
def copy(runs: tuple[Path, Path], tmp_path: Path) -> Path:
    return shutil.copytree(runs[0], tmp_path / "copy")


def edit_lock(run: Path, change: Callable[[dict], None]) -> None:
    file = run / "workflow.lock.yaml"
    lock = yaml.safe_load(file.read_text())
    change(lock)
    file.write_text(yaml.safe_dump(lock))


def test_a_run_of_another_version_is_refused(runs, copy: Path, capsys) -> None:
    edit_lock(copy, lambda lock: lock.update(format=1))
    assert "this run was made by an older version of ste-graph" in refusal(runs[0], copy, capsys=capsys)


def test_runs_of_other_tools_are_not_compared_and_it_is_said_what_differs(runs, copy: Path, capsys) -> None:
    edit_lock(copy, lambda lock: [lock["schemas"][name].update(title="other") for name in lock["schemas"]])
    text = difference(runs[0], copy, capsys=capsys)
    assert "outcomes are not compared: " in text
    assert "the tool has other parameters" in text


def test_a_unit_that_is_not_finished_is_left_out(runs, copy: Path, capsys) -> None:
    log = copy / "units" / "to_roman.jsonl"
    log.write_text("".join(log.read_text().splitlines(keepends=True)[:5]))
    (copy / "journal.jsonl").unlink()
    text = difference(runs[0], copy, capsys=capsys)
    assert f"to_roman is not compared: in {copy}: is not finished\n" in text


def test_a_run_without_trials_says_what_is_there(runs, tmp_path: Path, capsys) -> None:
    distilled = tmp_path / "distilled"
    changes = {"data.explored.run": str(runs[0]), "memory.candidates": "off", "memory.examples": "off"}
    ste.load(WORKFLOWS / "distil.yaml", variant="simulated", set=changes).run(out=distilled)
    text = difference(runs[0], distilled, capsys=capsys)
    assert "outcomes are not compared: " in text
    assert "this run has no trials" in text


def test_an_unknown_variant_is_answered_with_the_one_that_was_meant(capsys) -> None:
    text = refusal("paper@no-longterm", "paper", capsys=capsys)
    assert "unknown variant `no-longterm`" in text
    assert "did you mean `no-long-term`?" in text


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["paper"], "`paper` is compared with what? Give a second file or run, or --variant NAME"),
        (["papr", "paper"], "papr: is neither a workflow nor the folder of a run; did you mean `paper`? bundled"),
        (["paper", "runz"], "runz: is neither a workflow nor the folder of a run; bundled workflows: adaptive,"),
        (["paper@placebo", "--variant", "no-feedback"], "write `ste diff paper --variant no-feedback`"),
        (["paper", "paper@placebo", "--variant", "no-feedback"], "names the variant `placebo`"),
        (["paper", "RUN", "--variant", "placebo"], "is a run, which has no variants"),
        (["paper", "RUN", "--set", "seed=1"], "--set is for workflow files"),
        (["paper", "EMPTY"], "is not the folder of a run"),
    ],
)
def test_bad_input_is_refused_with_what_to_do(runs, tmp_path: Path, capsys, arguments: list[str], words: str) -> None:
    named = {"RUN": str(runs[0]), "EMPTY": str(tmp_path)}
    assert words in refusal(*(named.get(word, word) for word in arguments), capsys=capsys)


def test_nothing_heavy_is_imported_for_two_variants() -> None:
    """So that it takes about a second, start-up included."""
    program = (
        "import sys\nfrom ste_graph.cli import main\nmain(['diff', 'explore@placebo', 'explore@no-feedback'])\n"
        "print([name for name in ('torch', 'chromadb', 'langgraph', 'numpy', 'openai') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


class Steps(Watcher):
    def __init__(self) -> None:
        self.keys: list[str] = []

    def step(self, unit: str, step, *, replayed: bool) -> None:
        self.keys.append(f"{unit} {step.key}")


@pytest.mark.parametrize("compile_unit", [CompiledGraph, WalkedGraph])
def test_a_graph_that_is_walked_goes_where_langgraph_goes(compile_unit, tmp_path: Path) -> None:
    import asyncio

    from ste_graph.run.execution import execute

    changes = {
        "params": {"episodes": 2, "trials": 2, "turns": 2},
        "memory.long_term": "off",
        "nodes.lessons": "off",
        "tools": [{"use": "python", "module": EVERYDAY, "include": ["add_days"]}],
    }
    workflow = ste.load(WORKFLOWS / "quickstart.yaml", set=changes).workflow
    keys = []
    for number, graph in enumerate((None, compile_unit)):
        steps = Steps()
        asyncio.run(execute(workflow, tmp_path / str(number), watcher=steps, compile_unit=graph))
        keys.append(steps.keys)
    assert keys[0] == keys[1]
    assert len(keys[0]) > 20
