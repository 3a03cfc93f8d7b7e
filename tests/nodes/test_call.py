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
    called = {"thought": "hm", "action": "look", "arguments": {"n": 1}, "repairs": ["several calls"]}
    assert first.model_dump() == NOTHING | called
    assert last.model_dump() == NOTHING | {"answer": "42", "finished": True}
    assert ctx.asked == [
        {"prompt": "Go.", "stop": [], "schema": None, "tools": True},
        {"result": "1", "otherwise": "Go."},
    ]


def test_a_parser_for_a_protocol_without_text_is_refused() -> None:
    with pytest.raises(ValueError, match="`protocol: native` has no text to parse: leave out `parser`"):
        Call.output_type({"protocol": "native", "parser": "paper"})
    assert Call.output_type({"protocol": "react", "parser": "paper"}) is Call.Outputs
