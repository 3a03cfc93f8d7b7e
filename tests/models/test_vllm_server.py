"""`use: vllm` with vLLM itself, on the CPU, and a tiny model of random weights."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import ste_graph as ste
from ste_graph.contracts import ModelRequest
from ste_graph.models.gateway import Gateway
from ste_graph.models.limiter import Limiter
from ste_graph.models.meter import Meter
from ste_graph.models.servers.servers import Servers
from ste_graph.models.vllm import VLLMModel
from ste_graph.training.job import CreateStudentJob, ExamineJob, TrainJob, run_job
from ste_graph.training.rows.row import TrainingRow
from ste_graph.training.settings import LoraSettings, TrainingSettings
from ste_graph.training.student.student import StudentShape

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".venv-vllm" / "bin" / "python"
# On a CPU, vLLM 0.32 dies of a request with a seed whose prompt it takes in more than one part ("CPU Generator does not
# use offset"): so it takes each prompt whole.
WHOLE = {"enable_chunked_prefill": False, "max_num_batched_tokens": 8192}
SETTINGS = {
    "python": str(PYTHON),
    "args": {"dtype": "float32", "max_model_len": 4096, "enforce_eager": True, "max_num_seqs": 16} | WHOLE,
    "env": {"VLLM_CPU_KVCACHE_SPACE": 1, "HF_HUB_OFFLINE": 1},
    "ready_s": 400,
}

pytestmark = [
    pytest.mark.vllm,
    pytest.mark.skipif(
        not (PYTHON.parents[1] / "installed").exists(), reason="no .venv-vllm: `make test-vllm` makes it"
    ),
]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "tiny"
    made = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("tiny_llama.py")), str(folder)], capture_output=True, text=True
    )
    assert made.returncode == 0, made.stderr
    return folder


def processes_naming(text):
    """Of the processes that run, those whose arguments or environment hold the text."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            known = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
            state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue
        if text.encode() in known and state != "Z" and int(entry.name) != os.getpid():
            found.append(int(entry.name))
    return sorted(found)


def test_a_run_with_a_model_that_makes_no_sense_ends_well_and_leaves_only_its_log(tiny, tmp_path):
    explorer = {"use": "vllm", "model": str(tiny), "temperature": 1.0, "max_tokens": 24} | SETTINGS
    explorer["env"] = explorer["env"] | {"STE_TEST": str(tmp_path)}
    small = {"params.episodes": 1, "params.trials": 2, "params.turns": 2}
    summary = ste.load(ROOT / "workflows" / "paper.yaml", set={"models.explorer": explorer, **small}).run(
        tmp_path / "run"
    )
    assert (summary.complete, summary.failed, summary.records["trial"]) == (True, {}, 24)
    trials = [json.loads(line) for line in (tmp_path / "run" / "journal.jsonl").read_text("utf-8").splitlines()]
    assert {trial["model"] for trial in trials} == {"tiny"}
    assert {step["action"] for trial in trials for step in trial["steps"]} == {None}
    assert "Application startup complete" in (tmp_path / "run" / "vllm-explorer.log").read_text("utf-8", "replace")
    assert processes_naming(str(tmp_path)) == []
    print(f"\nused {summary.used}; calls {dict(summary.calls)}")


PROMPTS = [f"{word} {number}" for number in range(1, 6) for word in ("Hello", "Action: add_days", "{", "Grüße, 日本")]


async def greedy(folder, log, prompts, adapters=("",)):
    """The replies of vLLM to each prompt, with each of the adapters (empty: none), from one server."""
    models = [
        VLLMModel(model=str(folder), adapter=str(adapter), temperature=0, max_tokens=32, **SETTINGS)
        for adapter in adapters
    ]
    async with Servers(log, lambda text: None) as servers, servers.part() as part:
        for model in models:
            part.expect(model.server)
        return [await replies(await model.start("tiny", part), prompts) for model in models]


async def replies(opened, prompts):
    gateway = Gateway(opened, limiter=Limiter(8), meter=Meter())
    asked = [gateway.reply(ModelRequest(messages=[{"role": "user", "content": prompt}], seed=0)) for prompt in prompts]
    texts = [reply.text for reply in await asyncio.gather(*asked)]
    await gateway.close()
    return texts


