from typing import Any

from ste_graph.contracts import Reply
from ste_graph.nodes.answer import Answer
from ste_graph.nodes.score import Score
from ste_graph.prompts.prompt import Prompt
from ste_graph.scoring.label import ReplyLabel

CASE = {"query": "Add 1 and 2.", "gold": {"tool": "add", "arguments": {"a": 1, "b": 2}}}


async def label(output: str | None, **settings: Any) -> ReplyLabel:
    return (await Score(**settings)(Score.Inputs(output=output, case=CASE, names=["add", "echo"]), None)).label


async def test_answer_asks_once_stops_at_an_observation_and_keeps_the_reply_as_it_is(context: type, model: Any) -> None:
    said = "  Thought: hm\nAction: add\nAction Input: {'a': 1,}  "
    ctx = context(Reply(text=said))
    gives = await Answer(model=model, prompt=Prompt("Do it.", "p.md"))(Answer.Inputs(), ctx)
    assert gives.output == said
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
