from workflow_builder import workflow

from ste_graph.compile.bounds import Bound, unit_bound

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
CALLS = {"imagine": (1, 0), "call": (1, 0), "observe": (0, 1), "reflect": (1, 0)}


def test_the_paper_takes_420_model_and_240_tool_calls_per_tool_at_most():
    assert unit_bound(workflow(PAPER, calls=CALLS)) == Bound(model_calls=420, tool_calls=240, supersteps=720)


def test_a_node_that_is_off_costs_nothing():
    assert unit_bound(workflow(PAPER, calls=CALLS, off=["reflect"])) == Bound(360, 240, 660)


def test_a_when_counts_the_larger_branch_for_each_quantity():
    graph = "[{when: params.x, do: [a], else: [b, c]}, {when: params.x, do: [a]}]"
    assert unit_bound(workflow(graph, calls={"a": (3, 0), "b": (0, 2), "c": (1, 0)})) == Bound(6, 2, 3)


def test_a_loop_of_no_passes_and_a_workflow_of_no_nodes_cost_nothing():
    assert unit_bound(workflow("[{repeat: l, times: 0, do: [a]}]", calls={"a": (1, 1)})) == Bound()
    assert unit_bound(workflow("[a]", off=["a"])) == Bound()


def test_a_map_counts_its_bound():
    graph = "[{map: m, over: params.x, at_most: 5, do: [a]}]"
    assert unit_bound(workflow(graph, calls={"a": (2, 1)})) == Bound(10, 5, 5)
