"""What the README shows is true: its commands print what it says, its code runs, its files are there."""

import re
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

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


def test_the_tools_of_ones_own_are_explored_without_a_server(
    ste: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    [code] = blocks("python")
    Path("my_tools.py").write_text(code, "utf-8")
    local = [line for line in commands() if line.startswith(("ste run quickstart", "ste show"))]
    assert len(local) == 2
    for command in local:
        result = ste(*shlex.split(command)[1:])
        assert result.code == 0
    assert "opening_hours       9       8    1" in result.out


@pytest.mark.parametrize("line", [line for line in commands() if " gain " in line])
def test_the_commands_for_a_real_model_are_legal(
    line: str, ste: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("my_tools.py").write_text(blocks("python")[0], "utf-8")
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
