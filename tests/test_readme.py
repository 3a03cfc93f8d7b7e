"""The README is true: its commands print what it says, its code runs, its files are there."""

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ste_graph.memory import ExemplarStore

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    fenced = re.findall(r"^```([a-z]*)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
    return [text for tongue, text in fenced if tongue == language]


def session() -> Iterator[tuple[str, list[str]]]:
    """Each command of the terminal session, with the lines that it prints; `…` stands for any others."""
    for part in re.split(r"^\$ ", blocks("text")[0], flags=re.MULTILINE)[1:]:
        command, *lines = part.splitlines()
        yield command, [line for line in lines if line.strip()]


def commands() -> list[str]:
    return [line.partition("  #")[0].strip() for block in blocks("") for line in block.splitlines()]


def test_it_fits_on_three_screens() -> None:
    assert len(README.splitlines()) <= 150


def test_the_two_commands_print_what_is_shown(
    ste: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for command, lines in session():
        result = ste(*shlex.split(command)[1:])
        assert result.code == 0
        printed = iter(result.out.splitlines())
        missing = [line for line in lines if line.strip() != "…" and line not in printed]
        assert missing == []


@pytest.fixture
def my_tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The reader's folder, with the tools that the README shows."""
    monkeypatch.chdir(tmp_path)
    Path("my_tools.py").write_text(blocks("python")[0], "utf-8")


@pytest.mark.usefixtures("my_tools")
def test_the_tools_of_ones_own_are_explored_without_a_server(ste: Callable[..., Any]) -> None:
    local = [line for line in commands() if line.startswith(("ste run quickstart", "ste show"))]
    assert len(local) == 2
    for command in local:
        result = ste(*shlex.split(command)[1:])
        assert result.code == 0
    assert re.search(r"late_fee +9 +9 +0", result.out)


SIMULATED = [
    "--out", "runs/gain", "--variant", "simulated", "--set", "params.episodes=7", "--set",
    "models.learner.mistakes=0.9", "--set",
    "params.arms=[{name: baseline}, {name: all, exemplars: nearest, descriptions: true}]",
]  # fmt: skip
"""The options that make the README's run of gain short, and its gain sure."""


@pytest.mark.usefixtures("my_tools")
def test_what_the_tools_gain_becomes_a_pack_that_is_verified_and_served(ste: Callable[..., Any]) -> None:
    gain = next(line for line in commands() if line.startswith("ste run gain"))
    done = ste(*shlex.split(gain)[1:], *SIMULATED)
    assert (done.code, "Make a pack of it: ste pack make runs/gain" in done.out) == (0, True), done.out + done.err
    make, verify, *serve = (line for line in commands() if line.startswith(("ste pack", "ste memory")))
    assert ste(*shlex.split(make)[1:]).code == 0
    verified = ste(*shlex.split(verify)[1:])
    assert (verified.code, verified.out.startswith("::notice title=pack")) == (0, True)
    assert ste("pack", "check", "my-tools").code == 0
    for line, asked in zip(serve, ("recall_exemplars", "late_fee"), strict=True):
        listed = json.loads(ask_for_tools(shlex.split(line)[1:]))["result"]["tools"]
        assert asked in {tool["name"] for tool in listed}
    adopted = json.loads(Path("my-tools/descriptions.json").read_text("utf-8"))["tools"]
    assert [tool["description"] for tool in listed] == [tool["description"] for tool in adopted]
    with ExemplarStore.open("my-tools") as store:
        assert "Action: late_fee" in store.render("What do I owe for a film that is three days late?")


def ask_for_tools(arguments: list[str]) -> str:
    """The answer of a command of the README, as a server of MCP, when it is asked for its tools."""
    if arguments[-1] == "COMMAND":
        tool = json.loads(Path("my-tools/fingerprints.json").read_text("utf-8"))["tools"]["late_fee"]
        entry = {"name": "late_fee", "description": tool["description"], "inputSchema": tool["parameters"]}
        answer = '{"jsonrpc": "2.0", "id": ID, "result": ' + json.dumps({"tools": [entry]}) + "}"
        Path("script.json").write_text(json.dumps({"tools/list": [answer]}), "utf-8")
        server = ROOT / "tests" / "servers" / "verbatim.py"
        arguments = [*arguments[:-1], sys.executable, str(server), "script.json", "kept"]
    hello = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "reader", "version": "1"}}
    messages = [
        {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": hello},
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
        {"jsonrpc": "2.0", "id": 1, "method": "tools/list"},
    ]
    command = [Path(sys.executable).with_name("ste"), *arguments]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as served:
        assert served.stdin is not None
        assert served.stdout is not None
        served.stdin.write("".join(json.dumps(message) + "\n" for message in messages))
        served.stdin.flush()
        found = next(line for line in served.stdout if json.loads(line).get("id") == 1)
        served.stdin.close()
    return found


@pytest.mark.usefixtures("my_tools")
@pytest.mark.parametrize("line", [line for line in commands() if " gain " in line])
def test_the_commands_for_a_real_model_are_legal(line: str, ste: Callable[..., Any]) -> None:
    words = shlex.split(line)
    assert ste("check", *words[2:]).code == 0


def test_every_command_that_the_readme_names_exists() -> None:
    from typer.main import get_command

    from ste_graph.cli.application import application as app

    known = set(get_command(app).list_commands(None))  # type: ignore[attr-defined, arg-type]
    named = {
        shlex.split(line)[1] for line in [*commands(), *(command for command, _ in session())] if line[:4] == "ste "
    }
    listed = set(re.findall(r"`(init check [a-z ]+)`", README)[0].split())
    assert named <= known
    assert listed == known


def test_every_path_that_the_readme_names_is_there() -> None:
    links = {link for link in re.findall(r"\]\(([^)#:]+)\)", README)} | set(re.findall(r'href="([^":]+)"', README))
    named = {path for path in re.findall(r"`((?:[a-z_]+/)+[a-z_]*(?:\.\w+)?)`", README)}
    assert {path for path in links | named if not (ROOT / path).exists()} == set()


def test_the_yaml_of_the_readme_is_in_the_papers_workflow() -> None:
    paper = re.sub(r"\s+", " ", (ROOT / "workflows" / "paper.yaml").read_text(encoding="utf-8"))
    shown = blocks("yaml")[0]
    lines = [line.strip() for line in shown.splitlines() if line.strip() and "…" not in line]
    missing = [line for line in lines if re.sub(r"\s+", " ", line.rstrip("}")) not in paper]
    assert missing == []
