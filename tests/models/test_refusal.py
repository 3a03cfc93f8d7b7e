"""Reading refusals in any wording: which part of a request is meant, and when none is."""

import pytest

from ste_graph.models.chat.adaptation import AS_ASKED, Adaptation
from ste_graph.models.chat.problem import Problem, lost_text, read_problem
from ste_graph.models.chat.refusal import read_refusal, suspects

SCHEMA = {
    "type": "object",
    "properties": {
        "temperature": {"type": "number", "minimum": 0},
        "day": {"type": "string", "pattern": "^[0-9-]+$", "format": "date"},
    },
    "additionalProperties": False,
}
SETTINGS = {"seed": 1, "stop": ["Observation:"], "temperature": 0.7, "top_p": 0.9, "max_tokens": 100, "top_k": 5}
FORM = {"response_format": {"type": "json_schema", "json_schema": {"name": "reply", "schema": SCHEMA}}}
TOOLS = {"tools": [{"type": "function", "function": {"name": "weather", "parameters": SCHEMA}}]}


def body(*roles: str, **more: object) -> dict:
    messages = [{"role": role, "content": "x"} for role in roles or ("user",)]
    return {"model": "tiny", "messages": messages, **SETTINGS, **more}


class RefusedError(Exception):
    """An error with a status and a body, as the providers' libraries raise them."""

    def __init__(self, status: int, body: object) -> None:
        super().__init__("refused")
        self.status_code, self.body = status, body


def problem(answer: object, status: int = 400) -> Problem:
    found = read_problem(RefusedError(status, answer))
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("answer", "status", "unsent"),
    [
        ({"error": {"message": "'seed' is not taken here", "param": "seed"}}, 400, ("seed",)),
        ({"error": {"message": "no such thing", "param": "seed"}}, 400, ("seed",)),
        ([{"error": {"message": 'name "seed" is unknown', "status": "INVALID_ARGUMENT"}}], 400, ("seed",)),
        ({"detail": [{"type": "extra_forbidden", "loc": ["body", "stop"], "input": {"seed": 1}}]}, 422, ("stop",)),
        ({"message": "stop sequences are unsupported by this model"}, 400, ("stop",)),
        ({"message": "stopSequences: illegal"}, 400, ("stop",)),
        ({"message": "only the default of temperature, which is 1, may be used"}, 400, ("temperature",)),
        ({"message": "topP cannot be set"}, 400, ("top_p",)),
        ({"message": "temperature and top_p are fixed for this model"}, 400, ("temperature", "top_p")),
        ({"message": "give one of `temperature` and `top_p`, not both"}, 400, ("top_p",)),
        ({"message": "parameters that the route does not know: ['seed', 'stop']"}, 400, ("seed", "stop")),
        ({"message": "unknown option top_k"}, 422, ("top_k",)),
        ({"error": "seed is not implemented"}, 501, ("seed",)),
        ({"error": "this build cannot use seed"}, 500, ("seed",)),
        ("plain words: `seed` is refused", 400, ("seed",)),
    ],
)
def test_a_parameter_that_is_named_is_not_sent(answer, status, unsent):
    change = read_refusal(AS_ASKED, body(), problem(answer, status))
    assert change is not None
    assert change.adaptation == Adaptation(unsent=unsent)


def test_the_bound_of_a_reply_gets_its_other_name_before_it_is_left_out():
    refused = problem({"message": "max_tokens: use another key"})
    renamed = read_refusal(AS_ASKED, body(), refused)
    assert renamed is not None
    assert (renamed.adaptation, renamed.what) == (
        Adaptation(token_limit="max_completion_tokens"),
        "`max_tokens` is sent as `max_completion_tokens`",
    )
    sent = {**body(), "max_completion_tokens": 100}
    del sent["max_tokens"]
    left_out = read_refusal(renamed.adaptation, sent, problem({"message": "max_completion_tokens is unknown"}))
    assert left_out is not None
    assert left_out.adaptation.unsent == ("max_completion_tokens",)


@pytest.mark.parametrize(
    ("words", "structured"),
    [
        ("response_format of this type is off", "json_object"),
        ("structured output is not to be had", "json_object"),
        ("'response_format.type' has to be 'text'", "json_object"),
        ("guided decoding needs another backend", "json_object"),
    ],
)
def test_structured_output_is_asked_for_in_the_next_weaker_form(words, structured):
    change = read_refusal(AS_ASKED, body(**FORM), problem({"message": words}))
    assert change is not None
    assert change.adaptation.structured == structured
    weaker = body(response_format={"type": "json_object"})
    last = read_refusal(change.adaptation, weaker, problem({"message": words}))
    assert last is not None
    assert last.adaptation.structured == "prompt"


