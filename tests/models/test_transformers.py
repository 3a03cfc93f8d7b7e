"""A model in this process: what waits at the same time is answered together, as each would be alone."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import HumanMessage

from ste_graph.errors import ModelError
from ste_graph.models.completion import Completer, completer
from ste_graph.models.transformers import TransformersModel
from ste_graph.training.rows import Row
from ste_graph.training.student import Student, new_student

PROMPTS = ["User Query: one\n", "User Query: a longer one than the others\n", "two"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    rows = [Row(prompt=prompt, completion="yes") for prompt in PROMPTS]
    shape = Student(hidden=64, layers=2, heads=2, inner=32, length=128)
    return str(new_student(rows, tmp_path_factory.mktemp("model"), shape))


async def ask(chat: Any, prompt: str, **settings: Any) -> str:
    return str((await chat.ainvoke([HumanMessage(prompt)], **settings)).content)


async def test_requests_that_wait_together_are_answered_together_and_as_each_alone(
    folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = [completer(folder).complete([prompt], tokens=8)[0] for prompt in PROMPTS]
    sizes: list[int] = []
    complete = Completer.complete
    monkeypatch.setattr(
        Completer,
        "complete",
        lambda self, prompts, **settings: (sizes.append(len(prompts)), complete(self, prompts, **settings))[1],
    )
    chat = TransformersModel(model=folder, max_tokens=8).chat()
    assert await asyncio.gather(*(ask(chat, prompt) for prompt in PROMPTS)) == alone
    assert sum(sizes) == 3
    assert len(sizes) <= 2


async def test_a_reply_ends_before_a_stop_sequence(folder: str) -> None:
    chat = TransformersModel(model=folder, max_tokens=8).chat()
    whole = await ask(chat, PROMPTS[0])
    assert await ask(chat, PROMPTS[0], stop=[whole[2:4]]) == whole[: whole.index(whole[2:4])]


def test_a_chat_template_is_used_where_there_is_one(folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found = completer(folder)
    monkeypatch.setattr(found.tokenizer, "chat_template", None)
    talk = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]
    assert found.prompt(talk) == "ab"
    template = "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}<assistant>"
    monkeypatch.setattr(found.tokenizer, "chat_template", template)
    assert found.prompt(talk) == "<user>a<assistant>b<assistant>"


async def test_a_prompt_that_is_too_long_is_refused_and_the_others_are_answered(folder: str) -> None:
    chat = TransformersModel(model=folder, max_tokens=8).chat()
    long = "x" * 121
    first, second = await asyncio.gather(ask(chat, PROMPTS[0]), ask(chat, long), return_exceptions=True)
    assert isinstance(first, str)
    assert isinstance(second, ModelError)
    assert str(second).startswith(
        f"`{folder}`: the prompt has 121 tokens and the reply may have 8 (`max_tokens`); expected 128 together at most."
    )


async def test_a_folder_without_a_model_is_refused_before_the_run(tmp_path: Path) -> None:
    with pytest.raises(ModelError) as fault:
        await TransformersModel(model=f"{tmp_path}/none").probe()
    assert str(fault.value) == (
        f"there is no model in {tmp_path}/none; expected a folder that transformers or `ste run finetune` wrote,"
        " or the name of a model on the hub, which starts with none of `.`, `/` and `~`"
    )


@pytest.mark.parametrize(("model", "label"), [("./made/student", "student"), ("Qwen/Qwen3-0.6B", "Qwen/Qwen3-0.6B")])
def test_a_model_is_called_by_its_folder_or_its_name(model: str, label: str) -> None:
    assert TransformersModel(model=model).label == label
