from __future__ import annotations

import asyncio
import json
import os
import signal

import pytest

FAILING = """
from ste_graph.node import Node, NodeInputs, NodeOutputs

class Fail(Node):
    class Inputs(NodeInputs):
        tool: dict
    async def __call__(self, inputs, ctx) -> NodeOutputs:
        if inputs.tool["name"] == "shout":
            raise ValueError("no more")
        return self.Outputs()
"""


def in_the_graph(folder, code):
    """Let every trial end with the node `fail` of a plugin."""
    (folder / "own.py").write_text(code)
    file = folder / "small.yaml"
    text = file.read_text().replace("tools: [", "plugins: [own.py]\ntools: [")
    text = text.replace("nodes:\n", "nodes:\n  fail: {use: own.Fail}\n", 1)
    file.write_text(text.replace("              - reflect\n", "              - reflect\n              - fail\n"))


def test_a_run_ends_with_a_summary_for_a_person(ste, folder):
    result = ste("run", "small.yaml")
    assert result.code == 0
    assert result.out == (
        "small: complete (2 of 2 units done)\n"
        "  model         simulated (its results show that the plumbing works, and nothing about a real model)\n"
        "  trials        4: 4 solved (simulated), 0 not\n"
        "  facts         4 with a call that succeeded, 4 with the last; 4 grounded\n"
        "  model calls   16\n"
        "  tool calls    4\n"
        "  failed calls  0\n"
        "  loop episode  ended 2 by times\n"
        "  loop trial    ended 2 by times\n"
        "  loop turn     ended 4 by while\n"
        "  run           runs/small\n"
        "  journal       runs/small/journal.jsonl\n"
        "\n"
        "1 tool was left out, because the run may not call it; the line that allows it:\n"
        "  store (write)  allow: [store]\n"
        "\n"
        "Look at it with: ste show runs/small\n"
    )


def test_programs_get_one_object_and_nothing_else_on_stdout(ste, folder):
    result = ste("run", "small.yaml", "--out", "here", "--format", "json")
    outcome = json.loads(result.out)
    assert result.code == 0
    promised = ("run", "trials", "solved", "model_calls", "tool_calls", "failed_calls", "failed_units", "skipped_units")
    assert {name: outcome[name] for name in promised} == {
        "run": "here",
        "trials": 4,
        "solved": 4,
        "model_calls": 16,
        "tool_calls": 4,
        "failed_calls": 0,
        "failed_units": 0,
        "skipped_units": 1,
    }
    assert outcome["facts"] == {
        "call_succeeded": 4,
        "last_call_succeeded": 4,
        "grounded": 4,
        "solved_without_call": 0,
        "solved_not_grounded": 0,
    }
    assert outcome["stopped_by"] is None
    assert outcome["simulated"] is True
    assert outcome["skipped"] == {"store": {"effect": "write", "remedy": "allow: [store]"}}
    assert "a tool is called\n" in result.err


def test_progress_is_plain_lines_if_stderr_is_not_a_terminal(ste, folder):
    (folder / "tools.py").write_text((folder / "tools.py").read_text().replace('print("a tool is called")', "pass"))
    result = ste("run", "small.yaml")
    lines = result.err.splitlines()
    assert lines[:4] == [
        "the tools are loaded",
        "asking whether the models can be reached",
        "small: 2 units, at most 24 model calls and 12 tool calls",
        "model: simulated",
    ]
    assert sorted(line.partition("] ")[2] for line in lines[4:]) == [
        "double: done, 2 trials, 2 solved",
        "shout: done, 2 trials, 2 solved",
    ]


def test_quiet_leaves_only_the_summary(ste, folder):
    (folder / "tools.py").write_text((folder / "tools.py").read_text().replace("print(", "str("))
    result = ste("run", "small.yaml", "--quiet")
    assert result.err == ""
    assert result.out.startswith("small: complete")


def test_the_same_command_on_a_finished_run_does_nothing_and_prints_the_same(ste, folder):
    first = ste("run", "small.yaml")
    journal = (folder / "runs/small/journal.jsonl").read_bytes()
    again = ste("run", "small.yaml")
    assert (again.code, again.out) == (0, first.out)
    assert again.err == "This run was complete before: nothing was done.\n"
    assert (folder / "runs/small/journal.jsonl").read_bytes() == journal


