import pytest
from hypothesis import given
from hypothesis import strategies as st

from ste_graph.tools.arguments import ArgumentChecker

SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "required": ["date", "days"],
    "properties": {
        "date": {"type": "string", "format": "date", "examples": ["2024-02-28"]},
        "days": {"type": "integer", "minimum": 1},
        "how": {"enum": ["fast", "slow"]},
        "when": {"type": "string", "format": "date-time"},
        "at": {"type": "string", "format": "time"},
        "code": {"type": "string", "pattern": "^[A-Z]+$", "maxLength": 3},
        "note": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        "places": {"type": "array", "items": {"$ref": "#/$defs/Place"}},
        "shape": {"anyOf": [{"$ref": "#/$defs/Place"}, {"type": "null"}]},
    },
    "$defs": {
        "Place": {
            "type": "object",
            "properties": {"name": {"type": "string"}, "heights": {"type": "array", "items": {"type": "number"}}},
            "required": ["name"],
            "additionalProperties": False,
        }
    },
}
RIGHT = {"date": "2024-02-29", "days": 3}


def lines(arguments, schema=SCHEMA):
    first, *rest = ArgumentChecker("add_days", schema).problem(arguments).splitlines()
    assert first == "Invalid arguments for `add_days`:"
    return rest


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"days": 3.0},
        {"when": "2024-02-29T10:00:00Z", "at": "10:30"},
        {"note": None, "shape": {"name": "Ulm"}, "places": [{"name": "Ulm", "heights": [1, 2.5]}]},
    ],
)
def test_right_arguments_have_no_problem(more):
    assert ArgumentChecker("add_days", SCHEMA).problem(RIGHT | more) is None


@pytest.mark.parametrize(
    ("wrong", "line"),
    [
        ({"days": "ninety"}, '- `days`: expected integer; got "ninety"'),
        ({"days": 0}, "- `days`: expected at least 1; got 0"),
        ({"days": True}, "- `days`: expected integer; got true"),
        (
            {"date": "2024-02-30"},
            '- `date`: expected string (date, YYYY-MM-DD), such as "2024-02-28"; got "2024-02-30"',
        ),
        ({"date": "20240228"}, '- `date`: expected string (date, YYYY-MM-DD), such as "2024-02-28"; got "20240228"'),
        ({"when": "2024-02-28"}, '- `when`: expected string (date-time, YYYY-MM-DDTHH:MM:SS); got "2024-02-28"'),
        ({"at": "noon"}, '- `at`: expected string (time, HH:MM:SS); got "noon"'),
        ({"how": "fats"}, '- `how`: expected one of "fast", "slow"; got "fats"'),
        ({"code": "abc"}, '- `code`: expected text that matches the pattern ^[A-Z]+$; got "abc"'),
        ({"code": "ABCD"}, '- `code`: expected at most 3 characters; got "ABCD"'),
        ({"note": 1.5}, "- `note`: expected string or null; got 1.5"),
        ({"places": [{"name": "Ulm"}, {"name": []}]}, "- `places[1].name`: expected string; got []"),
        ({"places": [{"heights": []}]}, "- `places[0].name`: required, but missing; expected string"),
        ({"shape": {"name": 3}}, "- `shape.name`: expected string; got 3"),
        ({"shape": 3}, "- `shape`: expected Place or null; got 3"),
        (
            {"dates": 1},
            "- `dates`: unknown argument; did you mean `date`? "
            "allowed: at, code, date, days, how, note, places, shape, when",
        ),
    ],
)
def test_a_wrong_argument_is_named_with_what_was_expected(wrong, line):
    assert lines(RIGHT | wrong) == [line]


def test_the_faults_inside_the_option_that_was_meant_are_reported():
    assert lines(RIGHT | {"shape": {"nam": "Ulm"}}) == [
        "- `shape.name`: required, but missing; expected string",
        "- `shape.nam`: unknown argument; did you mean `name`? allowed: heights, name",
    ]


def test_all_faults_are_reported_at_once_with_missing_arguments():
    assert lines({"how": 1}) == [
        '- `date`: required, but missing; expected string (date, YYYY-MM-DD), such as "2024-02-28"',
        "- `days`: required, but missing; expected integer",
        '- `how`: expected one of "fast", "slow"; got 1',
    ]
    assert lines({f"x{i}": 1 for i in range(20)}, {"type": "object", "additionalProperties": False})[9:] == [
        "- `x17`: unknown argument; it takes no arguments",
        "- and 10 more",
    ]


