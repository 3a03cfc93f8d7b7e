"""A workflow with one changed line loads, or has problems with places."""

from __future__ import annotations

import random
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

import ste_graph.workflows
from ste_graph.diagnostics import DiagnosticsError
from ste_graph.language.loading import WorkflowFile

WORKFLOWS = Path(ste_graph.workflows.__file__).parent
LINES = (WORKFLOWS / "paper.yaml").read_text("utf-8").splitlines()
WORDS = sorted({word for line in LINES for word in line.replace("{", " ").replace("}", " ").replace(",", " ").split()})
SIGNS = "{}[],:#&*!|>'\"%@`-?.x0 \t~\\()=é\u2028\x00"
MUTATIONS = 2_000


def mutate(lines: Sequence[str], rng: random.Random) -> list[str]:
    """The lines with one of them deleted, doubled or changed."""
    at = rng.randrange(len(lines))
    line, other = lines[at], rng.choice(lines)
    spot = rng.randrange(len(line) + 1)
    words = line.split(" ")
    words[rng.randrange(len(words))] = rng.choice(WORDS)
    indent = line[: len(line) - len(line.lstrip())]
    new = rng.choice(
        [
            [],
            [line, line],
            [line[:spot] + line[spot + 1 :]],
            [line[:spot] + line[spot : spot + 2][::-1] + line[spot + 2 :]],
            [line[:spot] + rng.choice(SIGNS) + line[spot:]],
            [" ".join(words)],
            [" " * rng.randrange(1, 8) + line],
            [line[min(rng.randrange(1, 8), len(indent)) :]],
            [line.partition(":")[0] + ":" + other.partition(":")[2]],
            [indent + other.lstrip()],
        ]
    )
    return [*lines[:at], *new, *lines[at + 1 :]]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(WORKFLOWS / "prompts", tmp_path / "prompts")
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools" / "everyday.py").write_text("raise SystemExit('checking a workflow runs no tool')\n", "utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def find_problems(path: Path) -> DiagnosticsError | None:
    """The problems of a workflow; None if it is legal. Any other exception fails the test."""
    try:
        WorkflowFile.load(path)
    except DiagnosticsError as problems:
        return problems
    return None


def test_one_changed_line_gives_a_workflow_or_a_positioned_error(folder: Path) -> None:
    rng = random.Random(20240304)
    legal = 0
    for _ in range(MUTATIONS):
        text = "\n".join(mutate(LINES, rng)) + "\n"
        (folder / "paper.yaml").write_text(text, "utf-8")
        problems = find_problems(Path("paper.yaml"))
        if problems is None:
            legal += 1
            continue
        assert problems.diagnostics, text
        assert str(problems), text
        for problem in problems.diagnostics:
            file = folder / problem.span.file
            assert file.is_file(), (text, problem)
            assert 1 <= problem.span.line <= len(file.read_text("utf-8").split("\n")), (text, problem)
            assert problem.span.column >= 1, (text, problem)
    assert 0 < legal < MUTATIONS
