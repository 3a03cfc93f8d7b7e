import asyncio

import pytest
from openai import AsyncOpenAI, InternalServerError

from ste_graph.contracts import ModelRequest
from ste_graph.models.connections import POOL_SIZE
from ste_graph.models.openai import OpenAIModel
from tests.servers.chat import Answer, ChatServer, Proceed, Request

AT_ONCE = 3 * POOL_SIZE + 1


async def ask(client, *numbers: int) -> list[str]:
    requests = [ModelRequest(messages=[{"role": "user", "content": "hello"}], seed=number) for number in numbers]
    return [reply.text for reply in await asyncio.gather(*map(client.ask, requests))]


@pytest.fixture
def made(monkeypatch) -> list[AsyncOpenAI]:
    """The clients of the library that were made."""
    clients: list[AsyncOpenAI] = []
    connect = OpenAIModel.connect

    def note(model: OpenAIModel, timeout_s: float) -> AsyncOpenAI:
        clients.append(connect(model, timeout_s))
        return clients[-1]

    monkeypatch.setattr(OpenAIModel, "connect", note)
    return clients


async def test_many_requests_at_once_are_all_answered_over_pools_of_one_size(made) -> None:

    def echo_seed(request: Request, proceed: Proceed) -> Answer:
        return Answer(body={"choices": [{"message": {"content": str(request.body["seed"])}}]})

    with ChatServer(echo_seed) as server:
        client = OpenAIModel(base_url=server.url, model=server.model).open_client()
        try:
            assert await ask(client, *range(AT_ONCE)) == [str(number) for number in range(AT_ONCE)]
            assert len(made) == 4
            await ask(client, *range(AT_ONCE))
            assert len(made) == 4, "places that are free again are used again"
        finally:
            await client.close()


async def test_a_request_that_fails_gives_its_place_back(made) -> None:
    with ChatServer(lambda request, proceed: Answer(503, {"error": {"message": "busy"}})) as server:
        client = OpenAIModel(base_url=server.url, model=server.model).open_client()
        for _ in range(2 * POOL_SIZE):
            with pytest.raises(InternalServerError, match="busy"):
                await ask(client, 0)
        await client.close()
    assert len(made) == 1