def test_a_spent_budget_is_not_a_failure_and_names_the_command_to_continue(ste, folder):
    result = ste("run", "small.yaml", "--set", "budget.model_calls=5", "--concurrency", "1")
    assert result.code == 0
    assert result.out.startswith(
        "small: stopped: the budget of 5 model calls is spent: "
        "raise `budget.model_calls` and run again (0 of 2 units done)"
    )
    assert result.err.endswith(
        "Nothing finished is lost. Raise the budget, then continue with:"
        " ste run small.yaml --set budget.model_calls=5\n"
    )
    assert ste("run", "small.yaml").out.startswith("small: complete (2 of 2 units done)\n")


def test_a_failed_unit_is_named_with_its_reason_and_the_others_are_complete(ste, folder):
    in_the_graph(folder, FAILING)
    result = ste("run", "small.yaml")
    assert result.code == 1
    assert result.out.startswith("small: not complete (1 of 2 units done)\n")
    assert "1 of 2 units failed; running again continues where they stopped:\n  shout: small.yaml:" in result.out
    assert "ValueError: no more" in result.out
    outcome = json.loads(ste("run", "small.yaml", "--format", "json").out)
    assert (outcome["failed_units"], list(outcome["failed"])) == (1, ["shout"])


@pytest.mark.parametrize(
    ("name", "words"), [("SIGINT", "stopped by the user"), ("SIGTERM", "stopped by a signal (SIGTERM)")]
)
def test_a_signal_stops_cleanly_and_is_named_with_how_to_go_on(ste, folder, name, words):
    before = signal.getsignal(signal.SIGTERM)
    interrupt = f"import os, signal; os.kill({os.getpid()}, signal.{name}); import time; time.sleep(0.3)"
    tools = folder / "tools.py"
    whole = tools.read_text()
    tools.write_text(whole.replace('print("a tool is called")', interrupt))
    result = ste("run", "small.yaml", "--out", "here")
    assert result.code == 130
    assert result.out.startswith(f"small: {words} (")
    assert "stopping; press again to end it at once\n" in result.err
    assert result.err.endswith("Nothing finished is lost. Continue with: ste run small.yaml --out here\n")
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert signal.getsignal(signal.SIGTERM) == before


def test_a_server_that_cannot_be_reached_ends_the_run_before_it_begins(ste, folder):
    model = "models.explorer={use: openai, base_url: 'http://127.0.0.1:9/v1', model: some}"
    result = ste("run", "small.yaml", "--set", model)
    assert (result.code, result.out) == (1, "")
    assert "model `explorer`" in result.err
    assert "http://127.0.0.1:9/v1" in result.err
    assert "Traceback" not in result.err
    assert not (folder / "runs/small").exists()


def test_no_tool_that_may_be_called_is_a_mistake_of_the_file(ste, folder):
    result = ste("run", "small.yaml", "--set", "tools.0.include=[store]")
    assert (result.code, result.out) == (2, "")
    assert "  store: write" in result.err


def test_a_folder_that_holds_something_else_is_refused(ste, folder):
    (folder / "full").mkdir()
    (folder / "full/letter.txt").write_text("dear")
    result = ste("run", "small.yaml", "--out", "full", "--quiet")
    assert (result.code, result.out) == (2, "")
    assert result.err.endswith(
        "full: the folder is not empty and holds no run; give an empty or a new folder with --out\n"
    )


def test_a_dry_run_calls_no_tool_and_has_a_folder_of_its_own(ste, folder):
    result = ste("run", "small.yaml", "--dry-run", "--format", "json")
    outcome = json.loads(result.out)
    assert (result.code, outcome["run"], outcome["tool_calls"]) == (0, "runs/small.dry-run", 0)
    assert "a tool is called" not in result.err


def test_a_variant_runs_in_a_folder_of_its_own(ste, folder):
    result = ste("run", "small.yaml", "--variant", "quick", "--quiet")
    assert result.out.startswith("small, quick: complete (2 of 2 units done)\n")
    assert (folder / "runs/small.quick/journal.jsonl").exists()


