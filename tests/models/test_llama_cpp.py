"""`use: llama_cpp`: a program in llama-server's place, and the real one where it was built (`make real-llama`)."""

import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from ste_graph.contracts import ModelRequest
from ste_graph.errors import ModelError
from ste_graph.models.gateway import Gateway
from ste_graph.models.limiter import Limiter
from ste_graph.models.llama_cpp import LlamaCppModel
from ste_graph.models.meter import Meter
from ste_graph.models.servers.servers import Servers

FAKE = Path(__file__).with_name("fake_vllm.py")


@pytest.fixture
def program(tmp_path: Path) -> str:
    """A program that takes llama-server's arguments."""
    file = tmp_path / "llama-server"
    file.write_text(f'#!/bin/sh\nexec {sys.executable} {FAKE} --served-model-name "$4" "$@"\n')
    file.chmod(0o755)
    return str(file)


@pytest.fixture
def weights(tmp_path: Path) -> str:
    file = tmp_path / "tiny.gguf"
    file.touch()
    return str(file)


async def test_a_server_is_started_and_ended_with_the_run(program: str, weights: str, tmp_path: Path) -> None:
    heard: list[str] = []
    model = LlamaCppModel(model=weights, program=program, args={"ctx_size": 512, "jinja": True}, temperature=0.5)
    async with Servers(tmp_path, heard.append) as servers, servers.part() as part:
        asked = await model.start("main", part)
        await asked.probe()
        assert asked.model == "tiny"
        assert asked.temperature == 0.5
    assert heard[-1].startswith("llama-server is ready after ")
    log = (tmp_path / "llama-server-main.log").read_text()
    assert f"$ {program} --model {weights} --alias tiny --host 127.0.0.1 --ctx-size 512 --jinja --port " in log


def test_a_name_on_the_hub_an_adapter_and_a_key_reach_the_server(weights: str) -> None:
    server = LlamaCppModel(model="org/tiny-GGUF:Q4_0", adapter=weights, api_key="s3cret").server
    assert server.command == (
        "llama-server", "--hf-repo", "org/tiny-GGUF:Q4_0", "--alias", "org/tiny-GGUF:Q4_0", "--lora", weights,
        "--host", "127.0.0.1",
    )  # fmt: skip
    assert server.env == {"LLAMA_API_KEY": "s3cret"}
    assert "s3cret" not in repr(server)


async def test_a_program_that_is_not_there_is_named(weights: str, tmp_path: Path) -> None:
    async with Servers(tmp_path, lambda text: None) as servers, servers.part() as part:
        with pytest.raises(ModelError, match=r"llama-server cannot start: .*`/nowhere/server` is not a program here"):
            await LlamaCppModel(model=weights, program="/nowhere/server").start("main", part)
        with pytest.raises(ModelError, match=r"no file .*missing.gguf; expected one in GGUF form"):
            await LlamaCppModel(model=str(tmp_path / "missing.gguf")).start("main", part)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"args": {"hf_repo": "x"}}, "`hf_repo` has a setting of its own: write `model:`"),
        ({"url": "http://127.0.0.1:1", "port": 8080}, "`port` starts a server, and `url` uses one that runs"),
    ],
)
def test_settings_that_contradict_one_another_are_refused(settings: dict, words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        LlamaCppModel(model="org/x", **settings)


@pytest.mark.slow
async def test_a_real_server_counts_the_prompt_tokens_that_it_had_read_before(tmp_path: Path) -> None:
    folder = Path.home() / ".cache" / "ste-graph" / "real-model"  # where `make real-llama` builds it
    program, found = folder / "llama-server", sorted(folder.glob("*.gguf"))
    if not (program.is_file() and found):
        pytest.skip("llama-server is not built: make real-llama")
    arguments = {"ctx_size": 1024, "threads": 1, "parallel": 1}
    model = LlamaCppModel(model=str(found[0]), program=str(program), args=arguments, max_tokens=2, temperature=0)
    system = {"role": "system", "content": "You name one colour. " * 12}
    async with Servers(tmp_path, lambda text: None) as servers, servers.part() as part:
        gateway = Gateway(await model.start("main", part), limiter=Limiter(1), meter=Meter())
        replies = [
            await gateway.reply(ModelRequest(messages=[system, {"role": "user", "content": text}], seed=0))
            for text in ("Of grass?", "Of the sky?")
        ]
        await gateway.close()
    first, second = (reply.usage for reply in replies)
    assert first.cached_tokens == 0
    assert second.prompt_tokens > second.cached_tokens > 0.7 * second.prompt_tokens
