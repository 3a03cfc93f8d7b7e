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
    assert max_unit_cost(workflow(PAPER, calls=CALLS)) == Cost(420, 240, supersteps=720, chain=420)


def test_a_node_that_is_off_costs_nothing():
    assert max_unit_cost(workflow(PAPER, calls=CALLS, off=["reflect"])) == Cost(360, 240, 660, 360)


def test_a_when_counts_the_larger_branch_for_each_quantity():
    graph = "[{when: params.x, do: [a], else: [b, c]}, {when: params.x, do: [a]}]"
    assert max_unit_cost(workflow(graph, calls={"a": (3, 0), "b": (0, 2), "c": (1, 0)})) == Cost(6, 2, 3, 6)


def test_a_loop_of_no_passes_and_a_workflow_of_no_nodes_cost_nothing():
    assert max_unit_cost(workflow("[{repeat: l, times: 0, do: [a]}]", calls={"a": (1, 1)})) == Cost()
    assert max_unit_cost(workflow("[a]", off=["a"])) == Cost()


def test_a_map_counts_its_bound():
    graph = "[{map: m, over: params.x, at_most: 5, do: [a]}]"
    assert max_unit_cost(workflow(graph, calls={"a": (2, 1)})) == Cost(10, 5, 5, 10)


def test_passes_side_by_side_cost_as_much_and_the_longest_chain_is_one_of_each_wave():
    waves = PAPER.replace("times: 15", "times: 15\n  parallel: 4")
    assert max_unit_cost(workflow(waves, calls=CALLS)) == Cost(420, 240, supersteps=721, chain=4 * 28)
    graph = "[{map: m, over: params.x, at_most: 5, parallel: 2, do: [a]}]"
    assert max_unit_cost(workflow(graph, calls={"a": (2, 1)})) == Cost(10, 5, 6, 6)
