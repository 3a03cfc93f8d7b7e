import asyncio

import pytest
from langgraph.errors import GraphRecursionError
from workflow_builder import Scripted, workflow

from ste_graph.compile.graph import CompiledGraph, GraphContext
from ste_graph.compile.stepper import LoopEnd
from ste_graph.compile.transfer import ControlError

TURNS = """
- repeat: trial
  times: 2
  do:
    - ask
    - call
    - {repeat: turn, while: not call.finished, at_most: 2, do: [look, call]}
    - record: trial
      as: {query: ask.flag, steps: {each: [call, look]}}
"""


async def test_steps_are_told_apart_by_the_counters_around_any_occurrence():
    turns = workflow(TURNS, gives={"call": ["finished"]})
    stepper = Scripted(turns, call=[False, True, False, False, False])
    await CompiledGraph(turns).run({"name": "clock"}, stepper)
    assert stepper.keys == [
        "ask trial=0",
        "call trial=0 turn=-",
        "look trial=0 turn=0",
        "call trial=0 turn=0",
        "record trial trial=0",
        "ask trial=1",
        "call trial=1 turn=-",
        "look trial=1 turn=0",
        "call trial=1 turn=0",
        "look trial=1 turn=1",
        "call trial=1 turn=1",
        "record trial trial=1",
    ]
    assert stepper.loops == [LoopEnd("turn", 1, "while"), LoopEnd("turn", 2, "at_most"), LoopEnd("trial", 2, "times")]


async def test_an_output_outlives_a_pass_only_where_it_lives_outside():
    turns = workflow(TURNS, gives={"call": ["finished"]})
    stepper = Scripted(turns, ask=["a", "b"], call=[False, False, True, True], look=["seen", "seen too"])
    await CompiledGraph(turns).run(None, stepper)
    assert [(state["ask.flag"], state["call.finished"], state["look.flag"]) for state in stepper.states] == [
        (None, None, None),
        ("a", None, None),
        ("a", False, None),
        ("a", False, "seen"),
        ("a", False, None),
        ("a", False, "seen too"),
        ("a", True, "seen too"),
        (None, None, None),
        ("b", None, None),
        ("b", True, None),
    ]


async def test_each_joins_every_output_since_the_pass_began_with_what_came_next():
    graph = """
    - repeat: trial
      times: 2
      do:
        [look, call, look, look, call, call, look,
        {record: trial, as: {steps: {each: [call, look]}, calls: {each: [call]}}}]
    """
    joined = workflow(graph, gives={"call": ["n"], "look": ["text", "ok"]})
    looks = [{"text": text, "ok": True} for text in "abcdefgh"]
    looks[1] = {"text": None, "ok": None}
    stepper = Scripted(joined, call=[1, 2, 3, 4, 5, 6], look=looks)
    await CompiledGraph(joined).run(None, stepper)
    kept = [state for key, state in zip(stepper.keys, stepper.states, strict=True) if key.startswith("record")]
    assert [state["each:call+look@trial"] for state in kept] == [
        [{"n": 1, "text": None, "ok": None}, {"n": 2, "text": None, "ok": None}, {"n": 3, "text": "d", "ok": True}],
        [{"n": 4, "text": "f", "ok": True}, {"n": 5, "text": None, "ok": None}, {"n": 6, "text": "h", "ok": True}],
    ]
    assert kept[1]["each:call@trial"] == [{"n": 4}, {"n": 5}, {"n": 6}]


async def test_an_each_over_a_node_that_is_off_has_nothing_of_it():
    turns = workflow(TURNS, gives={"call": ["finished"]}, off=["look"])
    stepper = Scripted(turns, call=[False, True, True])
    state = await CompiledGraph(turns).run(None, stepper)
    assert stepper.states[3]["each:call+look@trial"] == [{"finished": False}, {"finished": True}]
    assert state["trial"] is None


async def test_a_transcript_is_forgotten_by_the_loop_it_lives_in_and_every_loop_around_it():
    graph = "[{repeat: a, times: 2, do: [{repeat: b, times: 2, do: [x, y]}]}]"
    talk = workflow(graph, transcript={"x": "near", "y": "far"}, memories={"near": ("b", None), "far": ("a", None)})
    stepper = Scripted(talk)
    state = await CompiledGraph(talk).run(None, stepper)
    assert [(len(state["near"]), len(state["far"])) for state in stepper.states] == [
        *[(0, 0), (1, 0), (0, 1), (1, 1)],
        *[(0, 0), (1, 0), (0, 1), (1, 1)],
    ]
    assert [message["content"] for message in state["far"]] == ["y a=1 b=0", "y a=1 b=1"]


async def test_the_limit_is_exactly_what_the_longest_run_takes():
    turns = CompiledGraph(workflow(TURNS, gives={"call": ["finished"]}))

    async def run(limit):
        context = GraphContext(Scripted(turns.flow.workflow, call=[False] * 6))
        await turns.graph.ainvoke(turns.start(None), context=context, config={"recursion_limit": limit})

    assert turns.limit == 2 * 7 + 1
    await run(turns.limit)
    with pytest.raises(GraphRecursionError):
        await run(turns.limit - 1)


