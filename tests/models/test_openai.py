"""Servers that speak the OpenAI protocol: the probe, the request, and the forms of an answer."""

import json

import pytest
from pydantic import ValidationError

from ste_graph.contracts import ModelRequest, ToolCall, Usage
from ste_graph.errors import ModelError, RunError
from ste_graph.models.adapter import RawReply
from ste_graph.models.chat.chat_body import request_body
from ste_graph.models.chat.completion import read_completion
from ste_graph.models.gateway import Gateway
from ste_graph.models.limiter import Limiter
from ste_graph.models.meter import Meter
from ste_graph.models.openai import OpenAIModel


async def probe_error(server, **settings):
    with pytest.raises(ModelError) as error:
        await OpenAIModel(base_url=server.url, **{"model": "tiny", **settings}).probe()
    return str(error.value)


async def test_a_served_model_passes_the_probe_without_a_chat_call(server):
    await OpenAIModel(base_url=server.url, model="tiny", headers={"X-Team": "a"}).probe()
    assert (server.requests, server.headers[0]["x-team"]) == ([], "a")


async def test_a_model_that_is_not_listed_is_a_doubt_and_no_fault_since_proxies_answer_to_other_names(server):
    server.models = ["small", "large"]
    assert await OpenAIModel(base_url=server.url, model="tiny").probe() == (
        f"the server at {server.url} does not list `tiny`; if it refuses, set `model` to one of large, small"
    )


async def test_a_server_without_models_is_told_to_load_one(server):
    server.models = []
    assert await OpenAIModel(base_url=server.url, model="tiny").probe() == (
        f"the server at {server.url} lists no model: load `tiny` there, or set `base_url` to the server that has it"
    )


async def test_a_refused_key_is_told_which_setting_to_change(server):
    server.models = 401
    assert await probe_error(server) == (
        f"the model server at {server.url} refuses the key (401): set `api_key`,"
        " for example to {env: OPENAI_API_KEY}, or that environment variable"
    )


async def test_an_address_without_models_is_told_how_it_usually_ends(server):
    server.models = 404
    assert await probe_error(server) == (
        f"{server.url} answers, but has no /models: `base_url` of an OpenAI-compatible server usually ends in /v1"
    )


async def test_a_server_that_is_down_is_said_so_at_once(server):
    server.stop()
    assert await probe_error(server) == (
        f"no model server answers at {server.url}: start it, or set `base_url` to where it runs"
    )


async def test_the_key_comes_from_the_environment_where_none_is_set(server, monkeypatch):
    await OpenAIModel(base_url=server.url, model="tiny").probe()
    monkeypatch.setenv("OPENAI_API_KEY", "from-env")
    await OpenAIModel(base_url=server.url, model="tiny").probe()
    assert [sent["authorization"] for sent in server.headers] == ["Bearer none", "Bearer from-env"]


async def test_a_server_is_not_told_of_the_machine_that_asks(server):
    await OpenAIModel(base_url=server.url, model="tiny").probe()
    told = {name.lower() for name in server.headers[0]}
    assert not {name for name in told if any(part in name for part in ("-os", "-arch", "-runtime", "-lang"))}
    assert "user-agent" in told


async def test_no_proxy_is_asked_for_a_server_on_this_machine(server, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    model = OpenAIModel(base_url=server.url, model="tiny")
    await model.probe()
    client = model.open_client()
    server.script = ["here"]
    assert (await client.ask(ModelRequest(messages=[{"role": "user", "content": "hello"}], seed=0))).text == "here"
    await client.close()


def test_unknown_settings_are_refused():
    with pytest.raises(ValidationError, match="temprature"):
        OpenAIModel(base_url="http://x/v1", model="tiny", temprature=1)


def completion(**message):
    return {"choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", **message}}]}


@pytest.mark.parametrize(
    ("answer", "reply"),
    [
        (completion(content="hm"), RawReply("hm", finish_reason="stop")),
        (completion(content=None), RawReply(finish_reason="stop")),
        (completion(content=[{"type": "text", "text": "h"}, {"type": "text", "text": "m"}]),
         RawReply("hm", finish_reason="stop")),
        (completion(content=None, reasoning_content="a thought"),
         RawReply(reasoning="a thought", finish_reason="stop")),
        (completion(content="hm", reasoning="a thought"), RawReply("hm", reasoning="a thought", finish_reason="stop")),
        (completion(content="hm") | {"usage": {"prompt_tokens": 7, "completion_tokens": None}},
         RawReply("hm", finish_reason="stop", usage=Usage(prompt_tokens=7))),
        (completion(content="hm") | {"choices": [{"text": "hm"}]}, RawReply("hm")),
        (completion(content=None, function_call={"name": "look", "arguments": "{}"}),
         RawReply(tool_calls=(ToolCall(id="call_0", name="look", arguments="{}"),), finish_reason="stop")),
    ],
)  # fmt: skip
def test_a_completion_is_read_in_whatever_form_servers_write_it(answer, reply):
    assert read_completion(json.dumps(answer)) == reply


