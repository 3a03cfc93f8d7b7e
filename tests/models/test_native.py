import json
from pathlib import Path

import pytest

import ste_graph as ste
from ste_graph.contracts import ModelRequest, ToolCall
from ste_graph.errors import ModelError
from ste_graph.models.gateway import Gateway
from ste_graph.models.limiter import Limiter
from ste_graph.models.meter import Meter
from ste_graph.models.openai import OpenAIModel
from ste_graph.protocols.native import assistant_message, openai_tools, tool_messages

LOOK = {"type": "function", "function": {"name": "look", "description": "", "parameters": {"type": "object"}}}
ASKED = [{"role": "user", "content": "Go."}]


NATIVE = Path(__file__).parents[2] / "workflows" / "native.yaml"


def calling(*arguments: str | None, text: str | None = None, name: str = "look") -> tuple:
    calls = [
        {"id": f"c{n}", "type": "function", "function": {"name": name, "arguments": written}}
        for n, written in enumerate(arguments)
    ]
    message = {"role": "assistant", "content": text, "tool_calls": calls}
    choice = {"index": 0, "finish_reason": "tool_calls", "message": message}
    return 200, {}, {"id": "1", "object": "chat.completion", "created": 0, "model": "tiny", "choices": [choice]}


def gateway(server) -> Gateway:
    adapter = OpenAIModel(base_url=server.url, model="tiny")
    return Gateway(adapter, limiter=Limiter(4), meter=Meter(), wait_s=(0, 0))


async def test_tools_are_offered_and_calls_come_back_as_they_were_written(server):
    server.script = [calling('{"n": 1}', '{"n":', text="hm")]
    model = gateway(server)
    reply = await model.reply(ModelRequest(messages=ASKED, seed=1, tools=[LOOK]))
    await model.close()
    assert reply.text == "hm"
    assert reply.tool_calls == (
        ToolCall(id="c0", name="look", arguments='{"n": 1}'),
        ToolCall(id="c1", name="look", arguments='{"n":'),
    )
    assert server.requests[0]["tools"] == [LOOK]


@pytest.mark.parametrize("written", ["[1]", '"text"', "5"])
async def test_arguments_that_are_json_but_no_object_are_a_reply_too(server, written):
    server.script = [calling(written)]
    model = gateway(server)
    reply = await model.reply(ModelRequest(messages=ASKED, seed=1, tools=[LOOK]))
    await model.close()
    assert [call.arguments for call in reply.tool_calls] == [written]


async def test_the_server_gets_a_transcript_in_which_every_call_is_answered(server):
    server.script = [calling('{"n": 1}', '{"n":'), "done"]
    model = gateway(server)
    first = await model.reply(ModelRequest(messages=ASKED, seed=1, tools=[LOOK]))
    talk = [*ASKED, assistant_message(first), *tool_messages(["c0", "c1"], "seen")]
    assert (await model.reply(ModelRequest(messages=talk, seed=1, tools=[LOOK]))).text == "done"
    await model.close()
    sent = server.requests[1]["messages"]
    assert [message["role"] for message in sent] == ["user", "assistant", "tool", "tool"]
    assert [call["function"]["arguments"] for call in sent[1]["tool_calls"]] == ['{"n": 1}', "{}"]
    assert [(message["tool_call_id"], message["content"]) for message in sent[2:]] == [
        ("c0", "seen"),
        ("c1", "One call at a time: this one was not made."),
    ]


async def test_without_tools_none_are_sent(server):
    server.script = ["hello"]
    model = gateway(server)
    assert (await model.reply(ModelRequest(messages=ASKED, seed=1))).tool_calls == ()
    await model.close()
    assert "tools" not in server.requests[0]


async def test_a_model_that_cannot_call_tools_says_what_to_set():
    from langchain_core.language_models import FakeListChatModel

    from ste_graph.models.langchain import bind_tools

    with pytest.raises(ModelError, match="model `m` cannot call tools by itself: set `protocol: react` on the node"):
        bind_tools(FakeListChatModel(responses=["hm"]), openai_tools([]), "m")


def test_a_shipped_workflow_explores_by_the_tool_calling_of_a_server(server, tmp_path):
    numbers = [json.dumps({"number": 9}), json.dumps({"number": "10"})]
    server.script = ["Write 9 in Roman numerals.", calling(*numbers, name="to_roman"), "It is IX.", "Yes"]
    changes = {
        "params": {"episodes": 1, "trials": 1, "turns": 2},
        "models.explorer": {"use": "openai", "base_url": server.url, "model": "tiny"},
        "tools": [{"use": "python", "module": str(NATIVE.parent / "tools" / "everyday.py"), "include": ["to_roman"]}],
        "memory.long_term": "off",
    }
    summary = ste.load(NATIVE, set=changes).run(out=tmp_path / "run")
    assert not summary.failed
    (trial,) = ste.open_run(tmp_path / "run").trials()
    assert (trial.query, trial.answer, trial.solved) == ("Write 9 in Roman numerals.", "It is IX.", True)
    assert [(step.action, step.arguments, step.observation.text) for step in trial.steps] == [
        ("to_roman", {"number": 9}, "IX")
    ]
    _, called, answered, _ = server.requests
    assert [tool["function"]["name"] for tool in called["tools"]] == ["to_roman"]
    asked, *answers = answered["messages"][-3:]
    assert [call["id"] for call in asked["tool_calls"]] == ["c0", "c1"]
    assert [(message["role"], message["tool_call_id"], message["content"]) for message in answers] == [
        ("tool", "c0", "IX"),
        ("tool", "c1", "One call at a time: this one was not made."),
    ]
