from workflow_builder import workflow

from ste_graph.compile.cost import Cost, max_unit_cost

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
    assert max_unit_cost(workflow(PAPER, calls=CALLS)) == Cost(model_calls=420, tool_calls=240, supersteps=720)


def test_a_node_that_is_off_costs_nothing():
    assert max_unit_cost(workflow(PAPER, calls=CALLS, off=["reflect"])) == Cost(360, 240, 660)


def test_a_when_counts_the_larger_branch_for_each_quantity():
    graph = "[{when: params.x, do: [a], else: [b, c]}, {when: params.x, do: [a]}]"
    assert max_unit_cost(workflow(graph, calls={"a": (3, 0), "b": (0, 2), "c": (1, 0)})) == Cost(6, 2, 3)


def test_a_loop_of_no_passes_and_a_workflow_of_no_nodes_cost_nothing():
    assert max_unit_cost(workflow("[{repeat: l, times: 0, do: [a]}]", calls={"a": (1, 1)})) == Cost()
    assert max_unit_cost(workflow("[a]", off=["a"])) == Cost()


def test_a_map_counts_its_bound():
    graph = "[{map: m, over: params.x, at_most: 5, do: [a]}]"
    assert max_unit_cost(workflow(graph, calls={"a": (2, 1)})) == Cost(10, 5, 5)
