"""The skill for coding assistants: what it shows is checked by what it talks about."""

import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import typer
import yaml

import ste_graph as ste
import ste_graph.workflows
from ste_graph.cli.application import application
from ste_graph.diagnostics import DiagnosticsError

SKILL = Path(ste_graph.workflows.__file__).parent / "skills" / "ste-workflow" / "SKILL.md"
TEXT = SKILL.read_text("utf-8")


class Snippet(NamedTuple):
    """A block of code: its language, the word behind it, the file that its first line names, and its text."""

    language: str
    word: str
    file: str
    text: str


def read_snippets() -> list[Snippet]:
    found = []
    for language, word, text in re.findall(r"^```(\w+)(?: (\w+))?\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE):
        named = re.match(r"(?:#|\{#) file: (\S+)", text)
        found.append(Snippet(language, word, named[1] if named else "", text))
    return found


SNIPPETS = read_snippets()
WORKFLOWS = [each for each in SNIPPETS if each.language == "yaml" and not each.word]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with every file that the skill shows."""
    for snippet in SNIPPETS:
        if snippet.file:
            (tmp_path / snippet.file).write_text(snippet.text, "utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EXAMPLE_KEY", "a key")
    monkeypatch.delenv("STE_MODEL_URL", raising=False)
    return tmp_path


def test_it_has_the_front_matter_of_an_agent_skill_and_is_short() -> None:
    front = yaml.safe_load(TEXT.split("---\n")[1])
    assert front["name"] == SKILL.parent.name
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", front["name"])
    assert 0 < len(front["description"]) <= 1024
    assert set(front) == {"name", "description"}
    assert len(TEXT.splitlines()) < 500


@pytest.mark.parametrize("snippet", WORKFLOWS, ids=[each.file or each.text.split(":")[0] for each in WORKFLOWS])
def test_every_workflow_in_it_is_right_and_leaves_no_warning(snippet: Snippet, project: Path) -> None:
    """A part of a file is checked as a change of the workflow that the skill begins with."""
    file = project / (snippet.file or "part.yaml")
    if not snippet.file:
        file.write_text(f"extends: workflow.yaml\nname: part\n{snippet.text}", "utf-8")
    assert ste.load(file).remarks == ()


def test_the_errors_that_it_shows_are_the_ones_that_come(project: Path) -> None:
    (wrong,) = [each for each in SNIPPETS if each.word == "wrong"]
    (shown,) = [each for each in SNIPPETS if each.language == "text"]
    with pytest.raises(DiagnosticsError) as caught:
        ste.load(wrong.file)
    assert str(caught.value).strip() == shown.text.strip()


def test_every_command_in_it_is_one_of_the_command_line() -> None:
    lines = [line for each in SNIPPETS if each.language == "sh" for line in each.text.splitlines() if line]
    lines += re.findall(r"`(ste [^`]*)`", TEXT)
    command: Any = typer.main.get_command(application)
    assert len(lines) > 12
    for line in lines:
        _, *words = shlex.split(line, comments=True)
        context, here = None, command
        while hasattr(here, "commands"):
            context = here.make_context(here.name, [words[0]], parent=context, resilient_parsing=True)
            assert words[0] in here.commands, line
            here, words = here.commands[words[0]], words[1:]
        if "DIR" not in line and line.count(" ") > 1:
            here.make_context(here.name, list(words), parent=context)


def test_a_small_run_of_its_workflows_is_complete(project: Path) -> None:
    small = {"models.main": {"use": "simulated"}, "params.episodes": 1, "params.trials": 1}
    for name in ("workflow.yaml", "blocks.yaml", "critical.yaml"):
        summary = ste.load(project / name, set=small).run(project / "runs" / name)
        assert summary.complete, summary.failed
        assert summary.records["trial"] >= 1


def test_the_codes_that_it_explains_are_those_of_the_page_of_errors() -> None:
    page = (Path(__file__).parents[1] / "docs" / "errors.md").read_text("utf-8")
    codes = set(re.findall(r"[EW]\d{3}", TEXT))
    assert len(codes) > 8
    assert [code for code in sorted(codes) if f"| {code} |" not in page] == []


def test_init_puts_it_where_assistants_look(ste: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    result = ste("init", tmp_path, "--skill")
    assert (result.code, result.err) == (0, "")
    written = tmp_path / ".agents" / "skills" / "ste-workflow" / "SKILL.md"
    assert written.read_text("utf-8") == TEXT
    assert sorted(path.name for path in tmp_path.iterdir()) == [".agents", "mine.txt"]
    assert ".agents/skills/ste-workflow/SKILL.md" in result.out
    again = ste("init", tmp_path, "--skill")
    assert again.code == 0, "the same text is written over itself"
    written.write_text("changed")
    refused = ste("init", tmp_path, "--skill")
    assert refused.code == 2
    assert "has been changed; --force writes over it" in refused.err
    assert ste("init", tmp_path, "--skill", "--force").code == 0
    assert ste("init", tmp_path, "--skill", "--from", "paper").code == 2
