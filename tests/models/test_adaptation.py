"""A client that adapts, against servers that refuse: learnt once, said once, remembered, and the reply is had."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from ste_graph.contracts import ModelRequest
from ste_graph.errors import ModelError, RunError
from ste_graph.models.chat.adaptation import Adaptation, Adaptations
from ste_graph.models.gateway import Gateway
from ste_graph.models.limiter import Limiter
from ste_graph.models.meter import Meter
from ste_graph.models.notes import ServerNotes
from ste_graph.models.openai import OpenAIModel
from tests.servers.chat import ChatServer
from tests.servers.chat.failures import fail_to_parse, first, load
from tests.servers.chat.refusals import ignore, limit_context, refuse, refuse_model, refuse_tools
from tests.servers.chat.replies import break_characters, cut_replies, stay_silent
from tests.servers.chat.server import Answer
from tests.servers.chat.wordings import fail

SCHEMA = {"type": "object", "properties": {"score": {"type": "integer"}}, "required": ["score"]}
TOOL = {"type": "function", "function": {"name": "look", "description": "Look.", "parameters": SCHEMA}}


class Notes(ServerNotes):
    """Keeps what a run would tell."""

    def __init__(self, adaptations: Adaptations | None = None) -> None:
        super().__init__(adaptations)
        self.remarks: list[tuple[str, str]] = []
        self.retries: list[str] = []

    def remark(self, kind: str, text: str, **facts: object) -> None:
        self.remarks.append((kind, text))

    def count_retry(self, model: str, reason: str, why: str) -> None:
        self.retries.append(reason)


@asynccontextmanager
async def ask_through(*behaviours, notes=None, in_flight=8, patience_s=5.0, name="tiny", **settings):
    """A gateway to a server with these behaviours; `settings` are the model's."""
    with ChatServer(*behaviours) as server:
        settings = {"temperature": 0.5, "timeout_s": 5.0, **settings}
        model = Gateway(
            OpenAIModel(base_url=server.url, model=name, **settings),
            limiter=Limiter(in_flight),
            meter=Meter(),
            notes=notes or Notes(),
            wait_s=(0.001, 0.002),
            patience_s=patience_s,
        )
        model.server = server
        yield model
        await model.close()


def request(text: str = "hello", seed: int = 0, **more: object) -> ModelRequest:
    return ModelRequest(messages=[{"role": "user", "content": text}], seed=seed, **more)


async def test_what_is_refused_is_learnt_by_the_first_request_and_never_sent_again():
    async with ask_through(refuse("seed", "temperature")) as model:
        for seed in range(3):
            assert (await model.reply(request(seed=seed))).text
    assert [set(body) & {"seed", "temperature"} for body in model.server.bodies] == [
        {"seed", "temperature"}, {"temperature"}, set(), set(), set(),
    ]  # fmt: skip
    server = f"tiny at {model.server.url}"
    assert model.notes.adaptations.to_json() == {server: {"unsent": ["seed", "temperature"]}}
    assert [text.partition(" from now on")[0] for _, text in model.notes.remarks] == [
        f"{server}: `seed` is not sent", f"{server}: `temperature` is not sent",
    ]  # fmt: skip
    assert model.notes.retries == []


async def test_requests_side_by_side_learn_together_and_say_it_once():
    async with ask_through(refuse("seed", style="mute")) as model:
        replies = await asyncio.gather(*(model.reply(request(seed=seed)) for seed in range(8)))
    assert all(reply.text for reply in replies)
    assert len(model.notes.remarks) == 1
    assert model.notes.adaptations.find(f"tiny at {model.server.url}") == Adaptation(unsent=("seed",))


async def test_what_was_learnt_before_is_known_at_the_start():
    async with ask_through(refuse("seed")) as model:
        model.notes.adaptations.read({f"tiny at {model.server.url}": {"unsent": ["seed"]}, "other": {"gone": 1}})
        await model.reply(request())
    assert (len(model.server.requests), model.notes.remarks) == (1, [])


async def test_a_refusal_of_the_text_itself_does_not_cost_parameters():
    def refuse_word(asked, proceed):
        words = str(asked.body.get("messages"))
        return fail("this cannot be answered", 400) if "forbidden" in words else proceed(asked)

    async with ask_through(refuse_word) as model:
        await model.reply(request())
        with pytest.raises(ModelError, match="refused the request: 400 this cannot be answered"):
            await model.reply(request("forbidden"))
    assert (len(model.server.requests), model.notes.adaptations.to_json()) == (2, {})


async def test_stop_strings_that_are_not_sent_or_are_ignored_end_the_reply_here():
    for behaviour in (refuse("stop"), ignore("stop")):
        async with ask_through(behaviour) as model:
            asked = "Action: look\nAction Input:"
            reply = await model.reply(request(asked, stop=["Observation:"]))
        assert reply.text.endswith("Action Input: {}\n")


