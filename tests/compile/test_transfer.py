import pytest
from workflow_builder import workflow

from ste_graph.compile.flow import AtHead, FlowBuilder
from ste_graph.compile.stepper import LoopEnd
from ste_graph.compile.transfer import ControlError, Router, Transfer


def begin(graph, item=None, **options):
    built = FlowBuilder.build(workflow(graph, **options))
    return Router.transfer(built, built.start, built.initial_state(item))


def at(graph, loop, state, **options):
    built = FlowBuilder.build(workflow(graph, **options))
    return Router.transfer(built, AtHead(loop), built.initial_state(None) | state)


def test_a_loop_is_entered_with_its_counter_at_zero():
    graph = "[{repeat: a, times: 2, do: [{repeat: b, times: 3, do: [x]}]}]"
    assert begin(graph) == Transfer("x", {"a": 0, "b": 0}, ())


def test_a_new_pass_forgets_and_counts():
    graph = "[{repeat: a, times: 2, do: [x, {repeat: b, times: 1, do: [y]}]}]"
    state = {"a": 0, "b": 0, "x.flag": True, "y.flag": True}
    assert at(graph, "b", state) == Transfer(
        "x", {"b": None, "a": 1, "x.flag": None, "y.flag": None}, (LoopEnd("b", 1, "times"),)
    )


def test_control_leaves_several_loops_at_once_and_names_them_from_the_inside():
    graph = "[{repeat: a, times: 1, do: [{repeat: b, times: 2, do: [x]}]}]"
    assert at(graph, "b", {"a": 0, "b": 1}) == Transfer(
        None, {"b": None, "a": None}, (LoopEnd("b", 2, "times"), LoopEnd("a", 1, "times"))
    )


@pytest.mark.parametrize(
    ("test", "counter", "flag", "ended"),
    [
        ("while: x.flag, at_most: 2", None, False, LoopEnd("a", 0, "while")),
        ("while: x.flag, at_most: 2", 0, False, LoopEnd("a", 1, "while")),
        ("while: x.flag, at_most: 2", 1, False, LoopEnd("a", 2, "while")),
        ("while: x.flag, at_most: 2", 1, True, LoopEnd("a", 2, "at_most")),
        ("while: x.flag, at_most: 0", None, True, LoopEnd("a", 0, "at_most")),
        ("until: x.flag, at_most: 2", 0, True, LoopEnd("a", 1, "until")),
        ("until: x.flag, at_most: 2", 1, True, LoopEnd("a", 2, "until")),
        ("until: x.flag, at_most: 2", 1, False, LoopEnd("a", 2, "at_most")),
        ("until: x.flag, at_most: 0", None, True, LoopEnd("a", 0, "at_most")),
        ("times: 2", 1, None, LoopEnd("a", 2, "times")),
        ("times: 0", None, None, LoopEnd("a", 0, "times")),
    ],
)
def test_a_loop_says_why_it_ended(test, counter, flag, ended):
    graph = f"[x, {{repeat: a, {test}, do: [y]}}]"
    assert at(graph, "a", {"a": counter, "x.flag": flag}).loop_ends == (ended,)


@pytest.mark.parametrize(
    ("items", "counter", "ended"),
    [
        ([], None, LoopEnd("a", 0, "items")),
        ([1], 0, LoopEnd("a", 1, "items")),
        ([1, 2], 1, LoopEnd("a", 2, "items")),
        ([1, 2, 3], 1, LoopEnd("a", 2, "at_most")),
    ],
)
def test_a_map_says_whether_items_were_left_out(items, counter, ended):
    graph = "[{map: a, over: params.items, at_most: 2, do: [x]}]"
    state = {"a": counter, "a.items": [] if counter is None else items}
    moved = at(graph, "a", state, params={"items": items})
    assert moved.loop_ends == (ended,)
    assert not moved.update.get("a.items")


def test_a_map_reads_its_items_when_it_is_entered_and_an_inner_one_reads_the_outer_item():
    graph = """
    - map: part
      over: tool.parts
      at_most: 9
      do:
        - {map: word, over: part.words, at_most: 9, do: [{when: word == "b", do: [x], else: [y]}]}
    """
    moved = begin(graph, {"parts": [{"words": []}, {"words": ["b"]}]})
    assert moved.goto == "x"
    assert moved.update == {
        "part.items": [{"words": []}, {"words": ["b"]}],
        "part": 1,
        "word.items": ["b"],
        "word": 0,
    }
    assert moved.loop_ends == (LoopEnd("word", 0, "items"),)


@pytest.mark.parametrize(("x", "y", "goto"), [(1, 1, "a"), (1, 2, "b"), (2, 1, "c"), (2, 2, "d")])
def test_nested_whens_lead_to_one_vertex(x, y, goto):
    graph = """
    - when: params.x == 1
      do: [{when: params.y == 1, do: [a], else: [b]}]
      else: [{when: params.y == 1, do: [c]}]
    - d
    """
    assert begin(graph, params={"x": x, "y": y}) == Transfer(goto, {}, ())


def test_bodies_without_a_vertex_run_out_of_passes():
    graph = "[{repeat: a, times: 3, do: [{when: a == 1, do: [x]}, y]}, z]"
    assert begin(graph, off=["x", "y"]) == Transfer("z", {"a": None}, (LoopEnd("a", 3, "times"),))


def test_what_is_not_there_reads_as_none():
    for condition in ["x.flag is None", "gone.flag is None", "l is None", "tool.key.below is None"]:
        graph = f"[{{when: {condition}, do: [x], else: [y]}}, {{repeat: l, times: 1, do: [z]}}]"
        assert begin(graph, {"name": "n"}, off=["gone"]).goto == "x"


def test_the_state_that_is_looked_at_stays_as_it_is():
    built = FlowBuilder.build(workflow("[{repeat: a, times: 2, do: [x]}]"))
    state = built.initial_state(None) | {"a": 0, "x.flag": [1]}
    before = dict(state)
    assert Router.transfer(built, AtHead("a"), state).update == {"a": 1, "x.flag": None}
    assert state == before


def test_a_condition_without_a_truth_value_names_its_place_and_the_counters():
    graph = "[{repeat: a, times: 3, do: [x, {repeat: b, while: x.flag, at_most: 3, do: [y]}]}]"
    with pytest.raises(ControlError) as caught:
        at(graph, "b", {"a": 2, "b": 0, "x.flag": "yes"})
    assert str(caught.value) == "tiny.yaml:3 `while` of b, a 2 b 0: `x.flag` gave 'yes', neither true nor false"


def test_a_condition_that_cannot_be_evaluated_names_its_place():
    with pytest.raises(ControlError) as caught:
        begin("[{when: params.n < 3, do: [x]}]", params={"n": "four"})
    expected = "tiny.yaml:1 `when`: `params.n < 3` `<` compares two numbers or two texts, not str and int"
    assert str(caught.value) == expected


def test_a_map_over_something_else_than_a_list_names_its_place():
    with pytest.raises(ControlError) as caught:
        begin("[{map: a, over: params.n, at_most: 3, do: [x]}]", params={"n": 4})
    assert str(caught.value) == "tiny.yaml:1 `over` of a: `params.n` gave 4, not a list"
