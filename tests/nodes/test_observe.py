from typing import Any

import pytest

from ste_graph.contracts import Observation
from ste_graph.nodes.observe import Observe, ObserveWithheld

AT_FAULT = ("tool_error", "invalid_arguments", "unknown_tool")
WITHHELD = "The call was taken; what came of it is not shown."


async def run(node: Observe, ctx: Any, **values: Any) -> dict[str, Any]:
    inputs = Observe.Inputs(**({"action": None, "arguments": None, "problem": None} | values))
    return (await node(inputs, ctx)).model_dump()


@pytest.mark.parametrize("kind", ["ok", "tool_error", "invalid_arguments", "unknown_tool", "timeout", "refused"])
async def test_observe_shows_the_model_what_came_back(context, kind) -> None:
    observation = Observation(ok=kind == "ok", kind=kind, text="4 °C", ms=1.5)
    ctx = context(observation)
    given = await run(Observe(), ctx, action="look", arguments={"a": 1})
    seen = {"text": "4 °C", "failed": kind != "ok", "at_fault": kind in AT_FAULT}
    assert given == {**seen, "observation": observation.model_dump()}
    assert ctx.called == [("look", {"a": 1})]


async def test_a_doubtful_answer_is_no_failure(context) -> None:
    ctx = context(Observation(ok=True, kind="ok", text="Place not found", doubt="it says `not found`"))
    given = await run(Observe(), ctx, action="look", arguments={"a": 1})
    assert (given["failed"], given["at_fault"]) == (False, False)


@pytest.mark.parametrize("node", [Observe(), ObserveWithheld()])
async def test_a_reply_that_cannot_be_read_is_answered_without_a_call(context, node: Observe) -> None:
    ctx = context()
    given = await run(node, ctx, problem="Write an object.")
    assert given["text"] == "Write an object."
    assert given["observation"] == Observation(ok=False, kind="malformed", text="Write an object.").model_dump()
    assert ctx.called == []


async def test_a_reply_that_asks_for_no_tool_is_answered_without_a_call(context) -> None:
    given = await run(Observe(), context())
    assert given["text"] == "There was nothing to call: the last reply asked for no tool."
    assert given["observation"]["kind"] == "malformed"


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("ok", WITHHELD),
        ("tool_error", WITHHELD),
        ("timeout", WITHHELD),
        ("refused", WITHHELD),
        ("interrupted", WITHHELD),
        ("transport", WITHHELD),
        ("invalid_arguments", "4 °C"),
        ("unknown_tool", "4 °C"),
        ("malformed", "4 °C"),
    ],
)
async def test_withheld_answers_problems_of_form_only_and_keeps_the_whole_observation(context, kind, text: str) -> None:
    observation = Observation(ok=kind == "ok", kind=kind, text="4 °C")
    given = await run(ObserveWithheld(), context(observation), action="look")
    assert given["text"] == text
    assert given["observation"] == observation.model_dump()
    assert given["failed"] == (None if text == WITHHELD else True)


def test_a_run_of_observe_makes_at_most_one_tool_call() -> None:
    assert (Observe.tool_calls, ObserveWithheld.tool_calls) == (1, 1)