CARD = {"type": "object", "properties": {"number": {"type": "string"}}}
BANK = {"type": "object", "properties": {"iban": {"type": "string"}}}


@pytest.mark.parametrize(
    ("schema", "value", "line"),
    [
        (
            {"properties": {"s": {"oneOf": [CARD, BANK]}}},
            {"s": {"number": "1"}},
            "- `s`: expected a value that only one of the variants fits; these fit: object (number) and object (iban); "
            'got {"number": "1"}',
        ),
        (
            {"properties": {"s": {"anyOf": [CARD, {"type": "integer"}]}}},
            {"s": "x"},
            '- `s`: expected object (number) or integer; got "x"',
        ),
        (
            {"properties": {"flag": {"type": "boolean", "examples": [1]}}},
            {"flag": 1},
            "- `flag`: expected boolean; got 1",
        ),
        (
            {"properties": {"flag": {"type": "boolean", "examples": [1, True]}}},
            {"flag": 1},
            "- `flag`: expected boolean, such as true; got 1",
        ),
        (
            {"properties": {"a": {"type": "string"}, "b": {}}, "dependentRequired": {"b": ["a"]}},
            {"b": "x"},
            "- `a`: required where `b` is given, but missing; expected string",
        ),
        ({"dependencies": {"b": ["a", "c"]}}, {"b": 1, "c": 1}, "- `a`: required where `b` is given, but missing"),
        (
            {"patternProperties": {"^x-": {}}, "additionalProperties": False},
            {"y": 1, "x-y": 1},
            "- `y`: unknown argument; allowed: names that match `^x-`",
        ),
        (
            {"properties": {"n": {}}, "patternProperties": {"^x-": {}}, "additionalProperties": False},
            {"y": 1},
            "- `y`: unknown argument; allowed: n, and names that match `^x-`",
        ),
        (
            {"properties": {"s": {"uniqueItems": True}}},
            {"s": [1, 1.0]},
            "- `s`: expected items that all differ; got [1, 1.0]",
        ),
        (
            {"properties": {"s": {"contains": {"type": "string"}}}},
            {"s": [1]},
            "- `s`: expected at least one item that is string; got [1]",
        ),
        ({"properties": {"s": {"not": {"const": 0}}}}, {"s": 0}, "- `s`: expected anything but 0; got 0"),
        ({"properties": {"s": False}}, {"s": 0}, "- `s`: not allowed here; leave it out"),
        (
            {"properties": {"s": {"prefixItems": [{}], "items": False}}},
            {"s": [1, 2]},
            "- `s`: expected no more than 1 items; got [1, 2]",
        ),
        (
            {"properties": {"s": {"enum": list(range(40))}}},
            {"s": -1},
            f"- `s`: expected one of {', '.join(map(str, range(25)))} and 15 more; got -1",
        ),
    ],
)
def test_a_message_says_what_can_be_done(schema, value, line):
    assert lines(value, schema) == [line]


def test_the_option_that_was_meant_is_told_by_a_constant_member():
    kinds = [
        {
            "type": "object",
            "properties": {"kind": {"const": "card"}, "number": {"type": "string"}},
            "required": ["kind", "number"],
        },
        {
            "type": "object",
            "properties": {"kind": {"enum": ["bank", "giro"]}, "iban": {"type": "string"}},
            "required": ["kind", "iban"],
        },
        {"type": "string"},
    ]
    schema = {"properties": {"pay": {"oneOf": kinds}}}
    assert lines({"pay": {"kind": "giro", "iban": 1.5}}, schema) == ["- `pay.iban`: expected string; got 1.5"]
    assert lines({"pay": {"kind": "bank"}}, schema) == ["- `pay.iban`: required, but missing; expected string"]
    assert lines({"pay": {"kind": "cash"}}, schema) == [
        '- `pay.kind`: expected one of "card", "bank", "giro"; got "cash"'
    ]
    assert lines({"pay": 3}, schema) == [
        "- `pay`: expected object (kind, number) or object (iban, kind) or string; got 3"
    ]


@pytest.mark.parametrize(("value", "shown"), [(None, "null"), ([1], "[1]"), ("x", '"x"')])
def test_arguments_that_are_not_an_object_are_refused(value, shown):
    assert lines(value) == [f"- the arguments must be one JSON object; got {shown}"]