def test_greedy_text_is_that_of_transformers(tiny, tmp_path):
    expected = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("tiny_llama.py")), str(tiny), *PROMPTS],
        capture_output=True, text=True, check=True,
    )  # fmt: skip

    # Of a last character that is cut off, vLLM shows nothing, and transformers a replacement.
    whole = [text.rstrip("\ufffd") for text in json.loads(expected.stdout)]
    [served] = asyncio.run(greedy(tiny, tmp_path, PROMPTS))
    assert [text.rstrip("\ufffd") for text in served] == whole
    assert len(set(whole)) == len(PROMPTS)


async def test_a_trained_student_and_its_adapter_say_what_they_say_in_transformers(tmp_path):
    roman, words = (
        [
            TrainingRow(prompt=f"User Query: Please write {number} {how}.\n", completion=f"Action: {tool} {number}")
            for number in range(100, 160)
        ]
        for how, tool in (("as a numeral", "to_roman"), ("in words", "spell"))
    )
    files = {"roman": str(tmp_path / "roman.jsonl"), "words": str(tmp_path / "words.jsonl")}
    for name, rows in (("roman", roman), ("words", words)):
        Path(files[name]).write_text("".join(f"{row.model_dump_json()}\n" for row in rows), "utf-8")
    made = await run_job(
        CreateStudentJob(
            rows=tuple(files.values()), folder=str(tmp_path / "untrained"), shape=StudentShape(length=4096)
        ),
        print,
    )
    settings = TrainingSettings(steps=60, learning_rate=3e-3, warmup_steps=5)
    student = await run_job(
        TrainJob(base=made["model"], rows=(files["roman"],), folder=str(tmp_path / "student"), settings=settings), print
    )
    lora = settings.model_copy(update={"lora": LoraSettings(rank=4), "learning_rate": 1e-2})
    adapter = await run_job(
        TrainJob(base=student["model"], rows=(files["words"],), folder=str(tmp_path / "words"), settings=lora), print
    )
    asked = [row.prompt for row in (*roman, *words)]
    expected = [
        await run_job(ExamineJob(model=model["model"], groups=(tuple(files.values()),), tokens=32), print)
        for model in (student, adapter)
    ]
    served = await greedy(student["model"], tmp_path, asked, ("", adapter["model"]))
    assert served == [[reply["output"] for reply in model["replies"]] for model in expected]
    plain, adapted = served
    assert len(set(plain)) > 30
    assert sum(text.startswith("Action: spell") for text in adapted) > sum("spell" in text for text in plain)


RUN = """
import asyncio, json, sys
from pathlib import Path
from ste_graph.models.servers.servers import Servers
from ste_graph.models.vllm import VLLMModel

async def main():
    async with Servers(Path(sys.argv[1]), print) as servers, servers.part() as part:
        await VLLMModel(**json.loads(sys.argv[2])).start("tiny", part)
        print("up", flush=True)
        await asyncio.sleep(600)

asyncio.run(main())
"""


def test_a_killed_run_leaves_no_process_of_vllm_behind(tiny, tmp_path):
    settings = json.dumps({"model": str(tiny), **SETTINGS})
    with subprocess.Popen(
        [sys.executable, "-c", RUN, str(tmp_path), settings], stdout=subprocess.PIPE, text=True
    ) as run:
        assert run.stdout
        assert any(line == "up\n" for line in run.stdout), (tmp_path / "vllm-tiny.log").read_text("utf-8")
        group = {pid: (Path("/proc") / str(pid) / "cmdline").read_bytes() for pid in descendants(run.pid)}
        assert any(b"EngineCore" in name for name in group.values()), group
        os.kill(run.pid, signal.SIGKILL)
    killed = time.monotonic()
    while any(running(pid) for pid in group) and time.monotonic() < killed + 20:
        time.sleep(0.05)
    assert not any(running(pid) for pid in group), [name for pid, name in group.items() if running(pid)]
    print(f"\n{len(group)} processes ended {time.monotonic() - killed:.1f} s after the run was killed")


def running(pid):
    try:
        return (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def descendants(pid):
    threads = Path("/proc") / str(pid) / "task"
    children = {int(child) for task in threads.glob("*/children") for child in task.read_text().split()}
    return children | {below for child in children for below in descendants(child)}
