import pytest

from ste_graph.language.expressions.expression import Expression
from ste_graph.language.expressions.types import ANY, BOOL, INT, LIST, NUMBER, OBJECT, STR, Type

SCOPE = {
    "call.finished": BOOL,
    "call.action": STR.with_null,
    "call.score": NUMBER.with_null,
    "params.turns": INT,
    "tool": OBJECT,
    "tool.name": STR,
    "seen": LIST,
    "raw": ANY,
}


def faults(text: str, expected: Type | None = BOOL) -> list[str]:
    return [error.message for error in Expression(text).check(SCOPE, expected)[1]]


@pytest.mark.parametrize(
    "text",
    [
        "not call.finished",
        "call.action == 'x' or call.action != None",
        "call.score is None or call.score < 0.5",
        "call.score is not None and -call.score + 1 < params.turns",
        "not (call.score is None) and call.score < 1",
        "call.finished or call.score is None or call.score > 1",
        "not (call.score is None or call.finished) and call.score > 1",
        "call.score is not None and (call.finished or call.score > 1)",
        "'x' in tool.name and call.action in ['a', 'b'] and call.action not in seen",
        "0 < params.turns <= 4",
        "len(seen) > len(tool.name) - len(tool)",
        "max(params.turns, 1.5, abs(-2)) >= 2",
        "raw and raw > 2 and raw == 'x' and raw in raw",
    ],
)
def test_a_sound_condition_has_no_fault(text: str) -> None:
    assert faults(text) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("params.turns", "`params.turns` must be bool, but is int"),
        ("call.finished and params.turns", "`params.turns` must be bool, but is int"),
        ("not tool.name", "`tool.name` must be bool, but is str"),
        ("call.score < 1", "`call.score` may be null, but must be number or str for `<`"),
        ("call.score is None and call.score < 1", "`call.score` may be null, but must be number or str for `<`"),
        ("call.score < 1 or call.score is None", "`call.score` may be null, but must be number or str for `<`"),
        ("(call.score is not None or call.finished) and call.score < 1",
         "`call.score` may be null, but must be number or str for `<`"),
        ("call.finished < 1", "`call.finished` must be number or str for `<`, but is bool"),
        ("params.turns < 'a'", "`params.turns` is int and cannot be compared with str"),
        ("tool.name == 3", "`tool.name` is str and never equals int"),
        ("tool.name * 3 == 1", "`tool.name` must be number for `*`, but is str"),
        ("tool.name + 'x' == 'ax'", "`tool.name` must be number for `+`, but is str"),
        ("3 in tool.name", "`3` must be str before `in` and a str, but is int"),
        ("3 in params.turns", "`params.turns` must be str or list after `in`, but is int"),
        ("len(params.turns) > 1", "`params.turns` must be str or list or object for `len`, but is int"),
        ("abs(None) > 1", "`None` must be number for `abs`, but is null"),
    ],
)  # fmt: skip
def test_faults_are_found_before_anything_runs(text: str, message: str) -> None:
    assert message in faults(text)


def test_an_unknown_name_gets_the_nearest_and_all_known_ones() -> None:
    (error,) = Expression("not call.finnished").check(SCOPE, BOOL)[1]
    assert (error.message, error.start, error.end) == ("unknown name `call.finnished`", 4, 18)
    assert error.suggestion == "call.finished"
    assert error.expected == "`call` has: action, finished, score"


def test_a_mistyped_root_is_suggested_with_its_rest() -> None:
    (error,) = Expression("param.turns > 1").check(SCOPE)[1]
    assert (error.suggestion, error.expected) == ("params.turns", "known here: call, params, raw, seen, tool")


def test_a_node_has_no_value_of_its_own() -> None:
    (error,) = Expression("call is None").check(SCOPE)[1]
    assert (error.message, error.expected) == ("`call` has no value of its own", "`call` has: action, finished, score")


def test_a_fault_says_that_nothing_is_known() -> None:
    (error,) = Expression("x").check({})[1]
    assert (error.suggestion, error.expected) == (None, "known here: nothing")


def test_all_faults_are_found_at_once() -> None:
    assert faults("nope and params.turns and also.nope") == [
        "unknown name `nope`",
        "`params.turns` must be bool, but is int",
        "unknown name `also.nope`",
    ]


@pytest.mark.parametrize(
    ("text", "found"),
    [("params.turns + 1", INT), ("params.turns * 1.0", NUMBER), ("-params.turns", INT), ("len(seen)", INT),
     ("max(1, 2)", INT), ("['a']", LIST), ("'a'", STR), ("1 < 2", BOOL), ("call.action", STR.with_null), ("nope", ANY)],
)  # fmt: skip
def test_the_type_of_an_expression(text: str, found: Type) -> None:
    assert Expression(text).check(SCOPE)[0] == found
