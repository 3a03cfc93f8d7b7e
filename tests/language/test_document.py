import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ste_graph.diagnostics import Diagnostic, DiagnosticsError, Span
from ste_graph.language.source.document import DocumentLoader


def problems(text: str) -> tuple[Diagnostic, ...]:
    with pytest.raises(DiagnosticsError) as caught:
        DocumentLoader.parse(text, "w.yaml")
    return caught.value.diagnostics


def only_problem(text: str) -> tuple[str, int, int, str]:
    (found,) = problems(text)
    return found.code, found.span.line, found.span.column, found.message


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("off", "off"), ("on", "on"), ("yes", "yes"), ("no", "no"), ("y", "y"), ("1:30", "1:30"), ("1_000", "1_000"),
        ("2026-01-01", "2026-01-01"), ("0b1", "0b1"), ("true", True), ("True", True), ("FALSE", False),
        ("tRUE", "tRUE"),
        ("null", None), ("~", None), ("", None), ("nUll", "nUll"), ("12", 12), ("-0", 0), ("007", 7), ("0o17", 15),
        ("0x1F", 31), ("+3", 3), ("1e3", 1000.0), ("1.", 1.0), (".5", 0.5), ("-1.5E-1", -0.15), ("1.2.3", "1.2.3"),
        ("'12'", "12"), ('"off"', "off"), ("'~'", "~"), ("|-\n  12", "12"), ("=", "="), ("<<", "<<"),
    ],
)  # fmt: skip
def test_scalars_mean_what_yaml_1_2_says(text: str, meant: object) -> None:
    found = DocumentLoader.parse(f"a: {text}\n", "w.yaml").to_plain()["a"]
    assert (found, type(found)) == (meant, type(meant))


def test_keys_that_yaml_1_1_takes_for_bools_are_texts() -> None:
    assert DocumentLoader.parse("on: 1\nno: 2\n'3': 4\n", "w.yaml").to_plain() == {"on": 1, "no": 2, "3": 4}


def test_an_alias_is_the_value_of_its_anchor() -> None:
    assert DocumentLoader.parse("a: &x {b: 1}\nc: [*x, *x]\n", "w.yaml").to_plain() == {
        "a": {"b": 1},
        "c": [{"b": 1}, {"b": 1}],
    }


def test_all_refusals_are_reported_at_once() -> None:
    text = "a: 1\na: 2\n1: 3\n<<: {}\nb: !!int 3\nc: !x {}\nd: .nan\ne: 9223372036854775808\n? [x]\n: 1\n~: 1\n"
    assert [(p.code, p.span.line, p.message) for p in problems(text)] == [
        ("E107", 2, "duplicate key `a`"),
        ("E108", 3, "`1` cannot be a key: keys are texts"),
        ("E110", 4, "merge keys (`<<`) are not part of the language"),
        ("E109", 5, "the tag `!!int` is not part of the language"),
        ("E109", 6, "the tag `!x` is not part of the language"),
        ("E112", 7, "`.nan` is not a usable number"),
        ("E112", 8, "`9223372036854775808` is not a usable number"),
        ("E108", 9, "this cannot be a key: keys are texts"),
        ("E108", 11, "`~` cannot be a key: keys are texts"),
    ]


@pytest.mark.parametrize("number", ["0x" + "f" * 300, "9" * 400, "9" * 5000, "1e999"])
def test_a_number_that_no_computer_counts_with_is_refused(number: str) -> None:
    (problem,) = problems(f"a: {number}\n")
    assert (problem.code, problem.span.line) == ("E112", 1)


def test_a_doubled_key_names_the_first_one() -> None:
    (problem,) = problems("nodes:\n  call: {}\n  call: {}\n")
    assert (
        str(problem)
        == """\
w.yaml:3:3: error[E107] duplicate key `call`
    3 |   call: {}
      |   ^^^^
   note: first `call` here (w.yaml:2:3)"""
    )


