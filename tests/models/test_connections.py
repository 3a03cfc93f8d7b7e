"""The connections to a server: many at once, refused, and lost before an answer."""

from __future__ import annotations

import asyncio
import socket
from base64 import b64encode
from collections.abc import Iterator
from contextlib import closing
from threading import Thread

import pytest
from openai import OpenAIError

from ste_graph.contracts import ModelRequest
from ste_graph.models.chat.request_errors import describe_request_error, is_away, is_overload, retry_reason
from ste_graph.models.openai import OpenAIModel
from tests.servers.chat import Answer, ChatServer, Proceed, Request

AT_ONCE = 64


async def ask(model: OpenAIModel, *numbers: int) -> list[str]:
    requests = [ModelRequest(messages=[{"role": "user", "content": "hello"}], seed=number) for number in numbers]
    client = model.open_client()
    try:
        return [reply.text for reply in await asyncio.gather(*map(client.ask, requests))]
    finally:
        await client.close()


async def test_many_requests_at_once_are_all_answered() -> None:
    def echo_seed(request: Request, proceed: Proceed) -> Answer:
        return Answer(body={"choices": [{"message": {"content": str(request.body["seed"])}}]})

    with ChatServer(echo_seed) as server:
        model = OpenAIModel(base_url=server.url, model=server.model)
        assert await ask(model, *range(AT_ONCE)) == [str(number) for number in range(AT_ONCE)]


@pytest.fixture
def hanging_up() -> Iterator[str]:
    """The address of a server that reads a request and closes the connection without an answer."""
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            with connection:
                connection.recv(65536)

    Thread(target=serve, daemon=True).start()
    with closing(listening):
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/v1"


async def find_error(url: str, timeout_s: float = 5.0) -> Exception:
    with pytest.raises(OpenAIError) as raised:
        await ask(OpenAIModel(base_url=url, model="tiny", timeout_s=timeout_s), 1)
    return raised.value


async def test_a_connection_that_is_closed_without_an_answer_is_no_timeout(hanging_up: str) -> None:
    error = await find_error(hanging_up)
    assert (retry_reason(error), describe_request_error(error)) == ("broken connection", "Connection error.")
    assert not is_overload(error)
    assert not is_away(error)


async def test_a_connection_that_is_refused_says_that_the_server_is_away() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        port = listening.getsockname()[1]
    error = await find_error(f"http://127.0.0.1:{port}/v1")
    assert (retry_reason(error), describe_request_error(error)) == ("no connection", "Connection error.")
    assert is_away(error)
    assert not is_overload(error)


async def test_a_server_that_keeps_silent_is_a_timeout() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        error = await find_error(f"http://127.0.0.1:{listening.getsockname()[1]}/v1", timeout_s=0.1)
    assert retry_reason(error) == "timeout"
    assert is_overload(error)


async def test_credentials_in_an_address_are_sent_in_place_of_the_key() -> None:
    with ChatServer() as server:
        url = server.url.replace("http://", "http://me:hunt%40r2@")
        await ask(OpenAIModel(base_url=url, model=server.model), 1)
        (request,) = server.requests
    assert request.headers["authorization"] == "Basic " + b64encode(b"me:hunt@r2").decode()
