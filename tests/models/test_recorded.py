"""Replies from a file."""

import asyncio
import json

import pytest

from ste_graph.contracts import ModelRequest
from ste_graph.errors import ModelError
from ste_graph.models.gateway import Gateway
from ste_graph.models.limiter import Limiter
from ste_graph.models.meter import Meter
from ste_graph.models.recorded import RecordedModel, request_key


def asked(text):
    return [{"role": "user", "content": text}]


def model(tmp_path, *lines):
    path = tmp_path / "replies.jsonl"
    path.write_text("".join(line if isinstance(line, str) else json.dumps(line) + "\n" for line in lines))
    return Gateway(RecordedModel(path=str(path)), limiter=Limiter(4), meter=Meter())


async def test_lines_without_a_key_are_given_in_order_and_never_again(tmp_path):
    recorded = model(tmp_path, {"text": "one", "usage": {"prompt_tokens": 3}}, {"text": "two"})
    assert [(await recorded.reply(ModelRequest(messages=asked("x"), seed=0))).text for _ in range(2)] == ["one", "two"]
    assert recorded.meter.prompt_tokens == 3
    with pytest.raises(ModelError, match=r"replies\.jsonl: all its replies are given: add more, or lower the bounds"):
        await recorded.reply(ModelRequest(messages=asked("x"), seed=0))


async def test_lines_with_a_key_answer_their_request_whatever_the_order(tmp_path):
    recorded = model(
        tmp_path,
        *(
            {"key": request_key(ModelRequest(messages=asked(text), seed=seed)), "text": f"{text}{seed}"}
            for text in "ab"
            for seed in (1, 2)
        ),
    )
    replies = await asyncio.gather(
        *(recorded.reply(ModelRequest(messages=asked(text), seed=seed)) for seed in (2, 1) for text in "ba")
    )
    assert [reply.text for reply in replies] == ["b2", "a2", "b1", "a1"]
    with pytest.raises(
        ModelError, match=f"no reply for this request, key {request_key(ModelRequest(messages=asked('c'), seed=1))}"
    ):
        await recorded.reply(ModelRequest(messages=asked("c"), seed=1))


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ('{"txt": "a"}', "text: Field required; expected"),
        ("[]", "the line: "),
        ("{", "not JSON: "),
        ('{"key": "k", "text": "a"}\n{"key": "k", "text": "b"}', "a second, different reply for key k: keep one"),
    ],
)
async def test_a_wrong_line_is_named_before_the_run(tmp_path, line, fault):
    with pytest.raises(ModelError, match=r"replies\.jsonl:\d: ") as error:
        await model(tmp_path, line).adapter.probe()
    assert fault in str(error.value)


async def test_a_missing_file_is_said_so_by_the_probe():
    with pytest.raises(ModelError, match=r"nowhere\.jsonl: file not found"):
        await RecordedModel(path="nowhere.jsonl").probe()
