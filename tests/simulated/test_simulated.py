"""The simulated model: what it knows, how it errs and repairs, and that names do not matter to it."""

import ast
import json
from collections import Counter
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, FormatChecker

import ste_graph.simulated as simulated
from ste_graph.contracts import ModelRequest, is_simulated
from ste_graph.models.gateway import Gateway
from ste_graph.models.limiter import Limiter
from ste_graph.models.meter import Meter
from ste_graph.plausible_values import plausible_value
from ste_graph.simulated import SimulatedModel
from ste_graph.simulated.extraction import extract_arguments
from ste_graph.simulated.policy import respond
from ste_graph.simulated.reading import ShownTool, Turn, is_success
from ste_graph.simulated.wording import word_request

from .explore import TOOLS, ToyTool, explore, renamed

FORMAT = "Reply with Thought, Action, Action Input: or Thought, Final Answer:"
SEEDS = st.integers(0, 2**31)


def tool(name):
    return next(tool for tool in TOOLS if tool.name == name)


def shown(name):
    found = tool(name)
    return ShownTool(found.name, found.description, found.schema)


def say(*texts, seed=0, mistakes=0.0, schema=None):
    """The reply to user and assistant messages in turn."""
    turns = [Turn("user" if at % 2 == 0 else "assistant", text) for at, text in enumerate(texts)]
    return respond(turns, seed=seed, mistakes=mistakes, schema=schema)


def solved(tools, trials):
    return sum(explore(tool, seed=seed).solved for tool in tools for seed in range(trials)) / (trials * len(tools))


def test_random_names_and_shuffled_schemas_change_the_solved_rate_by_less_than_five_points():
    strangers = [renamed(tool, Random(f"{tool.name} {times}")) for tool in TOOLS for times in range(10)]
    known, unknown = solved(TOOLS, 200), solved(strangers, 20)
    assert 0.6 < known < 0.99
    assert abs(known - unknown) < 0.05


def test_nothing_is_imported_from_tools_or_workflows():
    for file in Path(simulated.__file__).parent.glob("*.py"):
        for statement in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            modules = [statement.module or ""] if isinstance(statement, ast.ImportFrom) else []
            modules += [alias.name for alias in statement.names] if isinstance(statement, ast.Import) else []
            assert not {"tools", "workflows", "protocols"} & {part for name in modules for part in name.split(".")}


def test_every_kind_of_mistake_occurs_and_most_are_repaired():
    faults, repaired = Counter(), 0
    for tool in TOOLS:
        for seed in range(80):
            trial = explore(tool, seed=seed, mistakes=0.5)
            text = " ".join(trial.observations)
            for kind, sign in {
                "type": "is not of type", "missing": "is a required property", "json": "not one JSON object",
                "date": "is not a 'date'", "name": "unknown tool",
            }.items():  # fmt: skip
                faults[kind] += sign in text
            repaired += is_success(trial.observations[-1]) and len(trial.observations) > 1
    assert min(faults.values()) >= 10
    assert repaired > 200


def test_without_mistakes_a_request_is_served_by_the_first_call():
    trials = [explore(tool, seed=seed, mistakes=0) for tool in TOOLS if tool.name != "look_up" for seed in range(20)]
    assert {len(trial.observations) for trial in trials} == {1}
    assert {trial.verdict for trial in trials} == {"Yes"}


@given(seed=SEEDS)
@settings(max_examples=60, deadline=None)
def test_a_request_alone_tells_the_arguments(seed):
    random = Random(seed)
    for offered in (*TOOLS, *(renamed(tool, random) for tool in TOOLS)):
        of = ShownTool(offered.name, offered.description, offered.schema)
        arguments = plausible_value(of.schema, random)
        assert extract_arguments(word_request(of, arguments, random), of) == arguments


@given(seed=SEEDS)
@settings(max_examples=60, deadline=None)
def test_plausible_values_obey_their_schema(seed):
    schema = {
        "type": "object",
        "properties": {
            "whole": {"type": "integer", "minimum": -3, "exclusiveMaximum": 10**12},
            "odd": {"type": "number", "multipleOf": 0.5, "minimum": 2, "maximum": 3},
            "code": {"type": "string", "pattern": r"^[A-Z]{2}-\d{3}(x|y)?$"},
            "words": {"type": "string", "minLength": 20, "maxLength": 40},
            "moment": {"type": "string", "format": "date-time"},
            "either": {"anyOf": [{"type": "null"}, {"$ref": "#/$defs/pair"}]},
            "kind": {"enum": [1, 2, 3]},
            "fixed": {"const": "x"},
            "list": {"type": "array", "items": {"type": "boolean"}, "minItems": 2, "maxItems": 2},
        },
        "$defs": {"pair": {"type": "object", "properties": {"a": {"type": "string", "format": "date"}}}},
    }
    schema["required"] = list(schema["properties"])
    value = json.loads(say("Give a value.", seed=seed, schema=schema))
    assert not list(Draft202012Validator(schema, format_checker=FormatChecker()).iter_errors(value))