async def test_a_run_takes_a_pass_up_to_its_record_in_one_superstep_and_does_the_same():
    turns = CompiledGraph(workflow(TURNS, gives={"call": ["finished"]}))
    seen = []
    for joined, supersteps in ((False, 12), (True, 2)):
        stepper = Scripted(turns.flow.workflow, call=[False, True, False, False, False])
        context = GraphContext(stepper, joined=joined)
        changes = [change async for change in turns.graph.astream(turns.start(None), context=context)]
        assert len(changes) == supersteps
        seen.append((stepper.keys, stepper.loops, stepper.states))
    assert seen[0] == seen[1]


async def test_steps_that_never_wait_leave_others_their_turn():
    endless = CompiledGraph(workflow([{"repeat": "pass", "times": 10_000, "do": ["ask"]}, {"record": "end", "as": {}}]))
    stepper = Scripted(endless.flow.workflow)
    unit = asyncio.create_task(endless.run(None, stepper))
    while not stepper.keys:
        await asyncio.sleep(0)
    unit.cancel()
    with pytest.raises(asyncio.CancelledError):
        await unit
    assert len(stepper.keys) < 10


@pytest.mark.parametrize("graph", ["[a]", "[{repeat: l, times: 2, do: [a, {when: l == 0, do: [a]}]}]"])
async def test_a_unit_that_reaches_no_vertex_just_ends(graph):
    empty = workflow(graph, off=["a"])
    stepper = Scripted(empty)
    state = await CompiledGraph(empty).run("item", stepper)
    assert stepper.keys == []
    assert state == CompiledGraph(empty).flow.initial_state("item")


async def test_loops_that_end_before_the_first_vertex_are_reported_too():
    skipped = workflow("[{repeat: l, times: 0, do: [a]}, b]")
    stepper = Scripted(skipped)
    await CompiledGraph(skipped).run(None, stepper)
    assert (stepper.keys, stepper.loops) == (["b"], [LoopEnd("l", 0, "times")])


async def test_a_workflow_without_a_map_is_one_unit():
    item = workflow("[a]", over=None)
    assert (await CompiledGraph(item).run(None, Scripted(item, a=[3])))["a.flag"] == 3


async def test_units_run_side_by_side_do_not_meet():
    turns = CompiledGraph(workflow(TURNS, gives={"call": ["finished"]}))
    steppers = [Scripted(turns.flow.workflow, ask=[n, n], call=[True, True]) for n in range(8)]
    states = await asyncio.gather(*(turns.run(n, stepper) for n, stepper in enumerate(steppers)))
    assert [(state["tool"], state["ask.flag"]) for state in states] == [(n, n) for n in range(8)]


class Outputs(Scripted):
    """A stepper that gives the same wrong thing for every vertex."""

    def __init__(self, update):
        self.update = update

    async def step(self, vertex, key, state):
        return self.update


async def test_what_langgraph_would_drop_is_refused():
    tiny = CompiledGraph(workflow("[a, {record: trial, as: {}}]"))
    expected = r"^vertex a lacks a\.flag and may not write a, a\.flagg; it writes a\.flag, start:trial"
    with pytest.raises(ValueError, match=expected):
        await tiny.run(None, Outputs({"a.flagg": 1, "a": 2}))


async def test_a_step_may_not_change_the_state_it_is_shown():
    class Changing(Scripted):
        async def step(self, vertex, key, state):
            state["a.flag"] = 1

    with pytest.raises(TypeError):
        await CompiledGraph(workflow("[a]")).run(None, Changing(workflow("[a]")))


async def test_what_a_stepper_raises_reaches_the_caller_as_it_is():
    tiny = workflow("[a]")
    with pytest.raises(IndexError):
        await CompiledGraph(tiny).run(None, Scripted(tiny, a=[]))


async def test_a_faulty_condition_ends_the_unit_with_its_place():
    faulty = workflow("[a, {when: a.flag, do: [b]}]")
    with pytest.raises(ControlError) as caught:
        await CompiledGraph(faulty).run(None, Scripted(faulty, a=["no"]))
    assert str(caught.value) == "tiny.yaml:2 `when`: `a.flag` gave 'no', neither true nor false"


async def test_the_bare_graph_says_what_it_lacks():
    tiny = CompiledGraph(workflow("[a]"))
    with pytest.raises(ValueError, match=r"^the input lacks a\.flag: begin with `CompiledGraph\.start\(item\)`"):
        await tiny.graph.ainvoke({"tool": None}, context=GraphContext(Scripted(tiny.flow.workflow)))
    with pytest.raises(
        ValueError, match=r"^the graph needs `context=GraphContext\(stepper\)`: nobody is there to run its"
    ):
        await tiny.graph.ainvoke(tiny.start(None))
