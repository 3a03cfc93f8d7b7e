from __future__ import annotations

import pytest

from ste_graph.diagnostics import Span
from ste_graph.language.blocks import Block, Map, NodeBlock, Repeat, When
from ste_graph.language.expressions.expression import Expression
from ste_graph.language.sections.scope import innermost_common_loop, list_positions, loops_around_nodes, positions_of

HERE = Span("w.yaml", 1, 1, 1)
YES = Expression("x.y")


def do(*names: str) -> tuple[Block, ...]:
    return tuple(NodeBlock(name, HERE) for name in names)


def available_at(node: str, *blocks: Block, **lives: str) -> list[set[str]]:
    """The nodes available at each position of a node; all live in the whole run unless `lives` says otherwise."""
    homes = dict.fromkeys(loops_around_nodes(blocks), "run") | lives
    return [set(position.available) for position in positions_of(node, list_positions(blocks, homes))]


@pytest.mark.parametrize(
    ("loops", "home"),
    [
        ([("a", "b", "c")], "c"),
        ([("a", "b", "c"), ("a", "b")], "b"),
        ([("a", "b"), ("a", "c")], "a"),
        ([("a",), ("b",)], "run"),
        ([()], "run"),
        ([], "run"),
    ],
)
def test_an_output_lives_in_the_innermost_loop_around_all_places(loops: list[tuple[str, ...]], home: str) -> None:
    assert innermost_common_loop(loops, "run") == home


def test_outputs_of_earlier_nodes_are_available() -> None:
    assert available_at("b", *do("a", "b", "b")) == [{"a"}, {"a", "b"}]


def test_only_outputs_of_both_branches_are_available_after_them() -> None:
    both = When(YES, do("a", "b"), do("a"), HERE)
    assert available_at("c", both, *do("c")) == [{"a"}]
    assert available_at("c", When(YES, do("a"), (), HERE), *do("c")) == [set()]


@pytest.mark.parametrize(
    ("loop", "available"),
    [
        (Repeat("l", do("a"), 2, "times", None, HERE), {"a"}),
        (Repeat("l", do("a"), 0, "times", None, HERE), set()),
        (Repeat("l", do("a"), 2, "until", YES, HERE), {"a"}),
        (Repeat("l", do("a"), 2, "while", YES, HERE), set()),
        (Map("l", YES, do("a"), 2, HERE), set()),
    ],
)
def test_after_a_loop_the_outputs_that_it_certainly_has_are_available(loop: Block, available: set[str]) -> None:
    assert available_at("b", loop, *do("b")) == [available]


def test_a_pass_forgets_what_lives_in_its_loop_or_in_one_inside_it() -> None:
    inner = Repeat("inner", do("b", "a"), 2, "times", None, HERE)
    outer = Repeat("outer", (*do("a"), inner), 2, "times", None, HERE)
    assert available_at("b", outer, a="outer", b="inner") == [{"a"}]
    assert available_at("a", outer, a="outer", b="inner") == [set(), {"a", "b"}]
    assert available_at("b", outer, a="inner", b="inner") == [set()]


def test_until_sees_what_its_pass_gave_and_while_does_not() -> None:
    for test, available in (("until", {"a"}), ("while", set())):
        loop = Repeat("l", do("a"), 2, test, YES, HERE)  # type: ignore[arg-type]
        (position,) = [position for position in list_positions([loop], {"a": "l"}) if position.block is loop]
        assert position.available == available
