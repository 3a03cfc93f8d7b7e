import pytest

from ste_graph.contracts import Reply, ToolCall
from ste_graph.nodes.call import Call
from ste_graph.prompts.prompt import Prompt

NOTHING = {
    "thought": None,
    "action": None,
    "arguments": None,
    "answer": None,
    "problem": None,
    "repairs": [],
    "finished": False,
    "failed_calls": [],
    "repeated": False,
    "form": "react",
    "reply": None,
}


@pytest.mark.parametrize(
    ("reply", "given"),
    [
        (
            'Thought: hm\nAction: look\nAction Input: {"a": {"b": 1},}',
            {"thought": "hm", "action": "look", "arguments": {"a": {"b": 1}}, "repairs": ["trailing comma"]},
        ),
        ("Final Answer: 42", {"answer": "42", "finished": True}),
        (
            "Thought: hm\nFinal Answer:",
            {
                "thought": "hm",
                "problem": "`Final Answer:` is empty; write the answer to the request there.",
                "reply": "Thought: hm\nFinal Answer:",
            },
        ),
    ],
)
async def test_call_gives_a_call_an_answer_or_a_problem(context, model, reply: str, given: dict) -> None:
    ctx = context(reply)
    inputs, ctx = Call.Inputs(query="When?", text=None), ctx
    assert (await Call(model=model, prompt=Prompt("Go."))(inputs, ctx)).model_dump() == NOTHING | given
    assert ctx.asked == [{"prompt": "Go.", "stop": ["Observation:"], "schema": None}]


async def test_the_papers_parser_refuses_what_the_tolerant_one_mends(context, model) -> None:
    reply = 'Thought: hm\nAction: look\nAction Input: {"a": {"b": 1}}'
    inputs = Call.Inputs(query="When?", text=None)
    by_paper = await Call(model=model, prompt=Prompt("Go."), parser="paper")(inputs, context(reply))
    tolerant = await Call(model=model, prompt=Prompt("Go."))(inputs, context(reply))
    assert by_paper.problem is not None
    assert by_paper.problem.startswith("The action input is not a JSON object (")
    assert tolerant.arguments == {"a": {"b": 1}}


async def test_a_native_call_offers_tools_and_hands_back_what_was_seen(context, model) -> None:
    calls = (ToolCall(id="1", name="look", arguments='{"n": 1}'), ToolCall(id="2", name="look", arguments="{}"))
    ctx = context(Reply(text="hm", tool_calls=calls), Reply(text="42"))
    node = Call(model=model, prompt=Prompt("Go."), protocol="native")
    first = await node(Call.Inputs(query="When?", text=None), ctx)
    last = await node(Call.Inputs(query="When?", text="1"), ctx)
    called = {"thought": "hm", "action": "look", "arguments": {"n": 1}, "repairs": ["several calls"], "form": "native"}
    assert first.model_dump() == NOTHING | called
    assert last.model_dump() == NOTHING | {"answer": "42", "finished": True, "form": "native"}
    assert ctx.asked == [
        {"prompt": "Go.", "stop": [], "schema": None, "tools": True},
        {"result": "1", "otherwise": "Go."},
    ]


@pytest.mark.parametrize(("a", "repeated"), [(1, True), (1.0, True), (2, False)])
async def test_a_call_that_has_failed_before_in_the_trial_is_told(context, model, a: float, repeated: bool) -> None:
    inputs = Call.Inputs(query="When?", text="No.", failed_calls=[{"action": "look", "arguments": {"a": a}}])
    ctx = context('Action: look\nAction Input: {"a": 1}')
    assert (await Call(model=model, prompt=Prompt("Go."))(inputs, ctx)).repeated == repeated


async def test_failed_calls_add_up_within_a_trial(context, model) -> None:
    node, earlier = Call(model=model, prompt=Prompt("Go.")), {"action": "look", "arguments": {"a": 1}}
    last = {"action": "look", "arguments": {"a": 2}}
    ctx = context(*['Action: look\nAction Input: {"a": 1}'] * 3)
    step = await node(Call.Inputs(query="When?", text="No.", at_fault=True, failed_calls=[earlier], **last), ctx)
    assert (step.failed_calls, step.repeated) == ([earlier, last], True)
    step = await node(Call.Inputs(query="When?", text="1", at_fault=False, failed_calls=[earlier], **last), ctx)
    assert step.failed_calls == [earlier]
    step = await node(Call.Inputs(query="Who?", text=None, failed_calls=[earlier], **last), ctx)
    assert (step.failed_calls, step.repeated) == ([], False)


