import pickle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ste_graph.language.expressions.expression import Expression, ExpressionError
from ste_graph.language.expressions.types import BOOL


def test_an_expression_knows_the_dotted_names_it_reads() -> None:
    text = "not call.finished and len(tool.name) > params.least and 'call.no' != x"
    assert Expression(text).names == {"call.finished", "tool.name", "params.least", "x"}


def test_expressions_of_the_same_text_are_equal_and_survive_pickling() -> None:
    expression = Expression("a.b == 1")
    assert {expression, Expression("a.b == 1"), pickle.loads(pickle.dumps(expression))} == {expression}
    assert expression != Expression("a.b == 2")
    assert str(expression) == "a.b == 1"


@pytest.mark.parametrize("value", [3, -2.5, True, False, None, [], ["a", 1, None], [[-1]]])
def test_a_plain_yaml_value_is_a_constant(value: object) -> None:
    expression = Expression.from_value(value)
    assert expression.names == frozenset()
    assert expression.evaluate({}.__getitem__) == value
    assert expression.check({})[1] == []


def test_a_yaml_text_is_parsed() -> None:
    assert Expression.from_value("params.turns") == Expression("params.turns")


def test_a_mapping_is_not_an_expression() -> None:
    with pytest.raises(ExpressionError, match="not a mapping"):
        Expression.from_value({"a": 1})


@settings(deadline=None)
@given(st.text(max_size=60) | st.text("abn ().,[]<>=!+-*/%'\"{}\\&|:;#@_0123456789eijoxlamdr\t\n", max_size=40))
def test_any_text_is_an_expression_or_an_expression_error(text: str) -> None:
    error = None
    try:
        expression = Expression(text)
        expression.check({}, BOOL)
        expression.evaluate(lambda name: [name])
    except ExpressionError as raised:
        error = raised
    assert error is None or (error.message and 0 <= error.start <= error.end <= len(text))


values = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3) | st.lists(st.integers(), max_size=2)
)
atoms = st.sampled_from(["a", "b", "a.b", "1", "-2.5", "4611686018427387904", "'x'", "None", "True", "[1, 'x']"])
signs = st.sampled_from(["and", "or", "==", "!=", "<", ">=", "in", "not in", "+", "-", "*"])


def compound(inside: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return (
        st.builds("({} {} {})".format, inside, signs, inside)
        | st.builds("not {}".format, inside)
        | st.builds("({} is None)".format, inside)
        | st.builds("{}({})".format, st.sampled_from(["len", "abs"]), inside)
        | st.builds("max({}, {})".format, inside, inside)
    )


@settings(deadline=None)
@given(st.recursive(atoms, compound, max_leaves=8), st.fixed_dictionaries(dict.fromkeys(("a", "b", "a.b"), values)))
def test_evaluating_any_legal_expression_over_any_values_gives_a_value_or_an_expression_error(
    text: str, known: dict[str, object]
) -> None:
    error = None
    try:
        Expression(text).evaluate(known.__getitem__)
    except ExpressionError as raised:
        error = raised
    assert error is None or 0 <= error.start < error.end <= len(text)
