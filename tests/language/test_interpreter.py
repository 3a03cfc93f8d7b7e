import pytest

from ste_graph.language.expressions.expression import Expression, ExpressionError

VALUES = {
    "call.finished": False,
    "call.action": None,
    "params.turns": 4,
    "tool.name": "weather",
    "seen": ["a", 1],
    "huge": 2**63,
    "record": {"a": 1},
}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("not call.finished", True),
        ("call.finished or params.turns > 3", True),
        ("call.finished and nope", False),
        ("call.action is None or call.action < 1", True),
        ("call.action is not None", False),
        ("1 < params.turns < 4", False),
        ("params.turns * 2 - 1", 7),
        ("-params.turns + 0.5", -3.5),
        ("'eat' in tool.name and 'x' not in tool.name", True),
        ("1 in seen and 'b' not in seen", True),
        ("len(tool.name) + len(seen) + len(record)", 10),
        ("max(params.turns, 9) - min(1, 2, 3) + abs(-1)", 9),
        ("tool.name < 'x'", True),
        ("tool.name != 'x' and params.turns == 4.0", True),
        ("['a', [1, -2]]", ["a", [1, -2]]),
    ],
)
def test_a_value(text: str, value: object) -> None:
    assert Expression(text).evaluate(VALUES.__getitem__) == value


@pytest.mark.parametrize(
    ("text", "message", "at"),
    [
        ("nope", "unknown name `nope`", "nope"),
        ("not tool.name", "`tool.name` must be a bool, but is str", "tool.name"),
        ("call.finished or call.action", "`call.action` must be a bool, but is null", "call.action"),
        ("tool.name * 3", "`tool.name` must be a number, but is str", "tool.name"),
        ("call.finished + 1", "`call.finished` must be a number, but is bool", "call.finished"),
        ("call.action < 1", "`<` compares two numbers or two texts, not null and int", "call.action"),
        ("1 < tool.name", "`<` compares two numbers or two texts, not int and str", "tool.name"),
        ("1 in tool.name", "`in` needs a list, or a str on both sides, not str", "tool.name"),
        ("1 in record", "`in` needs a list, or a str on both sides, not object", "record"),
        ("len(params.turns)", "`len` needs a str, list or object, not int", "params.turns"),
        ("huge - 1", "the number is too large", "huge"),
        ("4611686018427387904 * 2", "the result of `*` is too large", "4611686018427387904 * 2"),
        ("1e308 * 10", "the result of `*` is too large", "1e308 * 10"),
    ],
)
def test_a_fault_is_an_expression_error_at_its_operand(text: str, message: str, at: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        Expression(text).evaluate(VALUES.__getitem__)
    assert (str(caught.value), text[caught.value.start : caught.value.end]) == (message, at)


def test_values_that_are_not_needed_are_not_looked_up() -> None:
    read: list[str] = []
    Expression("a.b and c.d").evaluate(lambda name: bool(read.append(name)))
    assert read == ["a.b"]
