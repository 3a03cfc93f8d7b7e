"""What the README shows is true: its code runs, its commands exist, its files are there."""

import re
import shlex
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    fenced = re.findall(r"^```([a-z]*)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
    return [text for tongue, text in fenced if tongue == language]


@pytest.fixture(scope="module")
def quickstart(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small run of the quickstart."""
    import ste_graph as ste

    out = tmp_path_factory.mktemp("runs") / "quickstart"
    ste.load(ROOT / "workflows" / "quickstart.yaml", set={"params.episodes": 1, "params.trials": 1}).run(out=out)
    return out


@pytest.fixture
def checkout(tmp_path: Path, quickstart: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in which the README's relative paths hold, and `make run` has been run."""
    shutil.copytree(ROOT / "workflows", tmp_path / "workflows")
    shutil.copytree(quickstart, tmp_path / "runs" / "quickstart")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("code", blocks("python"), ids=lambda code: code.splitlines()[-1][:40])
def test_the_python_of_the_readme_runs(code: str, checkout: Path) -> None:
    exec(compile(code, "README.md", "exec"), {"__name__": "readme"})
    assert "import" in code


def commands() -> list[str]:
    lines = [line for block in blocks("") for line in block.splitlines()]
    found = [line for line in lines if line.startswith("ste run workflows/quickstart.yaml --")]
    assert found, "the README shows no command that runs the quickstart"
    return found


@pytest.mark.parametrize("line", commands())
def test_the_commands_of_the_readme_run(line: str, checkout: Path) -> None:
    from ste_graph.cli.application import application as app

    words = shlex.split(line.partition("#")[0])
    small = ["--set", "params.episodes=1", "--set", "params.trials=1"]
    done = CliRunner().invoke(app, [*words[1:], *small])
    assert done.exit_code == 0, done.output


def test_every_command_that_the_readme_names_exists() -> None:
    from typer.main import get_command

    from ste_graph.cli.application import application as app

    known = set(get_command(app).list_commands(None))  # type: ignore[attr-defined, arg-type]
    named = {word for block in blocks("") for word in re.findall(r"^ste +([a-z]+)", block, re.MULTILINE)}
    assert named <= known


def test_every_path_that_the_readme_names_is_there() -> None:
    links = {link for link in re.findall(r"\]\(([^)#:]+)\)", README)} | set(re.findall(r'href="([^":]+)"', README))
    spoken = {path for path in re.findall(r"`((?:[a-z_]+/)+[a-z_]*(?:\.\w+)?)`", README)}
    assert {path for path in links | spoken if not (ROOT / path).exists()} == set()


def test_the_yaml_of_the_readme_is_in_the_papers_workflow() -> None:
    paper = re.sub(r"\s+", " ", (ROOT / "workflows" / "paper.yaml").read_text(encoding="utf-8"))
    shown = blocks("yaml")[0]
    lines = [line.strip() for line in shown.splitlines() if line.strip() and "…" not in line]
    missing = [line for line in lines if re.sub(r"\s+", " ", line.rstrip("}")) not in paper]
    assert missing == []