SCHEMAS = st.recursive(
    st.fixed_dictionaries(
        {},
        optional={
            "type": st.sampled_from(
                ["string", "integer", "number", "boolean", "null", ["integer", "null"], ["string"]]
            ),
            "enum": st.lists(st.sampled_from(["a b", "x", 3, 1.5, True, None]), max_size=3),
            "examples": st.lists(st.sampled_from(["SELECT 1", '"', 7, 2.5, "2024-05-01", None, ["x"]]), max_size=2),
            "default": st.sampled_from(["x", 3, None, []]),
            "format": st.sampled_from(["date", "date-time", "time", "email", "uri", "uuid", "strange"]),
            "pattern": st.sampled_from([r"^\d{3}$", "(a|b)+", "[^x]", "(", r"\S+@\S+", r"(?=a)."]),
            "minimum": st.integers(-(10**20), 10**20),
            "maximum": st.integers(-5, 5),
            "description": st.sampled_from(["such as 3", "e.g. 'x y' or 'z'", "YYYY-MM-DD HH:MM", ""]),
            "$ref": st.sampled_from(["#/$defs/none", "#/properties/a", "#", "https://example.org/x"]),
        },
    ),
    lambda inner: st.one_of(
        st.fixed_dictionaries({"type": st.just("array"), "items": inner}),
        st.fixed_dictionaries({"anyOf": st.lists(inner, max_size=2)}),
        st.fixed_dictionaries({"type": st.just("object"), "properties": st.dictionaries(st.sampled_from("ab"), inner)}),
    ),
    max_leaves=4,
)


@given(properties=st.dictionaries(st.sampled_from(["a", "from_x", "", "x.y", "(", "Ünit"]), SCHEMAS), seed=SEEDS)
@settings(max_examples=300, deadline=None)
def test_no_schema_makes_the_model_fail(properties, seed):
    schema = {"type": "object", "properties": properties, "required": list(properties)}
    odd = ToyTool("odd", "Odd.", schema, lambda *given: "fine", tuple(properties))
    talk = [f"{odd.shown()}\nUser Query:"]
    talk.append(say(*talk, seed=seed, mistakes=1))
    talk.append(FORMAT)
    talk.append(say(*talk, seed=seed, mistakes=1))
    talk.append("Observation: Error: at most 3, did you mean 'x'?")
    assert "\nAction: " in talk[3]
    assert "Thought: " in say(*talk, seed=seed, mistakes=1)


@given(
    texts=st.lists(st.text() | st.sampled_from(["User Query:", "Observation: x", FORMAT, TOOLS[0].shown()]), max_size=6)
)
@settings(max_examples=100, deadline=None)
def test_no_talk_makes_the_model_fail(texts):
    assert say(*texts)


@pytest.mark.parametrize(
    ("name", "request_", "expected"),
    [
        ("add_days", "What date is 45 days after 1 May 2024?", {"date": "2024-05-01", "days": 45}),
        ("days_between", "How long from March 3rd, 2021 to 2022-01-02?",
         {"first_date": "2021-03-03", "second_date": "2022-01-02"}),
        ("convert_length", "How much is 1,200.5 km in mile?",
         {"value": 1200.5, "from_unit": "km", "to_unit": "mile"}),
        ("look_up", "What stands at $.list[0] in it?", {"path": "$.list[0]"}),
        ("repeat_text", 'Say "to be, or not" 3 times.', {"text": "to be, or not"}),
        ("sum_numbers", "Add up [1, 2, 39].", {"numbers": [1, 2, 39]}),
    ],
)  # fmt: skip
def test_a_persons_request_is_read_by_types(name, request_, expected):
    assert extract_arguments(request_, shown(name)) == expected


def test_the_same_messages_and_seed_give_the_same_reply_and_another_seed_another():
    imagine = f"{tool('add_days').shown()}\nUser Query:"
    assert say(imagine, seed=1) == say(imagine, seed=1)
    assert len({say(imagine, seed=seed) for seed in range(20)}) == 20


def test_a_request_keeps_away_from_those_in_the_prompt():
    def imagined(past, seed):
        return say("\n".join([tool("current_weekday").shown(), *past, "User Query:"]), seed=seed)

    past: list[str] = []
    for seed in range(9):
        past.append(imagined(past, seed))
    assert len(set(past)) == 9
    assert len({imagined([], seed) for seed in range(9)}) < 9


