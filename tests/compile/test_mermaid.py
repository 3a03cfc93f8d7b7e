import re

import pytest
from workflow_builder import workflow

from ste_graph.compile.edges import list_edges
from ste_graph.compile.flow import FlowBuilder
from ste_graph.compile.mermaid import Flowchart

PAPER = """
- repeat: episode
  times: 15
  do:
    - repeat: trial
      times: 4
      do:
        - imagine
        - call
        - {repeat: turn, while: not call.finished, at_most: 4, do: [observe, call]}
        - reflect
        - {record: trial, as: {}}
"""


def test_the_paper_is_drawn_as_its_figure_with_the_memories_beside_it():
    paper = workflow(
        PAPER,
        transcript=dict.fromkeys(["imagine", "call", "reflect"], "short_term"),
        memories_read={"imagine": ["long_term"]},
        memories={"short_term": ("episode", None), "long_term": ("tool", "trial")},
    )
    assert (
        Flowchart.draw(paper)
        == """\
flowchart TD
  start(["START: tool"]);
  imagine["imagine"];
  call["call"];
  observe["observe"];
  reflect["reflect"];
  record_trial["record: trial"];
  finish(["END"]);
  start-->imagine;
  imagine-->call;
  call-->|"turn: while not call.finished, at most 4"|observe;
  call-->reflect;
  observe-->call;
  reflect-->record_trial;
  record_trial-->|"trial: 4 times"|imagine;
  record_trial-->|"episode: 15 times"|imagine;
  record_trial-->finish;
  subgraph memory["memory"]
    short_term[("short_term: messages, lives: episode")];
    long_term[("long_term: trial records, lives: tool")];
  end
  imagine<-.->|talks|short_term;
  long_term-.->|sees|imagine;
  call<-.->|talks|short_term;
  reflect<-.->|talks|short_term;
  record_trial-.->|keeps|long_term;
"""
    )


def arrows(graph, **options):
    return [
        f"{edge.source or 'START'} > {edge.target or 'END'}{': ' if edge.label else ''}{edge.label}"
        for edge in list_edges(FlowBuilder.build(workflow(graph, **options)))
    ]


def test_a_loop_that_tests_after_its_pass_is_named_where_it_goes_back():
    assert arrows("[{repeat: try, until: b.new, at_most: 3, do: [a, b]}, c]") == [
        "START > a",
        "a > b",
        "b > a: try: until b.new, at most 3",
        "b > c",
        "c > END",
    ]


def test_a_loop_that_may_be_skipped_is_named_on_the_way_in_too():
    assert arrows("[a, {map: part, over: a.flag, at_most: 3, do: [b]}]") == [
        "START > a",
        "a > b: part: each of a.flag, at most 3",
        "a > END",
        "b > b: part: each of a.flag, at most 3",
        "b > END",
    ]


def test_a_when_is_named_on_both_its_ways():
    assert arrows("[a, {when: a.flag, do: [b], else: [c]}, {when: a.flag, do: [b]}]") == [
        "START > a",
        "a > b: when a.flag",
        "a > c: unless a.flag",
        "b > b~2: when a.flag",
        "b > END: unless a.flag",
        "c > b~2: when a.flag",
        "c > END: unless a.flag",
        "b~2 > END",
    ]


def test_what_can_never_run_is_not_drawn():
    assert arrows("[a, {repeat: l, times: 0, do: [b]}, c]", off=["c"]) == ["START > a", "a > END"]


def test_two_vertices_of_one_node_have_one_title():
    picture = Flowchart.draw(workflow("[a, b, a]"))
    assert 'a["a"];' in picture
    assert 'a_2["a"];' in picture


@pytest.mark.parametrize("name", ["end", "graph", "x", "o", "style", "start", "finish", "memory", "no-long", "call"])
def test_no_name_of_a_node_breaks_the_drawing(name):
    """A name that Mermaid keeps for itself gets another id, and no id has a space behind it."""
    picture = Flowchart.draw(workflow([name, "a"], memories={"talk": ("tool", None)}))
    (id,) = re.findall(rf'^  (\w\S*)\["{name}"\];$', picture, re.MULTILINE)
    assert id not in {"end", "graph", "x", "o", "style"}
    assert [line for line in picture.splitlines() if re.search(r"-->", line)] == [
        f"  {'start' if name != 'start' else 'start_1'}-->{id};",
        f"  {id}-->a;",
        f"  a-->{'finish' if name != 'finish' else 'finish_1'};",
    ]


def test_conditions_are_escaped():
    graph = [{"when": "params.x == '<\"|`' and params.x != '#&'", "do": ["a"]}]
    assert (
        """start-->|"when params.x == '#60;#34;#124;#96;' and params.x != '#35;#38;'"|a;"""
        in Flowchart.draw(workflow(graph)).splitlines()[4]
    )


def test_a_loop_whose_passes_run_side_by_side_says_so():
    waves = PAPER.replace("times: 15", "times: 15\n  parallel: 3")
    assert 'record_trial-->|"episode: 15 times, 3 side by side"|imagine;' in Flowchart.draw(workflow(waves))
    graph = "[{map: m, over: params.x, at_most: 5, parallel: 2, do: [a]}]"
    assert 'start-->|"m: each of params.x, at most 5, 2 side by side"|a;' in Flowchart.draw(workflow(graph))
