import pickle
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ste_graph.diagnostics import Diagnostic, DiagnosticsError, Span, display_path, remember, source_line
from ste_graph.errors import WorkflowError


def test_a_diagnostic_shows_the_line_a_caret_the_suggestion_and_the_other_places() -> None:
    remember("paper.yaml", "\n" * 33 + "                while: not call.finnished\n")
    problem = Diagnostic(
        "E204",
        "error",
        "unknown name `call.finnished` in `while`",
        Span("paper.yaml", 34, 28, 14),
        expected="`call` has: action, finished",
        suggestion="call.finished",
        related=((Span("paper.yaml", 20, 3, 4), "`call` is defined here"),),
        help="test it first",
    )
    assert (
        str(problem)
        == """\
paper.yaml:34:28: error[E204] unknown name `call.finnished` in `while`
   34 |                 while: not call.finnished
      |                            ^^^^^^^^^^^^^^
   help: did you mean `call.finished`?
   expected: `call` has: action, finished
   help: test it first
   note: `call` is defined here (paper.yaml:20:3)"""
    )
    assert problem.to_json() == {
        "file": "paper.yaml",
        "line": 34,
        "column": 28,
        "code": "E204",
        "severity": "error",
        "message": "unknown name `call.finnished` in `while`",
        "suggestion": "call.finished",
    }


def test_without_a_source_line_only_the_message_is_shown() -> None:
    problem = Diagnostic("E101", "error", "file not found", Span("nowhere.yaml", 1, 1, 1))
    assert str(problem) == "nowhere.yaml:1:1: error[E101] file not found"


def test_an_error_holds_each_diagnostic_once_in_reading_order() -> None:
    late, early = (Diagnostic("E1", "error", "x", Span("b", line, 1, 1)) for line in (10, 9))
    other = Diagnostic("E1", "warning", "y", Span("a", 99, 1, 1))
    problems = DiagnosticsError([late, early, late, other])
    assert problems.diagnostics == (other, early, late)
    assert isinstance(problems, WorkflowError)
    assert str(problems) == "a:99:1: warning[E1] y\nb:9:1: error[E1] x\nb:10:1: error[E1] x"
    assert pickle.loads(pickle.dumps(problems)).diagnostics == problems.diagnostics


def test_carets_are_below_wide_letters_and_tabs() -> None:
    remember("wide.yaml", "\t名前: ошибка")
    *_, line, carets = str(Diagnostic("E1", "error", "x", Span("wide.yaml", 1, 6, 6))).split("\n")
    assert line == "    1 |  名前: ошибка"
    assert carets == "      |        ^^^^^^"


def test_a_long_line_is_cut_around_the_place() -> None:
    remember("long.yaml", "a" * 500 + "WRONG" + "b" * 500)
    *_, line, carets = str(Diagnostic("E1", "error", "x", Span("long.yaml", 1, 501, 5))).split("\n")
    assert len(line) < 180
    assert line[carets.index("^") : carets.rindex("^") + 1] == "WRONG"


def test_the_text_that_was_read_is_shown_even_if_the_file_has_changed(tmp_path: Path) -> None:
    file = tmp_path / "x.yaml"
    file.write_text("new", "utf-8")
    assert source_line(str(file), 1) == "new"
    remember(str(file), "old")
    assert (source_line(str(file), 1), source_line(str(file), 2)) == ("old", None)


def test_paths_inside_the_current_folder_are_shown_relative(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert display_path(tmp_path / "a" / "b.yaml") == "a/b.yaml"
    assert display_path(Path("a/b.yaml")) == "a/b.yaml"
    assert display_path(tmp_path.parent / "b.yaml") == str(tmp_path.parent / "b.yaml")


@settings(deadline=None)
@given(st.text(), st.integers(1, 9), st.integers(1, 999), st.integers(0, 999))
def test_any_place_in_any_text_can_be_shown(text: str, line: int, column: int, length: int) -> None:
    remember("any", text)
    lines = str(Diagnostic("E1", "error", "x", Span("any", line, column, length))).split("\n")
    assert len(lines) in {1, 3}
    assert all(line.isprintable() for line in lines)