def test_an_error_is_repaired_by_what_it_names():
    request = "User Query: convert 3; from unit: furlong; to unit: m"
    call = f"{tool('convert_length').shown()}\n{request}\n{FORMAT}"
    first = say(call)
    assert first.endswith('Action Input: {"value": 3, "from_unit": "furlong", "to_unit": "m"}')
    error = "Observation: Invalid arguments: from_unit: expected one of 'mile', 'km'; got 'furlong'"
    replies = [say(call, first, error, seed=seed) for seed in range(20)]
    assert {reply.partition("\n")[2] for reply in replies} == {
        'Action: convert_length\nAction Input: {"value": 3, "from_unit": "mile", "to_unit": "m"}',
        f"Final Answer: I could not do this: {error.removeprefix('Observation: ')}",
    }


def mistakes_of(hint):
    return sum(
        len(explore(tool("add_days"), seed=seed, mistakes=0.5, hint=hint).observations) > 1 for seed in range(200)
    )


def test_lessons_and_exemplars_prevent_the_mistakes_that_they_speak_of():
    plain = mistakes_of("")
    lesson = mistakes_of("Lesson: `date` must be YYYY-MM-DD, `days` a number, all of it one JSON object.")
    exemplar = mistakes_of(
        'User Query: 4 days after 2 May 2020\nAction: add_days\nAction Input: {"date": "2020-05-02", "days": 4}\n'
    )
    assert lesson < 0.75 * plain
    assert exemplar < 0.75 * plain


def test_among_several_tools_the_one_that_fits_the_request_is_called():
    offered = "\n\n".join(tool.shown() for tool in TOOLS)
    reply = say(f"{offered}\n{FORMAT}\nUser Query: Write the number 1994 in Roman numerals.")
    assert reply.endswith('\nAction: roman_numeral\nAction Input: {"number": 1994}')


def test_the_nearest_exemplar_decides_between_tools_that_tell_nothing():
    blank = [ShownTool(name, "", {"type": "object", "properties": {}}) for name in ("alpha", "beta", "gamma")]
    offered = "\n\n".join(
        f"API_name: {t.name}\nDescription: \nParameters (JSON Schema): {json.dumps(t.schema)}" for t in blank
    )
    exemplar = "User Query: what is the weather in Rome\nThought: easy\nAction: beta\nAction Input: {}"
    assert "Action: beta\n" in say(f"{offered}\n\n{exemplar}\n\n{FORMAT}\nUser Query: what is the weather in Oslo")


@pytest.mark.parametrize(
    "text",
    [
        "Error: no", "ValueError: there is no time zone 'X'", "Invalid arguments for `add_days`:\n- `days`: missing",
        "There is no tool `x`. Tools: y.", "`look_up` did not answer within 5 s.", "interrupted",
        "`x` was not called: no",
        "The reply has neither an `Action:` line nor a `Final Answer:` line", "The line `Action: x` is not followed by",
        "The text after `Action Input:` could not be read", "timed out", '{"error": "no"}',
    ],
)  # fmt: skip
def test_errors_are_told_from_results(text):
    assert not is_success(f"Observation: {text}")
    assert is_success("Observation: The call was taken; what came of it is not shown.")


@pytest.mark.parametrize(
    ("last", "verdict"),
    [
        (["Observation: 7", "Thought: done\nFinal Answer: 7"], "Yes"),
        (["Observation: ValueError: no", "Thought: done\nFinal Answer: I could not"], "No"),
        (["Observation: 7", "Thought: more\nAction: x\nAction Input: {}"], "No"),
    ],
)
def test_a_trial_counts_as_solved_if_it_ended_with_an_answer_after_a_good_observation(last, verdict):
    talk = [f"Serve it. {FORMAT}", "Thought: t\nAction: x\nAction Input: {}", *last]
    assert say(*talk, 'Was it?\nRespond with "Yes" or "No".') == verdict


async def test_through_the_gateway_it_honours_stop_and_schema_and_carries_its_label():
    model = Gateway(SimulatedModel(mistakes=0), limiter=Limiter(1), meter=Meter())
    call = [{"role": "user", "content": f"{tool('current_weekday').shown()}\n{FORMAT}\nUser Query: What day is it?"}]
    assert (await model.reply(ModelRequest(messages=call, seed=3, stop=["Action Input:"]))).text == (
        "Thought: I can use current_weekday for this.\nAction: current_weekday\n"
    )
    schema = {"type": "object", "properties": {"sure": {"type": "boolean"}}, "required": ["sure"]}
    assert isinstance((await model.reply(ModelRequest(messages=call, seed=3, schema=schema))).data["sure"], bool)
    assert (model.label, is_simulated(model.label)) == ("simulated", True)