async def test_a_schema_that_is_taken_and_not_followed_is_asked_for_in_words():
    def answer_by_words(asked, proceed):
        if "JSON Schema" in asked.body["messages"][-1]["content"]:
            given = proceed(asked)
            message = {"role": "assistant", "content": '{"score": 4}'}
            return Answer(body={**given.body, "choices": [{"message": message}]})
        return proceed(asked)

    async with ask_through(ignore("response_format"), answer_by_words) as model:
        assert (await model.reply(request(schema=SCHEMA))).data == {"score": 4}
    assert model.notes.adaptations.find(f"tiny at {model.server.url}").structured == "prompt"


async def test_a_server_without_tools_is_told_of_them_in_the_prompt():
    async with ask_through(refuse_tools()) as model:
        assert (await model.reply(request(tools=[TOOL]))).text
    first_body, second = model.server.bodies
    assert ("tools" in first_body, "tools" in second) == (True, False)
    assert '{"name": "look", "description": "Look."' in second["messages"][0]["content"]


async def test_a_reply_that_the_server_cannot_read_is_asked_for_with_other_seeds_and_then_is_nobodys():
    async with ask_through(fail_to_parse("always")) as model:
        reply = await model.reply(request(seed=5))
    assert (reply.text, reply.tool_calls) == ("", ())
    assert reply.problem == "500 the generated text does not fit the expected native format"
    assert [body["seed"] for body in model.server.bodies] == [5, 6, 7]
    assert model.notes.retries == ["reply lost by the server"] * 2


async def test_what_the_server_could_not_read_is_the_reply_where_it_gives_it_back():
    answer = fail("no call could be made", 400, code="tool_use_failed", failed_generation="<function=look>{}")
    async with ask_through(first(9, lambda _: answer)) as model:
        assert (await model.reply(request(tools=[TOOL]))).text == "<function=look>{}"


async def test_an_empty_reply_is_asked_once_more():
    async with ask_through(stay_silent()) as model:
        assert (await model.reply(request())).is_empty
    assert (len(model.server.requests), model.notes.retries) == (2, ["empty reply"])


async def test_lone_surrogates_become_the_character_for_what_cannot_be_read():
    async with ask_through(break_characters()) as model:
        reply = await model.reply(request())
    assert reply.text.endswith(" \ufffd")
    reply.text.encode()


async def test_a_reply_that_was_cut_says_so():
    async with ask_through(cut_replies()) as model:
        assert (await model.reply(request())).is_truncated


async def test_a_model_that_is_not_there_yet_is_waited_for_and_that_is_said_once():
    async with ask_through(load(9)) as model:
        assert (await model.reply(request())).text
    assert [kind for kind, _ in model.notes.remarks] == ["away", "back"]
    assert set(model.notes.retries) == {"unreadable answer"}


async def test_a_wrong_name_is_answered_with_the_names_that_are_served():
    async with ask_through(refuse_model(), name="huge") as model:
        with pytest.raises(RunError, match=r"does not serve `huge`: 404 .*; set `model` to one of tiny$"):
            await model.reply(request())
    assert len(model.server.requests) == 1


async def test_a_bound_of_the_reply_gives_way_to_a_long_prompt():
    def bound(asked, proceed):
        long = asked.is_chat and "max_tokens" in asked.body and len(str(asked.body)) > 2000
        return fail("the context length is 600 tokens: prompt and max_tokens are more", 400) if long else proceed(asked)

    async with ask_through(bound, max_tokens=300) as model:
        for text in ("word " * 500, "word", "word " * 500):
            assert (await model.reply(request(text))).text
    assert ["max_tokens" in body for body in model.server.bodies] == [True, False, True, True, False]
    assert len(model.notes.remarks) == 1


async def test_a_prompt_that_is_too_long_says_what_to_set():
    async with ask_through(limit_context(20)) as model:
        with pytest.raises(ModelError, match="OLLAMA_CONTEXT_LENGTH"):
            await model.reply(request("word " * 200))
    assert len(model.server.requests) == 1


async def test_a_prompt_that_the_server_cuts_in_silence_is_told_once():
    async with ask_through(limit_context(500, "cut")) as model:
        for words in (100, 300, 2000, 3000):
            await model.reply(request("word " * words))
    assert [kind for kind, _ in model.notes.remarks] == ["prompt_cut"]
    assert "OLLAMA_CONTEXT_LENGTH" in model.notes.remarks[0][1]


async def test_a_transcript_that_grows_while_the_count_of_tokens_does_not_is_told_too():
    def stuck(asked, proceed):
        given = proceed(asked)
        tokens = min(given.body["usage"]["prompt_tokens"], 2048)
        return Answer(body={**given.body, "usage": {"prompt_tokens": tokens}})

    async with ask_through(stuck) as model:
        for characters in (4_000, 8_000, 9_000, 12_000):
            await model.reply(request("x" * characters))
    assert [kind for kind, _ in model.notes.remarks] == ["prompt_cut"]
