"""The text protocol: what is read, what is repaired, and what a malformed reply is answered."""

import json
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ste_graph.protocols.next_step import Action, FinalAnswer, Malformed
from ste_graph.protocols.react import parse, render

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
arguments = st.dictionaries(st.text(), values, max_size=5)
names = st.from_regex(r"[A-Za-z0-9_]([A-Za-z0-9_%. -]{0,30}[A-Za-z0-9_])?", fullmatch=True)
thoughts = (
    st.text(st.characters(exclude_categories=["C", "Z"]) | st.just(" "))
    .map(str.strip)
    .filter(lambda text: ":" not in text and "\uff1a" not in text)
)


@given(thoughts, names, arguments)
def test_what_is_rendered_is_read_back_as_it_was(thought: str, name: str, arguments: dict[str, Any]) -> None:
    assert parse(render(thought, name, arguments)) == Action(thought, name, arguments)


@given(arguments)
def test_nested_arguments_in_doubled_braces_are_read_as_they_were(arguments: dict[str, Any]) -> None:
    def doubled(value: Any) -> str:
        match value:
            case dict():
                inner = ", ".join(f"{json.dumps(key)}: {doubled(item)}" for key, item in value.items())
                return "{{" + inner + "}}"
            case list():
                return "[" + ", ".join(map(doubled, value)) + "]"
        return json.dumps(value)

    read = parse(f"Action: look\nAction Input: {doubled(arguments)}")
    assert read == Action("", "look", arguments, ("doubled braces",))


printable = st.text(st.characters(min_codepoint=32, max_codepoint=126))
plain = st.dictionaries(
    printable, printable | st.booleans() | st.none() | st.lists(printable | st.integers(), max_size=3)
)


@given(plain)
def test_arguments_written_as_python_are_read_as_they_were(arguments: dict[str, Any]) -> None:
    match parse(f"Action: look\nAction Input: {arguments!r}"):
        case Action(arguments=read):
            assert read == arguments
        case other:
            pytest.fail(f"not read: {other}")


marked = st.lists(
    st.sampled_from(
        [
            "Thought:",
            "Action:",
            "Action Input:",
            "Final Answer:",
            "Observation:",
            "\n",
            " ",
            "{",
            "}",
            "[",
            "]",
            '"',
            "'",
            ",",
            ":",
            "\\",
            "```",
            "True",
            "None",
            "1",
            "1e999",
            "NaN",
            "\\ud800",
            "search",
            "(",
            ")",
            "**",
        ]
    )
    | st.text(max_size=5),
    max_size=40,
).map("".join)


@settings(max_examples=500)
@given(st.text() | marked)
@example('Action: a\nAction Input: {"a":' + "[" * 50_000)
@example("Action: a\nAction Input: " + "{" * 50_000)
@example('Action: a\nAction Input: {"a": ' + "9" * 5_000 + "}")
def test_no_text_raises_and_what_is_read_is_plain_json(text: str) -> None:
    match parse(text):
        case Action(name=name, arguments=arguments):
            assert name
            assert json.loads(json.dumps(arguments, allow_nan=False)) == arguments
        case FinalAnswer(text=answer):
            assert answer
        case Malformed(problem=problem):
            assert problem.endswith(".")


@pytest.mark.parametrize(
    ("action_input", "arguments", "repairs"),
    [
        ('{"a": 1}', {"a": 1}, ()),
        ("{}", {}, ()),
        ('{"a": {"b": {"c": []}}}', {"a": {"b": {"c": []}}}, ()),
        ('{\n  "a": 1,\n  "b": "x"\n}', {"a": 1, "b": "x"}, ()),
        ('{"a": 1}\nObservation', {"a": 1}, ()),
        ('{"a": 1,}', {"a": 1}, ("trailing comma",)),
        ('{"a": [1, 2,],}', {"a": [1, 2]}, ("trailing comma",)),
        ('{"a": "1,}",}', {"a": "1,}"}, ("trailing comma",)),
        ('{{"a": 1}}', {"a": 1}, ("doubled braces",)),
        ('{{"a": {{"b": 1}}, "c": {"d": 2}}}', {"a": {"b": 1}, "c": {"d": 2}}, ("doubled braces",)),
        ('{{"a": "}}"}}', {"a": "}}"}, ("doubled braces",)),
        ('```json\n{"a": 1}\n```', {"a": 1}, ("code fence",)),
        ('`{"a": 1}`', {"a": 1}, ("code fence",)),
        ("{'a': 'it\\'s \"x\"'}", {"a": 'it\'s "x"'}, ("single quotes",)),
        ('{"a": True, "b": None}', {"a": True, "b": None}, ("python literal",)),
        ("{a: 1}", {"a": 1}, ("unquoted key",)),
        ('{"a": "x\ny"}', {"a": "x\ny"}, ("line break in a string",)),
        ('{"a": 1} is what I need', {"a": 1}, ("text after the object",)),
        ('{"a": 1}\nFinal Answer: made up', {"a": 1}, ("text after the object",)),
        ('{"a": 1}\nObservation: made up\nThought: so', {"a": 1}, ("observation cut",)),
        ('{"a": 1}\nAction: other\nAction Input: {}', {"a": 1}, ("several calls",)),
        ('{"a": {"b": "x"', {"a": {"b": "x"}}, ("missing brace",)),
        ('{"a": [1, 2]', {"a": [1, 2]}, ("missing brace",)),
        ('{"a": 90\n', {"a": 90}, ("missing brace",)),
        ("", {}, ("empty input",)),
        ("None", {}, ("empty input",)),
    ],
)
def test_an_action_input_is_read_and_each_repair_is_named(
    action_input: str, arguments: dict[str, Any], repairs: tuple[str, ...]
) -> None:
    read = parse(f"Thought: hm\nAction: look\nAction Input: {action_input}")
    assert read == Action("hm", "look", arguments, repairs)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "name",
    [
        "`look`",
        '"look"',
        "'look'",
        "**look**",
        "look()",
        "look(query)",
        "[look]",
        "<look>",
        "look.",
        "API_name: look",
        "\nlook",
    ],
)
def test_decoration_around_a_name_is_taken_off(name: str) -> None:
    read = parse(f"Action: {name}\nAction Input: {{}}")
    assert read in (Action("", "look", {}, ("decorated name",)), Action("", "look", {}))


