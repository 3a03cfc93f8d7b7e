"""LangChain's own providers behind the same gateway."""

import sys

import pytest
from pydantic import ValidationError

from ste_graph.contracts import ModelRequest
from ste_graph.errors import ModelError
from ste_graph.models.gateway import Gateway
from ste_graph.models.langchain import LangChainModel
from ste_graph.models.limiter import Limiter
from ste_graph.models.meter import Meter
from tests.servers.chat import ChatServer
from tests.servers.chat.refusals import refuse

ASKED = [{"role": "user", "content": "hello"}]


def through(server, **settings):
    options = {"base_url": server.url, "temperature": 0.5}
    adapter = LangChainModel(model="openai:tiny", api_key="k-123", options=options, **settings)
    return Gateway(adapter, limiter=Limiter(1), meter=Meter(), wait_s=(0.001, 0.002))


async def test_options_reach_the_provider_and_the_seed_only_where_it_is_taken(server):
    pytest.importorskip("langchain")
    server.script = ["one", (500, {}, {}), "two"]
    assert (await through(server).reply(ModelRequest(messages=ASKED, seed=3, stop=["x"]))).text == "one"
    assert (await through(server, seeded=True).reply(ModelRequest(messages=ASKED, seed=3))).text == "two"
    assert [(sent["temperature"], sent.get("seed")) for sent in server.requests] == [(0.5, None), (0.5, 3), (0.5, 3)]


async def test_a_schema_goes_through_the_providers_structured_output(server):
    pytest.importorskip("langchain")
    server.script = ['{"a": 1}']
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}
    reply = await through(server).reply(ModelRequest(messages=ASKED, seed=0, schema=schema))
    assert (reply.text, reply.data) == ('{"a": 1}', {"a": 1})


async def test_what_a_provider_refuses_is_learnt_from():
    pytest.importorskip("langchain")
    with ChatServer(refuse("stop"), refuse("seed", style="gemini")) as server:
        model = through(server, seeded=True)
        for seed in (1, 2):
            reply = await model.reply(ModelRequest(messages=ASKED, seed=seed, stop=["comes"]))
            assert "comes" not in reply.text
    assert [{"seed", "stop"} & set(body) for body in server.bodies] == [{"seed", "stop"}, {"seed"}, set(), set()]


async def test_a_missing_package_is_told_how_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "langchain.chat_models", None)
    with pytest.raises(ModelError) as error:
        await LangChainModel(model="ollama:qwen3").probe()
    assert str(error.value) == "`use: langchain` needs a package: pip install 'ste-graph[langchain]'"


async def test_a_missing_provider_package_is_named():
    pytest.importorskip("langchain")
    with pytest.raises(ModelError, match=r"`ollama:qwen3` needs its provider's package: .*langchain-ollama"):
        await LangChainModel(model="ollama:qwen3").probe()


def test_a_model_without_its_provider_is_refused():
    with pytest.raises(ValidationError, match="write it as `provider:name`, for example `ollama:qwen3`"):
        LangChainModel(model="qwen3")
