from __future__ import annotations

import pytest

from ste_graph.contracts import Reply
from ste_graph.nodes.compare import SCHEMA, Compare
from ste_graph.prompts.prompt import Prompt

QUESTION = {"tool": "search", "query": "Is it warm?", "gold": {"q": "weather"}, "given": {"q": "Wetter"}}


@pytest.mark.parametrize(
    ("reply", "right", "why"),
    [
        (Reply(text="", data={"same": True, "why": "so"}), True, "so"),
        ('{"same": false, "why": "tea is no weather"}', False, "tea is no weather"),
        ('```json\n{"same": "yes"}\n```', True, None),
        ("Same: no", False, None),
        ("Yes, they do.", True, None),
        ("No.", False, None),
    ],
)
async def test_a_verdict_is_read_from_whichever_form_it_has(reply, right, why, context, model) -> None:
    inputs, ctx = Compare.Inputs(question=QUESTION), context(reply)
    script = ctx
    gives = await Compare(model=model, prompt=Prompt("Say it."))(inputs, ctx)
    assert (gives.right, gives.why) == (right, why)
    assert script.asked[0]["schema"] == SCHEMA


@pytest.mark.parametrize("reply", ["I like tea.", '{"same": "perhaps"}', '{"same": 1}', "yes and no"])
async def test_what_is_neither_a_yes_nor_a_no_is_no_verdict(reply, context, model) -> None:
    gives = await Compare(model=model, prompt=Prompt("Say it."))(Compare.Inputs(question=QUESTION), context(reply))
    assert (gives.right, gives.why) == (None, f"no verdict: {reply!r}")