@pytest.mark.parametrize("name", ["Weather%%get [all] data", "Filter & Group", "a/b (c)", "mcp.time-now", "número"])
def test_odd_names_of_real_tools_are_kept_as_they_are(name: str) -> None:
    assert parse(render("", name, {})) == Action("", name, {})


@pytest.mark.parametrize(
    ("reply", "read"),
    [
        ("Thought: hm. Action: look Action Input: {}", Action("hm.", "look", {}, ("markers within a line",))),
        ("**Thought:** hm\n**Action:** look\n**Action Input:** {}", Action("hm", "look", {})),
        ('hm\nAction: look({"a": 1}', Action("hm", "look", {"a": 1}, ("missing Action Input", "decorated name"))),
        ("Thought: hm\nFinal Answer: 42\nand more", FinalAnswer("hm", "42\nand more")),
        ("Final Answer: 42\nObservation: 43", FinalAnswer("", "42")),
        ("Final Answer: 42\nAction: look\nAction Input: {}", FinalAnswer("", "42")),
        ("Thought: hm\nAction: None\nFinal Answer: 42", FinalAnswer("hm", "42")),
    ],
)
def test_other_forms_of_a_reply_are_read(reply: str, read: Action | FinalAnswer) -> None:
    assert parse(reply) == read


UNREAD = 'The text after `Action Input:` could not be read as one JSON object, written as {"parameter": value}: '
HALF = "a \\ud… escape is alone, which is half a character."
NAME = "expecting property name enclosed in double quotes "


@pytest.mark.parametrize(
    ("reply", "problem"),
    [
        (
            "I would look it up.",
            "The reply has neither an `Action:` line followed by an `Action Input:` line with a "
            "JSON object, nor a `Final Answer:` line; write one of the two.",
        ),
        ("Final Answer:", "`Final Answer:` is empty; write the answer to the request there."),
        ("Action:\nAction Input: {}", "`Action:` is not followed by a tool's name; write the name alone on that line."),
        (
            "Action: look",
            "The line `Action: look` is not followed by a line `Action Input:` with the arguments as one JSON object.",
        ),
        ("Action Input: {}", "There is an `Action Input:` line but no `Action:` line with the tool's name above it."),
        ("Action: look\nAction Input: London", UNREAD + "no JSON object in `London`."),
        ('Action: look\nAction Input: [{"a": 1}]', UNREAD + 'no JSON object in `[{"a": 1}]`.'),
        ('Action: look\nAction Input: {"a": "Lon', UNREAD + 'unterminated string starting at `"Lon`.'),
        ('Action: look\nAction Input: {"a": 9', UNREAD + "expecting ',' delimiter at the end."),
        ('Action: look\nAction Input: {"a": 9,', UNREAD + NAME + "at the end."),
        ('Action: look\nAction Input: {"a": 1, ...}', UNREAD + NAME + "at `...}`."),
        ('Action: look\nAction Input: {"a": NaN}', UNREAD + "NaN is not JSON."),
        ('Action: look\nAction Input: {"a": 1e999}', UNREAD + "1e999 is too large."),
        ('Action: look\nAction Input: {"a": "\\ud800"}', UNREAD + HALF),
    ],
)
def test_what_would_be_a_guess_is_explained_to_the_model_in_one_sentence(reply: str, problem: str) -> None:
    assert parse(reply) == Malformed(parse(reply).thought, problem)


def test_values_side_by_side_are_never_glued_into_one() -> None:
    for body in ('{"a": 1 2}', '{"a": [1 2]}', '{"a": tr ue}', '{"a": 1 2,}', "{'a': 1 2}"):
        assert isinstance(parse(f"Action: look\nAction Input: {body}"), Malformed), body


def test_slips_of_several_kinds_in_one_object_are_repaired_together() -> None:
    body = """{'a': True, "b": None, c: [1, 2,], "d": "one\ntwo", e: {"f": 1e5}, 'g': {},}"""
    step = parse(f"Action: look\nAction Input: {body}")
    assert isinstance(step, Action)
    assert step.arguments == {"a": True, "b": None, "c": [1, 2], "d": "one\ntwo", "e": {"f": 1e5}, "g": {}}
    assert set(step.repairs) == {
        "single quotes", "python literal", "unquoted key", "trailing comma", "line break in a string"
    }  # fmt: skip
