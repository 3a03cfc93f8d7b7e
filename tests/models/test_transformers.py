"""A model in this process: what waits at the same time is answered together, as each would be alone."""

import asyncio
from pathlib import Path

import pytest

from ste_graph.contracts import ModelRequest
from ste_graph.errors import ModelError
from ste_graph.models.adapter import ModelClient
from ste_graph.models.transformers import TransformersModel
from ste_graph.models.transformers.completion import Completer, load_completer
from ste_graph.models.transformers.precision import choose_precision, has_fast_bf16
from ste_graph.training.rows.row import TrainingRow
from ste_graph.training.student.student import StudentShape, create_student

PROMPTS = ["User Query: one\n", "User Query: a longer one than the others\n", "two"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    rows = [TrainingRow(prompt=prompt, completion="yes") for prompt in PROMPTS]
    shape = StudentShape(hidden=64, layers=2, heads=2, inner=32, length=128)
    return str(create_student(rows, tmp_path_factory.mktemp("model"), shape))


async def ask(client: ModelClient, prompt: str, stop: tuple[str, ...] = ()) -> str:
    request = ModelRequest(messages=[{"role": "user", "content": prompt}], seed=0, stop=stop)
    return (await client.ask(request)).text


async def test_requests_that_wait_together_are_answered_together_and_as_each_alone(
    folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = [load_completer(folder).complete([prompt], tokens=8)[0] for prompt in PROMPTS]
    sizes: list[int] = []
    complete = Completer.complete
    monkeypatch.setattr(
        Completer,
        "complete",
        lambda self, prompts, **settings: (sizes.append(len(prompts)), complete(self, prompts, **settings))[1],
    )
    client = TransformersModel(model=folder, max_tokens=8).open_client()
    assert await asyncio.gather(*(ask(client, prompt) for prompt in PROMPTS)) == alone
    assert sum(sizes) == 3
    assert len(sizes) <= 2


async def test_a_reply_ends_before_a_stop_sequence(folder: str) -> None:
    client = TransformersModel(model=folder, max_tokens=8).open_client()
    whole = await ask(client, PROMPTS[0])
    assert await ask(client, PROMPTS[0], stop=(whole[2:4],)) == whole[: whole.index(whole[2:4])]


def test_a_chat_template_is_used_where_there_is_one(folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found = load_completer(folder)
    monkeypatch.setattr(found.tokenizer, "chat_template", None)
    talk = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]
    assert found.prompt(talk) == "ab"
    template = "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}<assistant>"
    monkeypatch.setattr(found.tokenizer, "chat_template", template)
    assert found.prompt(talk) == "<user>a<assistant>b<assistant>"


async def test_a_prompt_that_is_too_long_is_refused_and_the_others_are_answered(folder: str) -> None:
    client = TransformersModel(model=folder, max_tokens=8).open_client()
    long = "x" * 121
    first, second = await asyncio.gather(ask(client, PROMPTS[0]), ask(client, long), return_exceptions=True)
    assert isinstance(first, str)
    assert isinstance(second, ModelError)
    assert str(second).startswith(
        f"`{folder}`: the prompt has 121 tokens and the reply may have 8 (`max_tokens`); expected 128 together at most."
    )


async def test_a_folder_without_a_model_is_refused_before_the_run(tmp_path: Path) -> None:
    with pytest.raises(ModelError) as fault:
        await TransformersModel(model=f"{tmp_path}/none").probe()
    assert str(fault.value) == (
        f"no model in {tmp_path}/none; expected a folder that transformers or `ste run finetune` wrote, or the"
        " name of a model on the hub, which starts with none of `.`, `/` and `~`"
    )


@pytest.mark.parametrize(("model", "label"), [("./made/student", "student"), ("Qwen/Qwen3-0.6B", "Qwen/Qwen3-0.6B")])
def test_a_model_is_called_by_its_folder_or_its_name(model: str, label: str) -> None:
    assert TransformersModel(model=model).label == label


def test_a_model_is_computed_in_the_number_format_that_is_fast_here(folder: str, tmp_path: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    half = tmp_path / "half"
    AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16).save_pretrained(half)
    AutoTokenizer.from_pretrained(folder).save_pretrained(half)
    expected = torch.bfloat16 if has_fast_bf16("cpu") else torch.float32
    assert load_completer(str(half), device="cpu").model.dtype == expected
    assert [choose_precision(wanted, "cpu") for wanted in ("fp32", "bf16")] == ["fp32", "bf16"]
