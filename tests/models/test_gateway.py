"""The gateway against a real HTTP server."""

import asyncio
import time
from contextlib import asynccontextmanager

import pytest

from ste_graph.contracts import Model, ModelRequest, Usage
from ste_graph.errors import BudgetSpentError, ModelError, RunError
from ste_graph.models.gateway import Gateway
from ste_graph.models.limiter import Limiter
from ste_graph.models.meter import Budget, Meter
from ste_graph.models.notes import ServerNotes
from ste_graph.models.openai import OpenAIModel

ASKED = [{"role": "user", "content": "hello"}]
DOWN = (500, {}, {"error": {"message": "out of memory"}})


@asynccontextmanager
async def gateway(server, *, budget=None, in_flight=8, timeout_s=5.0, patience_s=5.0, notes=None, **settings):
    made = Gateway(
        OpenAIModel(base_url=server.url, model="tiny", timeout_s=timeout_s, **settings),
        limiter=Limiter(in_flight),
        meter=Meter(budget=budget or Budget()),
        notes=notes,
        wait_s=(0.001, 0.002),
        patience_s=patience_s,
    )
    try:
        yield made
    finally:
        await made.close()


async def test_a_reply_carries_text_and_tokens_and_what_was_asked_reaches_the_server(server):
    server.script = ["Thought: hm"]
    async with gateway(server, temperature=0.5, max_tokens=20, extra={"top_k": 4}) as model:
        assert isinstance(model, Model)
        reply = await model.reply(ModelRequest(messages=ASKED, seed=2**40 + 5, stop=["Observation:"]))
    assert (reply.text, reply.usage) == ("Thought: hm", Usage(prompt_tokens=7, completion_tokens=2))
    assert {key: value for key, value in server.requests[0].items() if key != "stream"} == {
        "model": "tiny", "messages": ASKED, "seed": 5, "stop": ["Observation:"],
        "temperature": 0.5, "max_tokens": 20, "top_k": 4,
    }  # fmt: skip


async def test_passing_faults_are_retried_until_a_reply_comes(server):
    limited = (429, {"Retry-After": "0"}, {"error": {"message": "slow down"}})
    server.script = [DOWN, limited, (408, {}, {}), (409, {}, {}), DOWN, "at last"]
    async with gateway(server) as model:
        reply = await model.reply(ModelRequest(messages=ASKED, seed=0))
    assert (reply.text, reply.retries, reply.prompt_cut) == ("at last", 5, False)
    assert reply.seconds > 0
    assert (len(server.requests), model.meter.retries, model.meter.model_calls) == (6, 5, 1)


async def test_an_empty_reply_is_asked_for_again_with_another_seed_since_the_same_would_give_the_same(server):
    server.script = ["  ", "at last"]
    async with gateway(server) as model:
        assert (await model.reply(ModelRequest(messages=ASKED, seed=7))).text == "at last"
    assert [request["seed"] for request in server.requests] == [7, 8]


@pytest.mark.parametrize(
    ("reply", "text"),
    [
        ("Thought: hm\nObservation: 4", "Thought: hm\n"),
        ("Observation: 4", "Observation: 4"),
        ("Thought: hm", "Thought: hm"),
    ],
)
async def test_a_reply_that_a_stop_string_may_have_ended_at_once_is_asked_for_again_without_it(server, reply, text):
    server.script = ["", DOWN, reply]
    async with gateway(server) as model:
        assert (await model.reply(ModelRequest(messages=ASKED, seed=0, stop=["Observation:"]))).text == text
    assert [request.get("stop") for request in server.requests] == [["Observation:"], None, None]


async def test_a_model_that_says_nothing_twice_has_given_an_empty_reply(server):
    server.script = ["", ""]
    async with gateway(server) as model:
        reply = await model.reply(ModelRequest(messages=ASKED, seed=0, stop=["Observation:"]))
    assert (reply.text, reply.is_empty, len(server.requests)) == ("", True, 2)


