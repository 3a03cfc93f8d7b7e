import subprocess
import sys

from workflow_builder import workflow

from ste_graph.compile.flow import AtEnd, AtHead, AtVertex, FlowBuilder

PAPER = """
- repeat: episode
  times: 15
  do:
    - repeat: trial
      times: 4
      do:
        - imagine
        - call
        - repeat: turn
          while: not call.finished
          at_most: 4
          do: [observe, call]
        - reflect
        - record: trial
          as: {query: imagine.query, steps: {each: [call, observe]}}
"""


def test_occurrences_with_one_successor_are_one_vertex_so_the_graph_is_the_papers_figure():
    vertices = FlowBuilder.build(workflow(PAPER)).vertices
    assert {name: vertex.then for name, vertex in vertices.items()} == {
        "imagine": AtVertex("call"),
        "call": AtHead("turn"),
        "observe": AtVertex("call"),
        "reflect": AtVertex("record trial"),
        "record trial": AtHead("trial"),
    }
    assert vertices["call"].occurrences == (("episode", "trial"), ("episode", "trial", "turn"))
    assert len(vertices["call"].spans) == 2


def test_occurrences_with_other_successors_are_numbered_in_reading_order():
    vertices = FlowBuilder.build(workflow("[a, b, a, {repeat: l, times: 2, do: [a]}, a]")).vertices
    assert {name: vertex.then for name, vertex in vertices.items()} == {
        "a": AtVertex("b"),
        "b": AtVertex("a~2"),
        "a~2": AtHead("l"),
        "a~3": AtEnd(),
    }
    assert vertices["a~2"].occurrences == ((), ("l",))


def test_a_vertex_names_the_loops_around_any_occurrence_with_outer_loops_first():
    text = "[{repeat: x, times: 1, do: [{repeat: y, times: 1, do: [a]}]}, {repeat: z, times: 1, do: [a]}]"
    vertices = FlowBuilder.build(workflow(text)).vertices
    assert [vertex.loops for vertex in vertices.values()] == [("x", "y"), ("z",)]
    merged = FlowBuilder.build(workflow("[a, {repeat: x, times: 1, do: [b, {when: b.flag, do: [a]}]}]")).vertices["a"]
    assert (merged.loops, merged.occurrences) == (("x",), ((), ("x",)))


def test_a_node_that_is_off_is_no_vertex():
    built = FlowBuilder.build(workflow("[a, b, c]", off=["b"]))
    assert [*built.vertices] == ["a", "c"]
    assert built.vertices["a"].then == AtVertex("c")


def test_a_new_pass_forgets_what_lives_in_the_loop_or_in_a_loop_inside():
    built = FlowBuilder.build(
        workflow(PAPER, transcript={"imagine": "talk"}, memories={"talk": ("turn", None), "kept": ("tool", "trial")})
    )
    assert built.pass_channels["turn"] == ("observe.flag", "talk")
    assert built.pass_channels["trial"] == (
        "imagine.flag",
        "call.flag",
        "observe.flag",
        "reflect.flag",
        "talk",
        "turn",
        "start:trial",
        "each:call+observe@trial",
        "each:call+observe@trial.joined",
    )
    assert set(built.pass_channels["episode"]) == {*built.pass_channels["trial"], "trial"}


def test_the_first_state_of_a_unit_is_empty_but_for_its_item():
    built = FlowBuilder.build(
        workflow("[{map: part, over: tool.parts, at_most: 2, do: [a]}]", memories={"talk": ("tool", None)})
    )
    assert built.initial_state({"parts": []}) == {
        "tool": {"parts": []},
        "a.flag": None,
        "talk": [],
        "part": None,
        "part.items": [],
    }


def test_planning_and_drawing_do_not_import_langgraph():
    code = "import sys; from ste_graph.compile import cost, mermaid, transfer; print(*sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not [name for name in found if name.startswith(("langgraph", "langchain", "chromadb", "torch"))]