def test_an_unexpected_error_is_one_line_with_a_way_to_the_traceback(ste, folder, monkeypatch):
    def broken(coroutine):
        coroutine.close()
        raise KeyError("deep inside")

    monkeypatch.setattr(asyncio, "run", broken)
    monkeypatch.delenv("STE_TRACEBACK", raising=False)
    result = ste("run", "small.yaml", "--quiet")
    assert result.code == 1
    assert result.err.endswith(
        "ste: unexpected KeyError: 'deep inside'\n"
        "This is a bug in ste-graph, not in your workflow; set STE_TRACEBACK=1 to see where it happened.\n"
    )
    assert "Traceback" not in result.err
    monkeypatch.setenv("STE_TRACEBACK", "1")
    assert "Traceback (most recent call last):" in ste("run", "small.yaml", "--quiet").err


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (["--concurrency", "0"], "'--concurrency': must be greater than or equal to 1\n"),
        (["--concurrency", "x"], "'--concurrency': must be a whole number\n"),
        (["--format", "xml"], "'--format': 'xml' is not one of 'text', 'json'.\n"),
        (["--nonsense"], "No such option: --nonsense"),
    ],
)
def test_a_wrong_option_is_exit_code_2(ste, folder, wrong, words):
    result = ste("run", "small.yaml", *wrong)
    assert (result.code, result.out) == (2, "")
    assert words in result.err


@pytest.mark.parametrize("command", [("run", "--out", "new"), ("plan",), ("tools", "list"), ("tools", "call")])
def test_a_fault_of_a_source_of_tools_has_its_place_whatever_the_command(ste, folder, command):
    words = [*command[:2], "small.yaml"] if command[0] == "tools" else [command[0], "small.yaml", *command[1:]]
    words += ["double"] if "call" in command else []
    wrong = ste(*words, "--set", "tools.0.include=[doubel]")
    assert wrong.code == 2
    assert "\n--set tools.0.include:1:1: error[E601] `include` names `doubel`, which " in wrong.err
    assert wrong.err.endswith("    1 | [doubel]\n      | ^^^^^^^^\n")
    assert not (folder / "new").exists()


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ("params.arms=[]", "--set params.arms:1:1: error[E606] no arm is tested"),
        ("params.arms=[base]", "--set params.arms:1:1: error[E606] arm 1 has to be a mapping, such as `{name: base}`"),
        (
            "params.arms=[{name: a}, {name: b, exemplar: nearest}]",
            "error[E606] arm 2 (`b`) has an unknown key `exemplar`; did you mean `exemplars`? keys: descriptions, ",
        ),
        ("params.arms=[{name: a, exemplars: yes}]", "error[E606] arm 1 (`a`): `exemplars` must be 'nearest'"),
        ("params.arms=[{exemplars: nearest}]", "error[E606] arm 1: `name` is wrong: field required"),
        ("params.cases=0", "--set params.cases:1:1: error[E606] no case is tested"),
        ("params.heldout=0", "--set params.heldout:1:1: error[E606] no request is held out"),
    ],
)
def test_a_test_with_nothing_to_decide_is_refused_before_anything_is_explored(ste, tmp_path, change, place):
    for command in (["run", "--out", str(tmp_path / "new")], ["check"]):
        refused = ste(command[0], "gain", "--set", change, *command[1:])
        assert refused.code == 2
        assert place in refused.err + refused.out
    assert not (tmp_path / "new").exists()


def test_a_tool_that_leaves_the_current_folder_does_not_lose_the_run(ste, folder, monkeypatch):
    monkeypatch.chdir(folder)
    (folder / "leaving.py").write_text(
        "import os\nimport ste_graph as ste\n\n@ste.tool(effect='read')\ndef leave(n: int) -> int:\n"
        '    """Double a number."""\n    os.chdir(\'/\')\n    return 2 * n\n'
    )
    (folder / "leaving.yaml").write_text(
        "extends: quickstart\nname: leaving\nparams: {episodes: 1, trials: 1}\n"
        "tools: [{use: python, module: leaving.py}]\n"
    )
    result = ste("run", "leaving.yaml", "--out", "left", "--quiet")
    assert result.code == 0
    assert "Look at it with: ste show left" in result.out
    assert ste("show", "left").code == 0
