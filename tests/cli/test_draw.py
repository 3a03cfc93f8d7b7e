from __future__ import annotations


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