BROKEN = {
    "type": ({"type": "objekt"}, 'is not valid JSON Schema at `type`, "objekt", which is left out'),
    "type of a part": ({"properties": {"a": {"type": "str"}}}, "at `properties.a.type`"),
    "required": ({"required": None}, "at `required`, null"),
    "items": ({"properties": {"a": {"items": None}}}, "at `properties.a.items`"),
    "properties": ({"properties": None}, "at `properties`, null"),
    "a property": ({"properties": {"a": None}}, "at `properties.a`, null"),
    "pattern": ({"properties": {"a": {"pattern": 5}}}, "at `properties.a.pattern`"),
    "bound": ({"properties": {"a": {"minLength": "2"}}}, "at `properties.a.minLength`"),
    "option": ({"anyOf": [{"type": "object"}, {"type": 5}]}, "at `anyOf.1.type`"),
    "definition": ({"$defs": {"A": {"required": "a"}}}, "at `$defs.A.required`"),
    "schema among dependencies": ({"dependencies": {"a": {"type": 5}}}, "at `dependencies.a`"),
    "reference within": ({"properties": {"a": {"$ref": "#/$defs/Gone"}}}, "`#/$defs/Gone` describes"),
    "reference outside": ({"properties": {"a": {"$ref": "http://localhost:9/x.json"}}}, "leads nowhere"),
    "reference that is no text": ({"properties": {"a": {"$ref": 5}}}, "`5` describes"),
    "dynamic reference": ({"properties": {"a": {"$dynamicRef": "#gone"}}}, "`#gone` describes"),
    "unreadable pattern": ({"properties": {"a": {"pattern": "(?<x"}}}, "the pattern `(?<x`: it cannot be read"),
    "long pattern": ({"properties": {"a": {"pattern": "a|" * 2000}}}, "it has more than 2,000 characters"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_of_a_broken_schema_only_the_broken_keyword_is_left_out_and_named(name):
    schema, fault = BROKEN[name]
    whole = {"allOf": [schema, {"properties": {"n": {"type": "integer"}}}]}
    checker = ArgumentChecker("t", whole)
    assert checker.problem({"a": "b", "n": 3}) is None
    assert lines({"a": "b", "n": "many"}, whole) == ['- `n`: expected integer; got "many"']
    assert len(checker.faults) == 1
    assert fault.replace("at `", "at `allOf.0.") in checker.faults[0]
    assert checker.problem({"a": "b", "n": 3}) is None
    assert len(checker.faults) == 1


@pytest.mark.parametrize("note", ["$schema", "$id", "title", "description", "deprecated", "examples"])
def test_a_broken_note_of_a_schema_is_no_fault(note):
    checker = ArgumentChecker("t", {"properties": {"n": {"type": "integer", note: {}}}, note: []})
    assert checker.problem({"n": "many"}) is not None
    assert checker.faults == ()


@pytest.mark.parametrize(
    ("schema", "fault"),
    [
        ([1, 2], "the schema of `t` is not a JSON Schema but list; the arguments are not checked"),
        ({"$ref": "#/description", "description": "x"}, "the arguments of `t` were not checked by its schema, which"),
        (
            {"enum": ["x" * 300_000]},
            "the schema of `t` has more than 200,000 characters; the arguments are not checked",
        ),
    ],
)
def test_a_hopeless_schema_is_named_and_lets_the_call_through(schema, fault):
    checker = ArgumentChecker("t", schema)
    assert checker.problem({"a": "b"}) is None
    assert checker.problem({"a": "b"}) is None
    assert len(checker.faults) == 1
    assert checker.faults[0].startswith(fault)


DRAFTS = {
    4: "http://json-schema.org/draft-04/schema#",
    6: "http://json-schema.org/draft-06/schema#",
    7: "http://json-schema.org/draft-07/schema#",
    2019: "https://json-schema.org/draft/2019-09/schema",
    2020: "https://json-schema.org/draft/2020-12/schema",
}
BOUND = {"properties": {"n": {"type": "number", "minimum": 0, "exclusiveMinimum": True}}}
PAIR = {"properties": {"p": {"type": "array", "items": [{"type": "number"}, {"type": "string"}]}}}
TOGETHER = {"dependencies": {"b": ["a"]}}
TREE = {
    "properties": {"t": {"$ref": "#/definitions/T"}},
    "definitions": {"T": {"properties": {"n": {"type": "integer"}, "t": {"$ref": "#/definitions/T"}}}},
}
DYNAMIC = {"properties": {"t": {"$recursiveRef": "#"}, "n": {"type": "integer"}}}


@pytest.mark.parametrize(
    ("draft", "schema", "right", "wrong"),
    [
        (4, BOUND, {"n": 0.5}, {"n": 0}),
        (None, BOUND, {"n": 0.5}, {"n": 0}),
        (7, PAIR, {"p": [1, "x"]}, {"p": ["x"]}),
        (4, PAIR, {"p": [1, "x"]}, {"p": ["x"]}),
        (2019, PAIR, {"p": [1, "x"]}, {"p": ["x"]}),
        (None, PAIR, {"p": [1, "x"]}, {"p": ["x"]}),
        (2020, {"properties": {"p": {"prefixItems": [{"type": "number"}]}}}, {"p": [1, "x"]}, {"p": ["x"]}),
        (7, TOGETHER, {"b": 1, "a": 1}, {"b": 1}),
        (2020, TOGETHER, {"b": 1, "a": 1}, {"b": 1}),
        (None, TOGETHER, {"b": 1, "a": 1}, {"b": 1}),
        (6, TREE, {"t": {"t": {"n": 1}}}, {"t": {"t": {"n": "x"}}}),
        (2019, DYNAMIC, {"t": {"n": 1}}, {"t": {"n": "x"}}),
        (7, {"properties": {"n": {"if": {"minimum": 5}, "then": {"multipleOf": 2}}}}, {"n": 6}, {"n": 7}),
    ],
)
def test_a_schema_is_checked_by_its_own_dialect(draft, schema, right, wrong):
    checker = ArgumentChecker("t", schema | ({"$schema": DRAFTS[draft]} if draft else {}))
    assert checker.problem(right) is None
    assert checker.problem(wrong) is not None
    assert checker.faults == ()


def test_a_dialect_that_is_named_further_inside_is_not_taken():
    inner = {"$schema": DRAFTS[7], "pattern": "^(a|aa)+$"}
    checker = ArgumentChecker("t", {"properties": {"a": inner, "b": {"$ref": "#/properties/a"}}})
    assert checker.problem({"b": "a" * 60 + "!"}) is None
    assert "it takes too long on 61 characters" in checker.faults[0]


@pytest.mark.parametrize(
    ("step", "right", "wrong"),
    [
        (0.01, [19.99, 0.29, 1.1, 100, 4.35, 1e15], [0.005, 19.999, float("inf"), float("nan")]),
        (0.1, [0.3, 0.7, 1e22], [0.25]),
        (1e-8, [12391239123.00000001 // 1, 0.00000003], [0.000000015]),
        (2, [4, 4.0, 10**30], [3, 3.0]),
    ],
)
def test_multiples_are_counted_in_decimals(step, right, wrong):
    checker = ArgumentChecker("t", {"properties": {"n": {"multipleOf": step}}})
    assert [value for value in right if checker.problem({"n": value})] == []
    assert [value for value in wrong if not checker.problem({"n": value})] == []


def test_a_pattern_of_ecmascript_is_understood():
    schema = {"properties": {"a": {"pattern": r"^(?<year>\d{4})$"}, "b": {"pattern": r"^\p{Lu}+$"}}}
    assert ArgumentChecker("t", schema).problem({"a": "2024", "b": "ÄÖ"}) is None
    assert len(lines({"a": "24", "b": "ä"}, schema)) == 2


@pytest.mark.filterwarnings("error")
def test_a_pattern_that_python_finds_odd_is_used_without_a_warning():
    assert len(lines({"a": "x"}, {"properties": {"a": {"pattern": "[[a]&&b]+"}}})) == 1


def test_arguments_nested_without_end_are_refused():
    nested: dict = {}
    for _ in range(3000):
        nested = {"a": nested}
    schema = {"$ref": "#/$defs/T", "$defs": {"T": {"additionalProperties": {"$ref": "#/$defs/T"}}}}
    assert lines(nested, schema) == ["- the arguments are nested too deeply"]
    assert lines({"x": nested}, {"additionalProperties": False}) == ["- `x`: unknown argument; it takes no arguments"]
    assert lines({"x": nested}, {"properties": {"x": {"enum": [1]}}}) == ["- the arguments are nested too deeply"]
    assert lines([nested]) == ["- the arguments must be one JSON object; got a value that is nested too deeply"]
    assert ArgumentChecker("t", nested).problem({}) is None


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_any_arguments_give_a_text_or_none(arguments):
    problem = CHECKED.problem(arguments)
    assert problem is None or problem.startswith("Invalid arguments for `add_days`:\n- ")


CHECKED = ArgumentChecker("add_days", SCHEMA)
