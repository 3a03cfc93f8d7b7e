"""Jobs: what is done in a process of its own, one after the other or a few side by side.

A training wants torch's threads, random numbers and memory to itself: two in one process would disturb each other's
random numbers, so that neither could be had again.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterable, Callable, Collection, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeAlias

from pydantic import Field, TypeAdapter

from ste_graph.contracts import Frozen, Json
from ste_graph.models.label import is_simulated
from ste_graph.training.exactness import exactness
from ste_graph.training.faults import TrainingError
from ste_graph.training.fitting import Fit, fit
from ste_graph.training.replay import mixed
from ste_graph.training.rows import Row, read_rows
from ste_graph.training.student import Student, new_student


class Make(Frozen):
    """Make an untrained student whose tokenizer knows these rows."""

    do: Literal["make"] = "make"
    rows: tuple[str, ...]
    folder: str
    shape: Student = Student()
    seed: int = 0

    def run(self, say: Callable[[str], None]) -> dict[str, Json]:
        """The student's folder, as `model`."""
        return {"model": str(new_student(read_rows(self.rows), Path(self.folder), self.shape, seed=self.seed))}


class Train(Frozen):
    """Train a model on a batch, with a share of earlier ones and general rows."""

    do: Literal["train"] = "train"
    base: str
    rows: tuple[str, ...]
    folder: str
    how: Fit = Fit()
    earlier: tuple[tuple[str, ...], ...] = ()
    replay: float = 0.0
    general: tuple[str, ...] = ()
    seed: int = 0

    def run(self, say: Callable[[str], None]) -> dict[str, Json]:
        """What `Fitted` says, and how many rows there were."""
        earlier = [read_rows(paths) for paths in self.earlier]
        general: Sequence[Row] = read_rows(self.general)
        rows = mixed(read_rows(self.rows), earlier, replay=self.replay, general=general, seed=self.seed)
        fitted = fit(self.base, rows, Path(self.folder), self.how, seed=self.seed, say=say)
        return {**fitted.model_dump(mode="json"), "rows": len(rows)}


class Examine(Frozen):
    """Let a model reply to the prompts of some files, one result per group of files."""

    do: Literal["examine"] = "examine"
    model: str
    groups: tuple[tuple[str, ...], ...]
    known: tuple[str, ...] = ()
    """The files of training rows: a request all of whose free values are in none of them counts as unseen."""
    only: tuple[str, ...] = ()
    """The tools to count; none: all."""
    tokens: int = 128
    threads: int = 1
    chat: bool = False

    def run(self, say: Callable[[str], None]) -> dict[str, Json]:
        """Under `results`, what `Exactness` says of each group; under `replies`, each reply and what it should be.

        `simulated` says whether a simulated model came up with any of the requests.
        """
        from ste_graph.models.completion import completer

        model = completer(self.model, threads=self.threads)
        known = {value for row in (read_rows(self.known) if self.known else ()) for value in row.said}
        results: list[Json] = []
        replies: list[dict[str, Json]] = []
        for files in self.groups:
            rows = read_rows(files)
            say(f"replying to {len(rows):,} held-out requests")
            said = model.to_rows([row.prompt for row in rows], tokens=self.tokens, chat=self.chat)
            results.append(exactness(rows, said, known, only=self.only).model_dump(mode="json"))
            replies += [_reply(row, text, known) for row, text in zip(rows, said, strict=True)]
        simulated = any(reply["simulated"] for reply in replies)
        return {"results": results, "replies": replies, "simulated": simulated}


def _reply(row: Row, output: str, known: Collection[str]) -> dict[str, Json]:
    call = row.call
    return {
        "query": row.query,
        "gold": {"tool": call.name, "arguments": call.arguments} if call else None,
        "output": output,
        "unseen": row.is_unseen(known),
        "simulated": is_simulated(row.model),
    }


Job: TypeAlias = Annotated[Make | Train | Examine, Field(discriminator="do")]
JOB: TypeAdapter[Make | Train | Examine] = TypeAdapter(Job)

PROGRESS: Final = b"progress: "
"""How a line of a job's output begins that tells how far it is."""
LONGEST_LINE: Final = 1 << 28
"""Bytes; the last line holds every reply of an examination."""

_places: dict[asyncio.AbstractEventLoop, asyncio.Semaphore] = {}


async def done(job: Make | Train | Examine, say: Callable[[str], None], *, threads: int = 1) -> dict[str, Any]:
    """What a job gives, worked out in a process of its own; as many run at once as there are CPUs for.

    How far it is, it tells `say`. Raises `TrainingError` with the fault that the job met.
    """
    loop = asyncio.get_running_loop()
    free = _places.setdefault(loop, asyncio.Semaphore(max(1, (os.cpu_count() or 1) // threads)))
    async with free:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "ste_graph.training",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            limit=LONGEST_LINE,
            env=os.environ | _quiet(threads),
        )
        assert process.stdin
        assert process.stdout
        assert process.stderr
        try:
            # Its input stays open: when it ends, because this process is gone, the job ends too.
            process.stdin.write(job.model_dump_json().encode() + b"\n")
            await process.stdin.drain()
            out, said = await asyncio.gather(_last_line(process.stdout, say), process.stderr.read())
            code = await process.wait()
        finally:
            if process.returncode is None:
                with suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
    return _result(job, out, said.decode(errors="replace"), code)


async def _last_line(lines: AsyncIterable[bytes], say: Callable[[str], None]) -> bytes:
    """The last line, behind those that tell how far the job is; libraries may print others."""
    line = b""
    async for line in lines:
        if line.startswith(PROGRESS):
            say(line.removeprefix(PROGRESS).decode().strip())
    return line


def _result(job: Make | Train | Examine, line: bytes, said: str, code: int) -> dict[str, Any]:
    with suppress(ValueError):
        result: dict[str, Any] = json.loads(line)
        if "fault" in result:
            raise TrainingError(result["fault"])
        return result
    last = said.strip().splitlines()[-1] if said.strip() else "it said nothing"
    killed = " (killed: perhaps there was too little memory)" if code == -9 else ""
    raise TrainingError(f"the process of `{job.do}` ended with code {code}{killed}: {last}")


def _quiet(threads: int) -> dict[str, str]:
    one = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), str(threads))
    return one | {
        "TOKENIZERS_PARALLELISM": "false",
        "TRANSFORMERS_VERBOSITY": "error",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "TRL_EXPERIMENTAL_SILENCE": "1",
    }
