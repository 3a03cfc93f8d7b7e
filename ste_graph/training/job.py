"""Jobs: a student is created, a model trained or examined, each in a process of its own, a few side by side.

A training wants torch's threads, random numbers and memory to itself: two in one process would disturb each other's
random numbers, so that neither result could be reproduced.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterable, Callable, Collection
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeAlias

from pydantic import Field, TypeAdapter

from ste_graph.contracts import Frozen, Json, is_simulated
from ste_graph.training.errors import TrainingError
from ste_graph.training.exactness import exactness
from ste_graph.training.fitting import fit
from ste_graph.training.replay import mix_rows
from ste_graph.training.rows.row import TrainingRow, read_rows
from ste_graph.training.settings import TrainingSettings
from ste_graph.training.student.student import StudentShape, create_student


class CreateStudentJob(Frozen):
    """Create an untrained student whose tokenizer knows these rows."""

    do: Literal["create student"] = "create student"
    rows: tuple[str, ...]
    folder: str
    shape: StudentShape = StudentShape()
    seed: int = 0

    def run(self, progress: Callable[[str], None]) -> dict[str, Json]:
        """Returns the student's folder as `model`."""
        return {"model": str(create_student(read_rows(self.rows), Path(self.folder), self.shape, seed=self.seed))}


class TrainJob(Frozen):
    """Train a model on a batch, with a share of earlier ones and general rows."""

    do: Literal["train"] = "train"
    base: str
    rows: tuple[str, ...]
    folder: str
    settings: TrainingSettings = TrainingSettings()
    earlier: tuple[tuple[str, ...], ...] = ()
    replay: float = 0.0
    general: tuple[str, ...] = ()
    seed: int = 0

    def run(self, progress: Callable[[str], None]) -> dict[str, Json]:
        """Returns a `TrainingResult` as plain data."""
        earlier = [read_rows(paths) for paths in self.earlier]
        general = read_rows(self.general)
        rows = mix_rows(read_rows(self.rows), earlier, replay=self.replay, general=general, seed=self.seed)
        result = fit(self.base, rows, Path(self.folder), self.settings, seed=self.seed, progress=progress)
        return result.model_dump(mode="json")


class ExamineJob(Frozen):
    """Let a model reply to the prompts of held-out files, with one result per group of files."""

    do: Literal["examine"] = "examine"
    model: str
    groups: tuple[tuple[str, ...], ...]
    train_files: tuple[str, ...] = ()
    """A request counts as unseen if none of its freely chosen values is in these files."""
    include: tuple[str, ...] = ()
    """The tools that count; empty: all."""
    tokens: int = 128
    threads: int = 1
    chat: bool = False

    def run(self, progress: Callable[[str], None]) -> dict[str, Json]:
        """Returns `results`, an `Exactness` per group; `replies`, each with its gold call; and `simulated`.

        `simulated` is true if a simulated model came up with any of the requests.
        """
        from ste_graph.models.transformers.completion import load_completer

        model = load_completer(self.model, threads=self.threads)
        known_values = {key for row in read_rows(self.train_files) for key in row.value_keys}
        results: list[Json] = []
        replies: list[dict[str, Json]] = []
        for files in self.groups:
            rows = read_rows(files)
            progress(f"replying to {len(rows):,} held-out requests")
            outputs = model.complete_rows([row.prompt for row in rows], tokens=self.tokens, chat=self.chat)
            results.append(exactness(rows, outputs, known_values, include=self.include).model_dump(mode="json"))
            replies += [_reply(row, output, known_values) for row, output in zip(rows, outputs, strict=True)]
        simulated = any(reply["simulated"] for reply in replies)
        return {"results": results, "replies": replies, "simulated": simulated}


def _reply(row: TrainingRow, output: str, known_values: Collection[str]) -> dict[str, Json]:
    call = row.call
    return {
        "query": row.query,
        "gold": {"tool": call.name, "arguments": call.arguments} if call else None,
        "output": output,
        "unseen": row.is_unseen(known_values),
        "simulated": is_simulated(row.model),
    }


Job: TypeAlias = Annotated[CreateStudentJob | TrainJob | ExamineJob, Field(discriminator="do")]
JOB_ADAPTER: TypeAdapter[CreateStudentJob | TrainJob | ExamineJob] = TypeAdapter(Job)

PROGRESS: Final = b"progress: "
"""The beginning of a line of a job's output that reports progress."""
LONGEST_LINE: Final = 1 << 28
"""Bytes; the last line holds every reply of an examination."""

_slots: dict[asyncio.AbstractEventLoop, asyncio.Semaphore] = {}


async def run_job(job: Job, progress: Callable[[str], None], *, threads: int = 1) -> dict[str, Any]:
    """Runs a job in a process of its own and returns its result; as many run at once as there are CPUs for.

    Raises `TrainingError` with the error that the job met.
    """
    loop = asyncio.get_running_loop()
    slots = _slots.setdefault(loop, asyncio.Semaphore(max(1, (os.cpu_count() or 1) // threads)))
    async with slots:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "ste_graph.training",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            limit=LONGEST_LINE,
            env=os.environ | _environment(threads),
        )
        assert process.stdin
        assert process.stdout
        assert process.stderr
        try:
            # Its input stays open: when it ends, because this process is gone, the job ends too.
            process.stdin.write(job.model_dump_json().encode() + b"\n")
            await process.stdin.drain()
            last_line, stderr = await asyncio.gather(_last_line(process.stdout, progress), process.stderr.read())
            code = await process.wait()
        finally:
            if process.returncode is None:
                with suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
    return _read_result(job, last_line, stderr.decode(errors="replace"), code)


async def _last_line(lines: AsyncIterable[bytes], progress: Callable[[str], None]) -> bytes:
    """The last line, after those that report progress; libraries may print others."""
    line = b""
    async for line in lines:
        if line.startswith(PROGRESS):
            progress(line.removeprefix(PROGRESS).decode().strip())
    return line


def _read_result(job: Job, line: bytes, stderr: str, code: int) -> dict[str, Any]:
    with suppress(ValueError):
        result: dict[str, Any] = json.loads(line)
        if "error" in result:
            raise TrainingError(result["error"])
        return result
    last = stderr.strip().splitlines()[-1] if stderr.strip() else "it printed no error"
    killed = " (killed: perhaps there was too little memory)" if code == -9 else ""
    raise TrainingError(f"the process of `{job.do}` ended with code {code}{killed}: {last}")


def _environment(threads: int) -> dict[str, str]:
    """The variables that limit the threads of a job and silence its libraries."""
    limits = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), str(threads))
    return limits | {
        "TOKENIZERS_PARALLELISM": "false",
        "TRANSFORMERS_VERBOSITY": "error",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "TRL_EXPERIMENTAL_SILENCE": "1",
    }