@pytest.mark.parametrize(
    ("written", "arguments"),
    [
        ('{"n": 1}', '{"n": 1}'),
        ({"n": "ü"}, '{"n": "ü"}'),
        ('{"text": "two\nlines"}', '{"text": "two\\nlines"}'),
        ('{"n":', '{"n":'),
        ("[1]", "[1]"),
        ("", "{}"),
        (None, "{}"),
        ("null", "{}"),
    ],
)
def test_the_arguments_of_a_call_are_json_text_whatever_the_server_sends(written, arguments):
    call = {"id": None, "type": "function", "function": {"name": "look", "arguments": written}}
    assert read_completion(json.dumps(completion(content=None, tool_calls=[call]))).tool_calls == (
        ToolCall(id="call_0", name="look", arguments=arguments),
    )


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        ({"error": {"message": "all slots are broken", "code": 7}}, "an error under HTTP 200: all slots are broken"),
        ({"error": "out of memory"}, "an error under HTTP 200: out of memory"),
        ({"choices": []}, "the answer has `choices: []`, so no reply"),
        ({"choices": [7]}, "the reply is not in the form of the chat protocol ('int' object has no attribute 'get')"),
        ('{"choices": [{"mess', "the answer ends in the middle of its JSON"),
    ],
)
async def test_an_answer_under_200_that_is_no_completion_is_asked_again_and_fails_in_the_servers_words(
    server, answer, problem
):
    server.script = [(200, {}, answer)] * 6
    adapter = OpenAIModel(base_url=server.url, model="tiny")
    gateway = Gateway(adapter, limiter=Limiter(1), meter=Meter(), wait_s=(0.001, 0.002))
    with pytest.raises(ModelError) as error:
        await gateway.reply(ModelRequest(messages=[{"role": "user", "content": "hello"}], seed=0))
    await gateway.close()
    assert str(error.value) == f"model `tiny` at {server.url} gave no reply in 6 tries; the last one: {problem}"


FOREIGN = [
    ({"detail": "Not Found"}, "the answer has no `choices`: Not Found"),
    ([1], "the answer has no `choices`, so it is not a model server's"),
    ("", "the answer is empty"),
    (
        "<html>It works</html>",
        "the answer is a page, not JSON, so it is not a model server's, but perhaps a proxy's",
    ),
]


@pytest.mark.parametrize(("answer", "problem"), FOREIGN)
async def test_an_answer_of_no_chat_server_is_asked_again_longer_once_the_server_has_replied(server, answer, problem):
    server.script = ["hm", *[(200, {}, answer)] * 6]
    adapter = OpenAIModel(base_url=server.url, model="tiny")
    gateway = Gateway(adapter, limiter=Limiter(1), meter=Meter(), wait_s=(0.001, 0.002))
    request = ModelRequest(messages=[{"role": "user", "content": "hello"}], seed=0)
    assert (await gateway.reply(request)).text == "hm"
    with pytest.raises(ModelError) as error:
        await gateway.reply(request)
    await gateway.close()
    assert str(error.value) == f"model `tiny` at {server.url} gave no reply in 6 tries; the last one: {problem}"


@pytest.mark.parametrize(("answer", "problem"), FOREIGN)
async def test_an_answer_of_no_chat_server_ends_the_run_after_three_tries_where_it_never_replied(
    server, answer, problem
):
    server.script = [(200, {}, answer)] * 6
    adapter = OpenAIModel(base_url=server.url, model="tiny")
    gateway = Gateway(adapter, limiter=Limiter(1), meter=Meter(), wait_s=(0.001, 0.002))
    with pytest.raises(RunError) as error:
        await gateway.reply(ModelRequest(messages=[{"role": "user", "content": "hello"}], seed=0))
    await gateway.close()
    assert str(error.value).startswith(f"`tiny` at {server.url} cannot be asked: {problem}; its server answers, but")
    assert len(server.requests) == 3


def test_the_body_has_only_what_is_set_and_extra_keys_win():
    settings = {"model": "tiny", "temperature": None, "max_tokens": 5}
    call = {"id": "c0", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    messages = [{"role": "user", "content": "Go."}, {"role": "assistant", "content": "", "tool_calls": [call]}]
    assert request_body(settings, ModelRequest(messages=messages, seed=1), extra={"seed": 7, "top_k": 4}) == {
        "model": "tiny", "messages": [messages[0], {**messages[1], "content": None}],
        "seed": 7, "top_k": 4, "max_tokens": 5,
    }  # fmt: skip
