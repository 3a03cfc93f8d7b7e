from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

import ste_graph.cli
import ste_graph.memory.faces
import ste_graph.workflows

PAPER = Path(ste_graph.workflows.__file__).parent / "paper.yaml"
HEAVY = (
    "torch",
    "chromadb",
    "langgraph",
    "sentence_transformers",
    "langchain_core",
    "langchain_openai",
    "numpy",
    "openai",
)


@pytest.mark.parametrize("arguments", [["--help"], ["check", str(PAPER)]], ids=["help", "check"])
def test_help_and_check_import_nothing_heavy(arguments):
    program = (
        "import sys\nfrom ste_graph.cli import main\ncode = main(sys.argv[1:])\n"
        f"print(code, [name for name in {HEAVY} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, timeout=60)
    assert done.stderr.splitlines()[-1] == "0 []"


def test_the_version_is_the_packages(ste):
    assert ste("--version").out == f"ste-graph {version('ste-graph')}\n"


def test_help_names_every_verb(ste):
    result = ste("--help")
    assert result.code == 0
    commands = result.out.partition("Commands:")[2].splitlines()
    assert [line.split()[0] for line in commands if line.strip()] == [
        "check", "plan", "draw", "diff", "doctor", "run", "runs", "ablate", "show", "report", "export", "score",
        "schema", "init", "memory", "pack", "tools",
    ]  # fmt: skip


def test_an_unknown_verb_is_exit_code_2(ste):
    result = ste("chekc")
    assert (result.code, result.out) == (2, "")
    assert "No such command 'chekc'" in result.err


def test_a_change_without_a_value_is_refused_with_an_example(ste, folder):
    result = ste("plan", "small.yaml", "--set", "params.turns")
    assert result.code == 2
    assert result.err == (
        "--set:1:1: error[E306] `--set params.turns` is not PATH=VALUE\n"
        "   expected: a path and a value, such as `--set params.turns=2`\n"
    )


def test_ctrl_c_while_a_workflow_is_loaded_is_exit_code_130(ste, folder):
    (folder / "tools.py").write_text("raise KeyboardInterrupt\n")
    assert ste("plan", "small.yaml").code == 130


def test_verbs_print_through_the_one_function_that_replaces_control_characters():
    printing = {
        file.name
        for module in (ste_graph.cli, ste_graph.memory.faces)
        for file in Path(module.__file__).parent.glob("*.py")
        if any(call in file.read_text("utf-8") for call in ("typer.echo(", "sys.stdout.write("))
    }
    assert printing == set()


@pytest.mark.parametrize("name", ["gain", "my.yaml"])
def test_a_workflow_in_place_of_a_verb_is_shown_the_verb(ste, name):
    refused = ste(name)
    assert (refused.code, refused.out) == (2, "")
    assert refused.err.endswith(f"Error: '{name}' is a workflow: ste run {name}\n")
