from typing import Any

from ste_graph.contracts import Reply, ToolCall, Usage
from ste_graph.nodes.answer import Answer
from ste_graph.nodes.score import Score
from ste_graph.prompts.prompt import Prompt
from ste_graph.scoring.label import ReplyLabel

CASE = {"query": "Add 1 and 2.", "gold": {"tool": "add", "arguments": {"a": 1, "b": 2}}}


async def label(output: str | None, form: str | None = None, **settings: Any) -> ReplyLabel:
    given = Score.Inputs.model_validate({"output": output, "case": CASE, "names": ["add", "echo"], "form": form})
    return (await Score(**settings)(given, None)).label


async def test_answer_asks_once_stops_at_an_observation_and_keeps_the_reply_as_it_is(context: type, model: Any) -> None:
    said = "  Thought: hm\nAction: add\nAction Input: {'a': 1,}  "
    ctx = context(Reply(text=said))
    gives = await Answer(model=model, prompt=Prompt("Do it.", "p.md"))(Answer.Inputs(), ctx)
    assert gives.output == said
    assert (gives.cost.calls, gives.cost.truncated, gives.cost.retries) == (1, False, 0)
    assert [(item["prompt"], item["stop"]) for item in ctx.asked] == [("Do it.", ["Observation:"])]


async def test_a_model_that_keeps_silent_has_no_reply_and_ends_nothing(context: type, model: Any) -> None:
    answer = Answer(model=model, prompt=Prompt("Do it.", "p.md"))
    assert (await answer(Answer.Inputs(), context(Reply(text=" \n")))).output is None


async def test_score_says_what_a_reply_keeps() -> None:
    right = await label('Action: add\nAction Input: {"a": 1, "b": 2,}')
    assert (right.api_match, right.args_correct, right.called) == (True, True, "add")
    assert right.repairs == ("trailing comma",)
    assert (await label("Final Answer: 3")).no_call is True
    assert (await label("I add them.")).err is True
    assert (await label(None)).problem == "there is no reply"


async def test_score_can_read_as_the_paper_did() -> None:
    assert (await label('Action: add\nAction Input: {"a": 1, "b": 2,}', parser="paper")).err is True


async def test_score_leaves_to_a_judge_what_it_is_told_only_a_judge_can_tell() -> None:
    other = 'Action: add\nAction Input: {"a": 1, "b": 3}'
    assert (await label(other)).args_correct is False
    assert (await label(other, judged=["add"])).args_correct is None
    assert (await label('Action: add\nAction Input: {"b": 2, "a": 1}', judged=["add"])).args_correct is True


async def test_a_reply_keeps_its_cost_and_whether_it_or_its_prompt_was_cut_short(context: type, model: Any) -> None:
    answer = Answer(model=model, prompt=Prompt("Do it.", "p.md"))
    usage = Usage(prompt_tokens=70, completion_tokens=9)
    reply = Reply(text="so", usage=usage, seconds=1.23456, retries=2)
    cost = (await answer(Answer.Inputs(), context(reply))).cost
    assert (cost.prompt_tokens, cost.completion_tokens, cost.seconds, cost.retries) == (70, 9, 1.235, 2)
    for cut in ({"finish_reason": "length"}, {"prompt_cut": True}):
        assert (await answer(Answer.Inputs(), context(Reply(text="so", **cut)))).cost.truncated is True


TOOL = {"name": "add", "description": "Adds.", "parameters": {"type": "object", "properties": {"a": {}, "b": {}}}}


async def test_an_answer_says_in_which_form_it_was_asked_for_and_is_scored_in_it(context: type, model: Any) -> None:
    written = '{"action": "add", "arguments": {"a": 1, "b": 2}}'
    called = Reply(text="", tool_calls=(ToolCall(id="1", name="add", arguments='{"a": 1, "b": 2}'),))
    for settings, reply, repairs in (
        ({"protocol": "react"}, Reply(text=written), ("call as JSON",)),
        ({"protocol": "json"}, Reply(text=written), ()),
        ({"protocol": "json", "forced": False}, Reply(text=written), ()),
        ({"protocol": "native"}, Reply(text=written), ("call in the text", "call as JSON")),
        ({"protocol": "native"}, called, ()),
    ):
        answer = Answer(model=model, prompt=Prompt("Do it.", "p.md"), **settings)
        gives = await answer(Answer.Inputs(tools=[TOOL]), context(reply))
        found = await label(gives.output, gives.form)
        assert (gives.form, found.args_correct, found.repairs) == (settings["protocol"], True, repairs)


async def test_json_that_only_the_prompt_asks_for_is_not_forced(context: type, model: Any) -> None:
    ctx = context(Reply(text="{}"))
    answer = Answer(model=model, prompt=Prompt("Do it.", "p.md"), protocol="json", forced=False)
    await answer(Answer.Inputs(), ctx)
    assert [(item.get("schema"), item["stop"]) for item in ctx.asked] == [(None, ["Observation:"])]