@pytest.mark.parametrize(
    ("words", "status", "keywords"),
    [
        ("the grammar could not be made", 400, ("format", "pattern")),
        ("the regex has a lookahead", 500, ("format", "pattern")),
        ("schema: 'pattern' may not be used", 400, ("pattern",)),
        ("a schema with additionalProperties is not supported", 400, ("additionalProperties",)),
        ("unknown name \"minimum\" at 'tools[0].function_declarations[0].parameters'", 400, ("minimum",)),
    ],
)
@pytest.mark.parametrize("part", [FORM, TOOLS], ids=["reply", "tools"])
def test_schema_keywords_that_no_grammar_holds_are_left_out(part, words, status, keywords):
    change = read_refusal(AS_ASKED, body(**part), problem({"message": words}, status))
    assert change is not None
    assert change.adaptation.keywords == keywords


@pytest.mark.parametrize(
    ("roles", "words", "adaptation"),
    [
        (("user", "user"), "roles have to alternate", Adaptation(alternating=True)),
        (("system", "user", "user"), "after the system message, roles alternate", Adaptation(alternating=True)),
        (("user", "assistant", "tool", "user"), "no user may follow a tool", Adaptation(alternating=True)),
        (("system",), "no user query is in the messages", Adaptation(alternating=True)),
        (("system", "user"), "the role system is unknown to the template", Adaptation(no_system=True)),
        (("system", "user", "user"), "this model has no system prompt", Adaptation(no_system=True)),
        (("user", "system", "user"), "a system message has to be the first", Adaptation(no_system=True)),
    ],
)
@pytest.mark.parametrize("status", [400, 500])
def test_an_order_of_roles_that_a_template_refuses_is_changed(roles, words, adaptation, status):
    change = read_refusal(AS_ASKED, body(*roles), problem({"error": {"message": words}}, status))
    assert change is not None
    assert change.adaptation == adaptation


@pytest.mark.parametrize("words", ["tools are not supported", "this model does not take tools", "tool use is disabled",
                                   "the tool choice auto requires --some-flag"])  # fmt: skip
def test_tools_that_are_refused_are_described_in_the_prompt(words):
    change = read_refusal(AS_ASKED, body(**TOOLS), problem({"error": words}))
    assert change is not None
    assert change.adaptation == Adaptation(no_tools=True)


def test_ids_of_tool_calls_are_shortened_where_a_template_wants_nine_characters():
    change = read_refusal(AS_ASKED, body(**TOOLS), problem({"message": "ids of tool calls: 9 characters of a-z"}, 500))
    assert change is not None
    assert change.adaptation == Adaptation(short_ids=True)


@pytest.mark.parametrize(
    ("words", "status"),
    [
        ("the request is not valid", 400),
        ("the key is wrong; temperature is high", 401),
        ("too many requests for this seed", 429),
        ("the device is out of memory", 500),
        ("the schema of function 'weather' is wrong: 'temperature' has no type", 400),
        ("the context window is 4096 tokens, max_tokens is 100", 400),
        ("model `tiny` is not known", 404),
        ("the generated text does not match the format, stop", 500),
    ],
)
def test_other_problems_are_no_refusals_of_a_part(words, status):
    assert read_refusal(AS_ASKED, body(**TOOLS), problem({"error": {"message": words}}, status)) is None


def test_where_a_refusal_does_not_say_what_it_refuses_each_part_is_a_suspect_and_then_all_of_them():
    tried = [change.what for change in suspects(AS_ASKED, body("system", "user", "user"))]
    assert tried == [
        "`stop` is not sent; replies are cut here",
        "`seed` is not sent",
        "`top_p` is not sent",
        "`temperature` is not sent",
        "`max_tokens` is sent as `max_completion_tokens`",
        "`top_k` is not sent",
        "`stop`, `seed`, `top_p`, `temperature`, `max_tokens`, `top_k` are not sent",
        "user and assistant take turns in what is sent",
        "the system message is sent as the user's",
    ]


@pytest.mark.parametrize(
    ("answer", "status", "text"),
    [
        ({"error": {"message": "the output does not match the format of a call"}}, 500, ""),
        ({"error": {"message": "failed to parse input at pos 7: <tool_call"}}, 500, ""),
        ({"error": {"message": "cannot read the tool call: raw='{\"a\": 1', err=end of input"}}, 500, '{"a": 1'),
        ({"error": {"code": "tool_use_failed", "failed_generation": "<function=f>{}"}}, 400, "<function=f>{}"),
    ],
)
def test_a_reply_that_the_server_could_not_read_is_told_from_a_bad_request(answer, status, text):
    found = problem(answer, status)
    assert found.lost_reply
    assert lost_text(found) == text


@pytest.mark.parametrize(
    "words", ["roles alternate, not as in the tool call", "the grammar was not read", "out of memory while generating"]
)
def test_a_failure_that_is_not_about_the_reply_is_no_lost_reply(words):
    assert not problem({"error": {"message": words}}, 500).lost_reply