async def test_a_prompt_that_is_too_long_is_answered_with_what_makes_it_shorter(server):
    message = "This model's maximum context length is 4096 tokens. However, your prompt contains 4097 input tokens."
    server.script = [(400, {}, {"error": {"message": message}})]
    async with gateway(server) as model:
        with pytest.raises(ModelError) as error:
            await model.reply(ModelRequest(messages=ASKED, seed=0))
    assert str(error.value).startswith(f"model `tiny` at {server.url} refused the request: 400 {message} The prompt is")
    assert "bound the transcript (its `max_tokens`)" in str(error.value)


async def test_reasoning_is_not_the_reply_and_its_braces_are_not_its_data(server):
    server.script = ['<think>maybe {"a": 0}?</think>{"a": 1}']
    async with gateway(server) as model:
        reply = await model.reply(ModelRequest(messages=ASKED, seed=0, schema={"type": "object"}))
    assert (reply.text, reply.data, reply.reasoning) == ('{"a": 1}', {"a": 1}, 'maybe {"a": 0}?')


async def test_thoughts_that_were_cut_off_are_a_truncated_reply_whatever_the_server_calls_it(server):
    server.script = ["<think>so then", "<think>so then"]
    async with gateway(server) as model:
        reply = await model.reply(ModelRequest(messages=ASKED, seed=0))
    assert (reply.is_empty, reply.is_truncated, reply.reasoning) == (True, True, "so then")


async def test_a_reply_that_is_used_up_by_reasoning_is_empty_truncated_and_has_its_thoughts(server):
    message = {"role": "assistant", "content": None, "reasoning_content": "Hm, so"}
    body = {"id": "1", "choices": [{"index": 0, "finish_reason": "length", "message": message}]}
    server.script = [(200, {}, body)] * 2
    async with gateway(server) as model:
        reply = await model.reply(ModelRequest(messages=ASKED, seed=0))
    assert (reply.is_empty, reply.is_truncated, reply.reasoning) == (True, True, "Hm, so")


async def test_a_hanging_server_is_given_up_after_the_timeout_and_asked_again(server):
    server.script = ["hang", "here"]
    async with gateway(server, timeout_s=0.3) as model:
        assert (await model.reply(ModelRequest(messages=ASKED, seed=0))).text == "here"


async def test_the_wait_is_at_least_what_the_server_asks_for(server):
    server.script = [(429, {"Retry-After": "0.3"}, {"error": {"message": "slow down"}}), "here"]
    async with gateway(server) as model:
        started = time.monotonic()
        await model.reply(ModelRequest(messages=ASKED, seed=0))
    assert time.monotonic() - started >= 0.3


async def test_after_six_tries_the_error_names_model_address_and_last_fault(server):
    server.script = [DOWN] * 7
    async with gateway(server) as model:
        with pytest.raises(ModelError) as error:
            await model.reply(ModelRequest(messages=ASKED, seed=0))
    assert str(error.value) == (
        f"model `tiny` at {server.url} gave no reply in 6 tries; the last one: 500 out of memory"
    )
    assert (len(server.requests), model.meter.model_calls) == (6, 0)


async def test_a_server_that_is_gone_is_a_model_error_and_the_address_shows_no_credentials(server):
    server.stop()
    server.url = server.url.replace("http://", "http://me:hunter2@")
    async with gateway(server, patience_s=0.05) as model:
        with pytest.raises(ModelError, match="has not answered for 0 s: Connection error; run again when") as error:
            await model.reply(ModelRequest(messages=ASKED, seed=0))
        asked = model.meter.retries
        with pytest.raises(ModelError, match="has not answered"):  # each does not wait anew
            await model.reply(ModelRequest(messages=ASKED, seed=0))
    assert "hunter2" not in str(error.value)
    assert model.meter.retries == asked


