from __future__ import annotations

import pytest
from language_bench import TINY, Bench, lines

from ste_graph.diagnostics import DiagnosticsError

LEGAL = "one path, relative to this file, or the name of a bundled workflow"


def extending_problems(bench: Bench, text: str, name: str = "sub/x.yaml") -> list[str]:
    bench.write("w.yaml", TINY)
    bench.write(name, text)
    with pytest.raises(DiagnosticsError) as caught:
        bench.reload(name)
    return lines(caught.value)


def test_sections_that_are_mappings_merge_by_entry_and_others_are_replaced(bench: Bench) -> None:
    bench.write("w.yaml", TINY.replace("graph:", "budget: {tokens: 5}\nallow: [read]\ngraph:"))
    bench.write("x.yaml", "extends: w.yaml\nparams: {turns: 9}\nbudget: {model_calls: 1}\nallow: [write]\nname: x\n")
    workflow = bench.reload("x.yaml").workflow
    assert workflow.name == "x"
    assert workflow.params == {"rounds": 2, "turns": 9}
    assert workflow.budget == {"tokens": 5, "model_calls": 1}
    assert workflow.allow == ("write",)


def test_a_new_entry_replaces_the_old_one_whole(bench: Bench) -> None:
    found = extending_problems(bench, "extends: ../w.yaml\nnodes: {say: {use: steps.Say, model: m}}\n")
    assert found[0] == "2:14 E202 missing key `prompt` in `nodes`"


def test_set_changes_single_values_after_the_merge(bench: Bench) -> None:
    bench.write("w.yaml", TINY)
    bench.write("x.yaml", "extends: w.yaml\nparams: {turns: 9}\nset: {params.rounds: 1, graph.turn.at_most: 2}\n")
    assert bench.reload("x.yaml").workflow.params == {"rounds": 1, "turns": 9}


def test_paths_are_relative_to_the_file_that_holds_them(bench: Bench) -> None:
    bench.write("base/w.yaml", TINY)
    bench.write("base/steps.py", (bench.folder / "steps.py").read_text("utf-8"))
    bench.write("base/say.md", "from the base")
    bench.write("sub/own.md", "from the extending file")
    bench.write("sub/x.yaml", "extends: ../base/w.yaml\n")
    bench.write("sub/y.yaml", "extends: x.yaml\nset: {nodes.say.prompt: own.md}\n")
    bench.write("here.md", "from the command line")
    assert bench.reload("sub/x.yaml").workflow.nodes["say"].prompts["prompt"].text == "from the base"
    assert bench.reload("sub/y.yaml").workflow.nodes["say"].prompts["prompt"].text == "from the extending file"
    changed = bench.reload("sub/y.yaml", changes=("nodes.say.prompt=here.md",)).workflow
    assert changed.nodes["say"].prompts["prompt"].text == "from the command line"


def test_a_base_that_is_not_there_is_an_error_with_a_suggestion(bench: Bench) -> None:
    assert extending_problems(bench, "extends: ../ww.yaml\n") == [
        "1:10 E302 file not found: `../ww.yaml` | ../w.yaml? | " + LEGAL
    ]
    assert extending_problems(bench, "extends: [a]\n") == ["1:10 E301 `extends` must be a file name | " + LEGAL]


def test_a_circle_is_refused(bench: Bench) -> None:
    circle = "a chain of files without a circle"
    assert extending_problems(bench, "extends: x.yaml\n") == [f"1:10 E303 this file extends itself | {circle}"]
    bench.write("sub/y.yaml", "extends: x.yaml\n")
    assert extending_problems(bench, "extends: y.yaml\n") == [
        f"1:10 E303 `x.yaml` extends this file in turn | {circle}"
    ]


def test_an_error_in_the_base_is_placed_there_and_joins_those_of_the_extending_file(bench: Bench) -> None:
    bench.write("w.yaml", TINY.replace("not act.done", "not act.don"))
    bench.write("sub/x.yaml", "extends: ../w.yaml\nsed: 3\nset: {params.trun: 1}\n")
    with pytest.raises(DiagnosticsError) as caught:
        bench.reload("sub/x.yaml")
    assert [str(problem).splitlines()[0] for problem in caught.value.diagnostics] == [
        "sub/x.yaml:2:1: error[E201] unknown key `sed` in a workflow",
        "sub/x.yaml:3:7: error[E305] unknown path `params.trun`: `params` has no `trun`",
        "w.yaml:21:20: error[E204] unknown name `act.don` in `while`",
    ]
