import pytest

from ste_graph.nodes.call import Call
from ste_graph.prompt import Prompt

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
                "problem": "There is nothing behind `Final Answer:`; write the answer to the request there.",
            },
        ),
    ],
)
async def test_call_gives_a_call_an_answer_or_a_problem(session, model, reply: str, given: dict) -> None:
    talk = session(reply)
    see = Call.See(query="When?", text=None).within(talk)
    assert (await Call(model=model, prompt=Prompt("Go."))(see)).model_dump() == NOTHING | given
    assert talk.asked == [{"prompt": "Go.", "stop": ["Observation:"], "schema": None}]
