import pytest

from ste_graph.nodes.imagine import Imagine
from ste_graph.prompts.prompt import Prompt
from ste_graph.protocols.request import find_request


async def test_imagine_gives_the_request_and_stops_the_model_where_it_would_act_on_it(context, model) -> None:
    ctx = context(' "What is 3 + 4?"\n')
    given = await Imagine(model=model, prompt=Prompt("User Query:"))(Imagine.Inputs(), ctx)
    assert given.model_dump() == {"query": "What is 3 + 4?", "copied": False}
    assert ctx.asked == [{"prompt": "User Query:", "stop": ["Thought:"], "schema": None}]


@pytest.mark.parametrize(
    ("reply", "request_"),
    [
        ("When is Easter?", "When is Easter?"),
        ("User Query: When is Easter?", "When is Easter?"),
        ("**User Query:** When is Easter?", "When is Easter?"),
        ("Sure, here is one.\n\nUser Query: When is Easter?", "When is Easter?"),
        ("User Query: When is Easter?\nUser Query: And Lent?", "When is Easter?"),
        ("When is Easter?\nThought: I should call the tool.", "When is Easter?"),
        ("When is Easter? Thought: I should call the tool.", "When is Easter?"),
        ("When is Easter?\nAction: calendar", "When is Easter?"),
        ("\u201cWhen is Easter?\u201d", "When is Easter?"),
        ("'When is Easter?'", "When is Easter?"),
        ('"Easter" or "Ostern"', '"Easter" or "Ostern"'),
        ("I had a thought: when is Easter?", "I had a thought: when is Easter?"),
        ("When is\nEaster?", "When is\nEaster?"),
        ("User Query:", "User Query:"),
        ("Thought: hm", "Thought: hm"),
        ('""', '""'),
        ("  \n", ""),
    ],
)
def test_a_request_is_found_in_whatever_the_model_writes(reply: str, request_: str) -> None:
    assert find_request(reply) == request_
