from __future__ import annotations

from language_bench import Bench


def test_the_lock_is_the_workflow_as_it_runs(bench: Bench) -> None:
    variants = ("graph:\n", "about: words\nbudget: {tokens: 3}\nvariants:\n  v: {params.turns: 1}\ngraph:\n")
    lock = bench.load(variants, variant="v").workflow.lock
    assert lock["variant"] == "v"
    assert lock["workflow"]["params"] == {"rounds": 2, "turns": 1}
    assert {"about", "budget", "variants"}.isdisjoint(lock["workflow"])
    assert lock["prompts"] == {"say.prompt": (bench.folder / "say.md").read_text("utf-8")}


def test_what_a_step_does_not_depend_on_may_differ_when_a_run_is_taken_up_again(bench: Bench) -> None:
    more = ("graph:\n", "about: words\nbudget: {tokens: 3}\nvariants:\n  v: {params.turns: 1}\ngraph:\n")
    assert bench.load().workflow.lock == bench.load(more).workflow.lock


def test_the_lock_does_not_depend_on_how_the_workflow_is_composed(bench: Bench) -> None:
    lock = bench.load().workflow.lock
    bench.write("x.yaml", "extends: w.yaml\n")
    assert bench.reload("x.yaml").workflow.lock == lock


def test_code_that_the_workflow_runs_is_locked_by_its_content(bench: Bench) -> None:
    tools = bench.write("tools.py", "x = 1\n")
    edit = ("graph:\n", "tools: [{use: python, module: tools.py}]\ngraph:\n")
    code = bench.load(edit).workflow.lock["code"]
    assert list(code) == ["steps.py", "tools.py"]
    tools.write_text("# a comment\n\nx = 1  # one\n", "utf-8")
    assert bench.load(edit).workflow.lock["code"] == code
    tools.write_text("x = 2\n", "utf-8")
    assert bench.load(edit).workflow.lock["code"] != code
