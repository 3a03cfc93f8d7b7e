from __future__ import annotations

import sys
from xml.etree import ElementTree

import pytest


def test_the_graph_is_printed_as_mermaid_with_its_bounds(ste, folder):
    result = ste("draw", "small.yaml")
    assert result.code == 0
    assert result.out.startswith("flowchart TD\n")
    assert "turn: while not call.finished, at most 3" in result.out
    assert result.err == ""


def test_the_graph_may_go_to_a_file(ste, folder):
    printed = ste("draw", "small.yaml").out
    result = ste("draw", "small.yaml", "--out", "graph.mmd")
    assert (result.code, result.out) == (0, "")
    assert (folder / "graph.mmd").read_text() == printed


def test_a_file_that_cannot_be_written_is_a_mistake_of_the_command_line(ste, folder):
    result = ste("draw", "small.yaml", "--out", "no/such/folder.mmd")
    assert (result.code, result.err) == (2, "no/such/folder.mmd: cannot be written (No such file or directory)\n")


def test_a_wrong_file_is_refused_with_its_problems(ste, folder):
    result = ste("draw", "small.yaml", "--set", "graph.turn.at_most=none")
    assert (result.code, result.out) == (2, "")
    assert "--set graph.turn.at_most:1:1: error[" in result.err


def test_a_picture_is_of_the_kind_that_its_name_says(ste, folder):
    for name, begins in {
        "graph.mmd": b"flowchart TD\n",
        "graph.md": b"```mermaid\nflowchart TD\n",
        "graph.svg": b"<svg ",
        "graph.PNG": b"\x89PNG\r\n",
    }.items():
        result = ste("draw", "small.yaml", "--out", name)
        assert (result.code, result.out, result.err) == (0, "", "")
        assert (folder / name).read_bytes().startswith(begins), name
    svg = (folder / "graph.svg").read_text()
    for text in ("imagine", "observe", "trial: 2 times", "short_term"):
        assert text in svg
    assert "foreignObject" not in svg, "some viewers do not show it"


def test_a_picture_needs_nothing_from_elsewhere_and_holds_no_markup_of_the_workflow(ste, folder):
    condition = 'graph.turn.while=imagine.query < "<script>alert(1)</script>"'
    assert ste("draw", "small.yaml", "--set", condition, "--out", "graph.svg").code == 0
    svg = (folder / "graph.svg").read_text()
    assert "<script" not in svg
    root = ElementTree.fromstring(svg)
    assert "alert(1)" in " ".join("".join(root.itertext()).split())
    links = [value for element in root.iter() for name, value in element.attrib.items() if name.endswith("href")]
    assert not [link for link in links if not link.startswith("#")]
    assert "@import" not in svg
    assert "url(http" not in svg


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("graph.gif", "`.gif` is not a kind of output; expected one of: .mmd (Mermaid text), .md"),
        ("graph.pngg", "`.pngg` is not a kind of output; did you mean `.png`? expected one of: "),
        ("graph", "the name does not say the kind of output; expected one of: "),
    ],
)
def test_a_name_of_an_unknown_kind_is_refused_with_the_kinds_that_there_are(ste, folder, name, words):
    result = ste("draw", "small.yaml", "--out", name)
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith(f"--out {name}: {words}")
    assert ".svg (SVG), .png (PNG)" in result.err
    assert not (folder / name).exists()


def test_without_the_package_a_picture_is_refused_with_the_way_to_get_it(ste, folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "mmdr", None)
    result = ste("draw", "small.yaml", "--out", "graph.svg")
    assert (result.code, result.err) == (
        2,
        "a picture needs a package: pip install 'ste-graph[draw]'; the Mermaid text (.mmd, .md) needs none\n",
    )
    assert ste("draw", "small.yaml", "--out", "graph.mmd").code == 0


def test_sub_workflows_are_drawn_in_frames_where_they_are_asked_for(ste, folder):
    (folder / "outer.yaml").write_text("dsl: 2\nname: outer\ngraph: [{run: small.yaml, name: inner}]\n")
    plain = ste("draw", "outer.yaml").out
    assert 'inner[["run: inner (small.yaml)"]];' in plain
    deep = ste("draw", "outer.yaml", "--deep").out
    assert '  subgraph inner["run: inner (small.yaml)"]\n    inner_start(["START: tool"]);\n' in deep
    assert 'inner_call-->|"turn: while not call.finished, at most 3"|inner_observe;' in deep
    assert "\n  start-->inner;\n  inner-->finish;\n" in deep
    assert ste("draw", "outer.yaml", "--deep", "--out", "deep.svg").code == 0
    assert "observe" in (folder / "deep.svg").read_text()