@pytest.mark.parametrize(("text", "answers"), [(None, False), ("4 °C", True)])
async def test_json_has_a_call_first_and_then_a_call_or_an_answer(context, model, text, answers: bool) -> None:
    ctx = context('{"action": "look", "arguments": {}}')
    await Call(model=model, prompt=Prompt("Go."), protocol="json")(Call.Inputs(query="When?", text=text), ctx)
    assert ("final_answer" in str(ctx.asked[0]["schema"])) == answers


def test_a_parser_for_a_protocol_without_text_is_refused() -> None:
    with pytest.raises(ValueError, match="`parser` is for `protocol: react`, and this is `native`: leave out `parser`"):
        Call.output_type({"protocol": "native", "parser": "paper"})
    assert Call.output_type({"protocol": "react", "parser": "paper"}) is Call.Outputs


async def test_a_json_call_is_asked_for_by_the_tools_schemas(context, model) -> None:
    ctx = context('{"action": "look", "arguments": {"n": 1}}')
    step = await Call(model=model, prompt=Prompt("Go."), protocol="json")(Call.Inputs(query="When?", text="No."), ctx)
    assert step.model_dump() == NOTHING | {"action": "look", "arguments": {"n": 1}, "form": "json"}
    (asked,) = ctx.asked
    assert asked["schema"]["anyOf"][0]["properties"]["action"] == {"const": "look"}
    assert asked["stop"] == []


@pytest.mark.parametrize(
    ("last", "problem", "form"),
    [
        (None, None, "native"),
        ("native", None, "native"),
        ("native", "unreadable", "json"),
        ("json", None, "json"),
        ("json", "unreadable", "react"),
        ("react", "unreadable", "react"),
    ],
)
async def test_auto_changes_the_form_after_a_reply_that_could_not_be_read(
    context, model, last: str | None, problem: str | None, form: str
) -> None:
    node = Call(model=model, prompt=Prompt("Go."), protocol="auto")
    inputs = Call.Inputs(query="When?", text=problem, problem=problem, form=last)
    step = await node(inputs, context('{"action": "look", "arguments": {}}'))
    assert (step.form, step.action) == (form, "look")


@pytest.mark.parametrize(
    ("known", "forms"),
    [
        (None, ["native", "json", "react", "react"]),
        ("native", ["native", "json", "react", "react"]),
        ("json", ["json", "react", "react", "react"]),
        ("react", ["react"] * 4),
    ],
)
async def test_auto_begins_with_the_form_that_is_known_to_work(context, model, known, forms: list[str]) -> None:
    node = Call(model=model, prompt=Prompt("Go."), protocol="auto")
    ctx = context(*[Reply(text="", tool_calls=(ToolCall(id="1", name="", arguments="["),))] * 4)
    ctx.protocol = known
    inputs, asked = Call.Inputs(query="When?", text=None), []
    for _ in range(4):
        step = await node(inputs, ctx)
        asked.append(step.form)
        inputs = Call.Inputs(query="When?", text=step.problem, problem=step.problem, form=step.form)
    assert asked == forms


async def test_a_form_that_is_set_is_kept_whatever_is_known(context, model) -> None:
    ctx = context("{}")
    ctx.protocol = "react"
    node = Call(model=model, prompt=Prompt("Go."), protocol="json")
    assert (await node(Call.Inputs(query="When?", text=None), ctx)).form == "json"


async def test_a_reply_that_cannot_be_read_is_kept_as_it_was(context, model) -> None:
    calls = (ToolCall(id="1", name="", arguments="[1]"),)
    node = Call(model=model, prompt=Prompt("Go."), protocol="native")
    inputs = Call.Inputs(query="When?", text=None)
    step = await node(inputs, context(Reply(text="hm", tool_calls=calls)))
    assert step.reply == "hm\n[call]  [1]"
    empty = await node(inputs, context(Reply(text="", reasoning="let me see", problem="cut off")))
    assert empty.reply == "[thoughts] let me see\n[server] cut off"


@pytest.mark.parametrize("protocol", ["native", "json", "auto"])
def test_only_text_has_a_parser(protocol: str) -> None:
    with pytest.raises(ValueError, match=f"is for `protocol: react`, and this is `{protocol}`: leave out `parser`"):
        Call.output_type({"protocol": protocol, "parser": "paper"})