@pytest.mark.parametrize(
    ("text", "code", "line", "column", "message"),
    [
        ("", "E105", 1, 1, "the file is empty"),
        ("# only words\n", "E105", 1, 1, "the file is empty"),
        ("- a\n", "E105", 1, 1, "the file is not a mapping"),
        ("a: 1\n---\nb: 2\n", "E106", 2, 1, "the file holds more than one document"),
        ("a:\n\tb: 1\n", "E104", 2, 1, "tab in the indentation"),
        ("a:\n  b: 1\n \tc: 1\n", "E104", 3, 2, "tab in the indentation"),
        ("a: &a [*a]", "E111", 1, 4, "a value contains itself through an alias"),
        ("[" * 99, "E111", 1, 51, "the document is nested too deeply"),
        ("a: b: c", "E103", 1, 5, "unexpected `:`"),
        ("a:\n  b: 1\n c: 2\n", "E103", 3, 2, "this line does not fit the block around it"),
        ("a: [1, 2\nb: 3\n", "E103", 2, 2, "missing `,` or closing bracket"),
        ("a: {x?: 1}", "E103", 1, 6, "missing `,` or closing bracket"),
        ("a: [1, , 2]", "E103", 1, 8, "missing value"),
        ("x: 1\na: 'b\n", "E103", 2, 4, "unclosed quote"),
        ("a: 1\nb\nc: 1\n", "E103", 2, 1, "this key has no `:`"),
        ("a: @b\n", "E103", 1, 4, "a value cannot begin with this sign"),
        ("&a a: 1\n&a b: 2\n", "E103", 2, 1, "duplicate anchor"),
        ("a: \0", "E102", 1, 4, "the character U+0000 is not allowed in YAML"),
        ("%YAML 2.0\n---\na: 1\n", "E103", 1, 1,
         "this is not YAML: found incompatible YAML document (version 1.* is required)"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_explained_at_its_place(
    text: str, code: str, line: int, column: int, message: str
) -> None:
    assert only_problem(text) == (code, line, column, message)


def test_an_unknown_alias_gets_the_nearest_anchor_suggested() -> None:
    (problem,) = problems("a: &tools 1\nb: *tool\n")
    assert (problem.message, problem.suggestion) == ("unknown anchor `&tool`", "*tools")


def test_a_block_that_does_not_fit_names_where_it_begins() -> None:
    (problem,) = problems("a:\n  b: 1\n c: 2\n")
    assert problem.related == ((Span("w.yaml", 1, 1, 1), "the block mapping begins here"),)


def test_aliases_cannot_fill_the_memory() -> None:
    text = "a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n"
    text += "".join(f"a{n + 1}: &a{n + 1} [{', '.join([f'*a{n}'] * 10)}]\n" for n in range(30))
    assert problems(text)[0].message == "aliases blow this up to more than 100000 values"


def test_a_value_of_the_command_line_is_any_yaml_and_shows_its_own_line() -> None:
    assert DocumentLoader.parse_value("", "--set a").to_plain() is None
    assert DocumentLoader.parse_value("off", "--set a").to_plain() == "off"
    assert DocumentLoader.parse_value("[1, {b: c}]", "--set a").to_plain() == [1, {"b": "c"}]
    with pytest.raises(DiagnosticsError) as caught:
        DocumentLoader.parse_value("[1", "--set params.turns")
    assert str(caught.value).startswith("--set params.turns:1:3: error[E103] missing `,` or closing bracket")


def test_a_file_is_read_and_shown_under_its_relative_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "w.yaml").write_bytes("\ufeffname: größe\r\nabout: x\r\n".encode())
    tree = DocumentLoader.read(tmp_path / "w.yaml")
    assert tree.to_plain() == {"name": "größe", "about": "x"}
    assert tree.span_of(["about"]) == Span("w.yaml", 2, 8, 1)


def test_a_file_that_cannot_be_read_is_reported_where_it_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "paper.yaml").write_text("a: 1", "utf-8")
    (tmp_path / "latin.yaml").write_bytes(b"a: 1\nb: gr\xf6\xdfe")
    with pytest.raises(DiagnosticsError) as caught:
        DocumentLoader.read(Path("papers.yaml"), asked_at=Span("base.yaml", 3, 10, 4))
    assert str(caught.value) == (
        "base.yaml:3:10: error[E101] `papers.yaml` cannot be read: no such file or directory\n"
        "   help: did you mean `paper.yaml`?"
    )
    with pytest.raises(DiagnosticsError, match=r"`\.` cannot be read: is a directory"):
        DocumentLoader.read(Path())
    with pytest.raises(DiagnosticsError, match=r"latin\.yaml:2:6: error\[E102\] this is not UTF-8 text \(byte 10\)"):
        DocumentLoader.read(Path("latin.yaml"))


plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**62), 2**62)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inside: st.lists(inside, max_size=4) | st.dictionaries(st.text(max_size=20), inside, max_size=4),
    max_leaves=12,
)


