"""Whether a server is there, and what is said if it is not."""

import pytest
from pydantic import ValidationError

from ste_graph.contracts import ModelRequest
from ste_graph.errors import ModelError
from ste_graph.models.openai import OpenAIModel


async def said(server, **settings):
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


async def test_a_refused_key_is_told_which_setting_to_change(server):
    server.models = 401
    assert await said(server) == (
        f"the model server at {server.url} refuses the key (401): set `api_key`,"
        " for example to {env: OPENAI_API_KEY}, or that environment variable"
    )


async def test_an_address_without_models_is_told_how_it_usually_ends(server):
    server.models = 404
    assert await said(server) == (
        f"{server.url} answers, but has no /models: `base_url` of an OpenAI-compatible server usually ends in /v1"
    )


async def test_a_server_that_is_down_is_said_so_at_once(server):
    server.stop()
    assert await said(server) == (
        f"no model server answers at {server.url}: start it, or set `base_url` to where it runs"
    )


async def test_the_key_comes_from_the_environment_where_none_is_set(server, monkeypatch):
    await OpenAIModel(base_url=server.url, model="tiny").probe()
    monkeypatch.setenv("OPENAI_API_KEY", "from-env")
    await OpenAIModel(base_url=server.url, model="tiny").probe()
    assert [sent["authorization"] for sent in server.headers] == ["Bearer none", "Bearer from-env"]


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
