import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ste_graph.diagnostics import Span
from ste_graph.language.source.document import (
    DocumentLoader,
    MappingEntry,
    MappingNode,
    ScalarNode,
    SequenceNode,
    Tree,
)
from ste_graph.language.source.tree import Step

HERE = Span("x", 9, 9, 1)
TREE = DocumentLoader.parse(
    """\
nodes:
  call: {use: call, talk: "a b"}
graph:
  - call
  - {repeat: turn, at_most: 4}
""",
    "w.yaml",
)


def place(span: Span) -> tuple[int, int, int]:
    return span.line, span.column, span.length


def test_values_are_reached_by_keys_and_indices() -> None:
    found = TREE.at(["graph", 1, "at_most"])
    assert found is not None
    assert found.to_plain() == 4
    assert TREE.at([]) is TREE
    for path in (["graph", 2], ["graph", "1"], ["graph", -1], ["nodes", 0], ["nodes", "call", "use", "x"]):
        assert TREE.at(path) is None


def test_the_place_of_a_path_is_that_of_its_value_its_key_or_the_nearest_key_above() -> None:
    assert place(TREE.span_of(["nodes", "call", "use"])) == (2, 15, 4)
    assert place(TREE.span_of(["nodes", "call", "use"], key=True)) == (2, 10, 3)
    assert place(TREE.span_of(["nodes", "call"])) == (2, 9, 24)
    assert place(TREE.span_of(["nodes", "call", "prompt", "x"])) == (2, 3, 4)
    assert place(TREE.span_of(["graph", 1])) == (5, 5, 26)
    assert place(TREE.span_of(["graph"])) == (4, 3, 1)
    assert place(TREE.span_of(["nope"])) == (1, 1, 5)


def test_a_part_of_a_text_has_its_own_place_where_the_source_spells_it_out() -> None:
    tree = DocumentLoader.parse("""a: x == y\nb: "x == y"\nc: 'it''s y'\nd: >\n  x == y\n""", "w.yaml")
    parts = {
        key: place(entry.value.part_span(5, 6))
        for key, entry in tree.entries.items()
        if isinstance(entry.value, ScalarNode)
    }
    assert parts == {"a": (1, 9, 1), "b": (2, 10, 1), "c": (3, 4, 9), "d": (4, 4, 1)}


def test_a_change_makes_a_copy_and_leaves_the_original() -> None:
    before = TREE.to_plain()
    new = ScalarNode("off", HERE)
    assert TREE.with_value(["graph", 1, "at_most"], new).to_plain()["graph"][1] == {"repeat": "turn", "at_most": "off"}
    changed = TREE.with_value(["budget", "model_calls"], ScalarNode(5, HERE))
    assert changed.to_plain() == {**before, "budget": {"model_calls": 5}}
    assert changed.span_of(["budget"], key=True) == HERE
    assert TREE.with_value(["nodes", "call"], new).span_of(["nodes", "call"]) == HERE
    assert TREE.to_plain() == before


def test_an_entry_or_item_can_be_left_out() -> None:
    assert TREE.without(["nodes", "call", "talk"]).to_plain()["nodes"] == {"call": {"use": "call"}}
    assert TREE.without(["graph", 0]).to_plain()["graph"] == [{"repeat": "turn", "at_most": 4}]
    assert list(TREE.without(["nodes"]).entries) == ["graph"]


@pytest.mark.parametrize("path", [["graph", 7], ["graph", "x"], ["nodes", "call", "use", "x"], ["nodes", 0]])
def test_a_missing_path_can_neither_be_changed_nor_left_out(path: list[Step]) -> None:
    with pytest.raises(KeyError):
        TREE.with_value(path, ScalarNode(1, HERE))
    with pytest.raises(KeyError):
        TREE.without(path)


def larger_trees(inside: st.SearchStrategy[Tree]) -> st.SearchStrategy[Tree]:
    mapping = st.dictionaries(st.text("abc", min_size=1, max_size=2), inside, max_size=3)
    return st.lists(inside, max_size=3).map(lambda items: SequenceNode(tuple(items), HERE)) | mapping.map(
        lambda items: MappingNode({key: MappingEntry(HERE, value) for key, value in items.items()}, HERE)
    )


trees = st.recursive(st.integers().map(lambda number: ScalarNode(number, HERE)), larger_trees, max_leaves=10)
paths = st.lists(st.text("abc", min_size=1, max_size=2) | st.integers(0, 2), min_size=1, max_size=4)


@settings(deadline=None)
@given(trees, paths, trees)
def test_a_value_put_at_a_path_is_found_there_and_can_be_left_out(
    start: Tree, path: list[str | int], new: Tree
) -> None:
    tree = MappingNode({"a": MappingEntry(HERE, start)}, HERE)
    try:
        changed = tree.with_value(path, new)
    except KeyError:
        return
    assert changed.at(path) == new
    if isinstance(path[-1], str):
        assert changed.without(path).at(path) is None