@settings(deadline=None)
@given(st.dictionaries(st.text(max_size=20), plain))
def test_all_json_is_read_as_it_is(data: dict[str, object]) -> None:
    assert DocumentLoader.parse(json.dumps(data), "w.yaml").to_plain() == data


def test_half_a_character_is_refused() -> None:
    assert DocumentLoader.parse(r'a: "\ud83d\ude00"', "w.yaml").to_plain() == {"a": "\N{GRINNING FACE}"}
    assert only_problem(r'a: "\ud83d"') == ("E102", 1, 4, "an escape is half of a character")


@settings(deadline=None)
@given(st.text(" \n\t:-[]{},&*!|>'\"%@`#?abc019~.<\ufeff\u2028\r", max_size=40))
def test_any_text_is_a_tree_or_problems_with_places(text: str) -> None:
    found: tuple[Diagnostic, ...] = ()
    try:
        DocumentLoader.parse_value(text, "w.yaml").to_plain()
    except DiagnosticsError as raised:
        found = raised.diagnostics
    assert all(str(problem) for problem in found)
    spans = [problem.span for problem in found]
    assert all(span.line >= 1 and span.column >= 1 and span.length >= 1 for span in spans)


@pytest.mark.parametrize(
    ("name", "text", "what", "source"),
    [
        ("t.py", "import os\n", "a file of Python", "{use: python, module: t.py}"),
        ("my tools.py", "", "a file of Python", '{use: python, module: "my tools.py"}'),
        ("a.yaml", "openapi: 3.0.3\n", "the spec of an HTTP service (OpenAPI)", "{use: openapi, spec: a.yaml}"),
        ("a.json", '{"swagger": "2.0"}', "the spec of an HTTP service (OpenAPI)", "{use: openapi, spec: a.json}"),
        ("m.json", '{"mcpServers": {"x": {"command": "uvx", "args": ["y"]}}}', "a list of MCP servers",
         "{use: mcp, command: uvx, args: [y]}"),
        ("m.json", '{"mcpServers": {"x": {"url": "http://h/mcp"}}}', "a list of MCP servers",
         "{use: mcp, url: http://h/mcp}"),
    ],
)  # fmt: skip
def test_a_file_that_holds_tools_is_named_as_one_with_what_to_write_instead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, text: str, what: str, source: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path(name).write_text(text, encoding="utf-8")
    with pytest.raises(DiagnosticsError) as caught:
        DocumentLoader.read(Path(name))
    (found,) = caught.value.diagnostics
    assert (found.code, found.span.line, found.message) == ("E105", 1, f"this is {what}, not a workflow")
    way = f"write `tools: [{source}]` in a workflow, or give one instead of this file: quickstart --set "
    assert found.help == f"{way}'tools=[{source}]'"
