"""`ste check --proofs`, and problems as annotations for GitHub."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

CUT = """
extends: paper
name: cut
memory:
  long_term: {use: chroma, of: trial, lives: trial, recall: all}
"""


@pytest.fixture
def cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A workflow whose long-term memory is forgotten before it is read."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cut.yaml").write_text(CUT.lstrip())
    return "cut.yaml"


def test_a_fault_has_its_place_what_to_do_and_exit_code_2(ste: Callable, cut: str) -> None:
    assert ste("check", cut, "--variant", "no-reflection").code == 0
    result = ste("check", cut, "--proofs", "--variant", "no-reflection")
    assert result.code == 2
    lines = result.out.splitlines()
    assert lines[0] == (
        "cut.yaml:4:3: error[E702] `long_term` is always empty when `imagine` is run: it lives in `trial`, and is "
        "forgotten before"
    )
    assert "   help: let it live longer: `lives: episode`" in lines
    assert "proofs: 2 arms, 96 prompts; no model was asked and no tool was called" in lines
    assert "    call     short_term" in lines
    assert result.err == "cut.yaml: 1 error\n"


def test_github_gets_one_annotation_a_line(ste: Callable, cut: str) -> None:
    result = ste("check", cut, "--proofs", "--variant", "no-reflection", "--format", "github")
    assert result.code == 2
    assert result.out == (
        "::error file=cut.yaml,line=4,col=3,endColumn=12,title=E702::`long_term` is always empty when `imagine` is "
        "run: it lives in `trial`, and is forgotten before%0Alet it live longer: `lives: episode`\n"
    )


def test_other_problems_are_annotations_too(ste: Callable, cut: str, tmp_path: Path) -> None:
    (tmp_path / "cut.yaml").write_text("extends: paper\nseeds: 5%\n")
    result = ste("check", cut, "--format", "github")
    assert result.code == 2
    assert result.out.startswith("::error file=cut.yaml,line=2,col=1,endColumn=6,title=E201::unknown key `seeds`")


def test_data_for_programs_has_the_same_keys_as_without_proofs(ste: Callable, cut: str) -> None:
    result = ste("check", cut, "--proofs", "--variant", "no-reflection", "--format", "json")
    (found,) = json.loads(result.out)
    assert found.keys() == {"file", "line", "column", "code", "severity", "message", "suggestion"}
    assert (found["code"], found["line"]) == ("E702", 4)


def test_a_proof_needs_the_plugins(ste: Callable, cut: str) -> None:
    result = ste("check", cut, "--proofs", "--no-plugins")
    assert result.code == 2
    assert "leave out --no-plugins" in result.out