async def test_a_refusal_that_nothing_cures_is_not_retried_and_the_servers_words_are_kept_but_not_the_key(server):
    server.script = [(400, {}, {"error": {"message": "bad words, s3cret-key"}})] * 2
    async with gateway(server, api_key="s3cret-key") as model:
        with pytest.raises(ModelError) as error:
            await model.reply(ModelRequest(messages=ASKED, seed=0))
        assert "s3cret-key" not in repr(model.adapter)
    assert str(error.value) == f"model `tiny` at {server.url} refused the request: 400 bad words, ***"
    assert server.headers[0]["authorization"] == "Bearer s3cret-key"


async def test_any_text_is_the_models_reply_and_never_asked_for_again(server):
    server.script = ["I cannot help with that."]
    async with gateway(server) as model:
        assert (await model.reply(ModelRequest(messages=ASKED, seed=0))).text == "I cannot help with that."


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ('{"a": 1}', {"a": 1}),
        ('Sure:\n```json\n{"a": [1, 2]}\n```', {"a": [1, 2]}),
        ('It is {"a": "}"} as asked', {"a": "}"}),
        ("no", None),
    ],
)
async def test_a_schema_reaches_the_server_and_the_reply_is_read_tolerantly(server, text, data):
    server.script = [text, text]
    async with gateway(server) as model:
        reply = await model.reply(ModelRequest(messages=ASKED, seed=0, schema={"type": "object"}))
    assert (reply.text, reply.data) == (text, data)
    assert server.requests[0]["response_format"]["json_schema"]["schema"] == {"type": "object"}


async def test_no_more_requests_are_in_flight_than_the_semaphore_allows(server):
    server.script = ["hang", "hang", "one"]
    async with gateway(server, in_flight=2) as model:
        asked = [asyncio.create_task(model.reply(ModelRequest(messages=ASKED, seed=i))) for i in range(3)]
        await asyncio.sleep(0.3)
        assert len(server.requests) == 2
        for task in asked:
            task.cancel()
        await asyncio.gather(*asked, return_exceptions=True)
    assert model.meter.model_calls == 0


async def test_the_budget_is_looked_at_before_a_call_and_replayed_calls_count(server):
    server.script = ["one"]
    async with gateway(server, budget=Budget(model_calls=3)) as model:
        model.meter.add_replayed(model_calls=2, tool_calls=1, usage=Usage(prompt_tokens=10))
        await model.reply(ModelRequest(messages=ASKED, seed=0))
        with pytest.raises(BudgetSpentError) as error:
            await model.reply(ModelRequest(messages=ASKED, seed=1))
    assert str(error.value) == "the budget of 3 model calls is spent: raise `budget.model_calls` and run again"
    assert (len(server.requests), model.meter.tokens) == (1, 19)


async def test_the_token_and_tool_limits_are_named(server):
    meter = Meter(budget=Budget(tokens=5, tool_calls=0))
    meter.add_replayed(usage=Usage(completion_tokens=5))
    with pytest.raises(BudgetSpentError, match="the budget of 5 tokens is spent"), meter.model_call():
        pass
    with pytest.raises(BudgetSpentError, match=r"the budget of 0 tool calls is spent: raise `budget.tool_calls`"):
        await meter.count_tool_call()


def test_a_second_event_loop_of_the_process_can_use_the_same_adapter(server):
    adapter = OpenAIModel(base_url=server.url, model="tiny")
    server.script = ["one", "two"]

    async def once() -> str:
        model = Gateway(adapter, limiter=Limiter(1), meter=Meter())
        try:
            return (await model.reply(ModelRequest(messages=ASKED, seed=0))).text
        finally:
            await model.close()

    assert [asyncio.run(once()), asyncio.run(once())] == ["one", "two"]


async def test_a_run_that_cannot_write_its_notes_is_no_fault_of_the_model(server):
    class Full(ServerNotes):
        def count_retry(self, model: str, reason: str, why: str) -> None:
            raise RunError("the disk is full")

    server.script = [DOWN, "never"]
    async with gateway(server, notes=Full()) as model:
        with pytest.raises(RunError, match=r"^the disk is full$"):
            await model.reply(ModelRequest(messages=ASKED, seed=0))
