import re

from hypothesis import given
from hypothesis import strategies as st

from ste_graph.tools.names import legal_name, legal_names, rename_repeats
from ste_graph.tools.python.function import FunctionTool

NAMES = st.sampled_from(["a", "a_2", "a_3", "b", "x" * 64, "x" * 63])


def named(name: str) -> FunctionTool:
    def function() -> None:
        """Do it."""

    return FunctionTool.of(name, function, "read")


def test_the_first_keeps_its_name_and_no_name_is_taken_twice():
    tools = [named(name) for name in ("look", "look", "look_2", "look")]
    assert [tool.name for tool in rename_repeats(tools)] == ["look", "look_3", "look_2", "look_4"]


@given(st.lists(NAMES, max_size=12))
def test_names_are_unique_and_legal_and_tools_stay_in_order(names):
    tools = [named(name) for name in names]
    renamed = rename_repeats(tools)
    found = [tool.name for tool in renamed]
    assert len(set(found)) == len(found) == len(names)
    assert all(re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", name) for name in found)
    assert [getattr(tool, "tool", tool) for tool in renamed] == tools


@given(st.lists(st.sampled_from(["a b", "a.b", "a_b", "a_b_2", "a_b_3", "x" * 63, "x" * 64, "x" * 65, "x" * 66])))
def test_no_tool_is_shown_under_the_name_of_another(names):
    shown = legal_names(names)
    assert len(set(shown)) == len(names)
    assert all(re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", name) for name in shown)
    assert all(name == own for name, own in zip(shown, names, strict=True) if name in names and names.count(name) == 1)


@given(st.text(max_size=100))
def test_every_name_has_a_legal_form(name):
    assert re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", legal_name(name))
