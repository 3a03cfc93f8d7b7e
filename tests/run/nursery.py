"""A process that has imported everything and loaded the embedder, and forks runs that may be killed.

It reads one JSON object a line from stdin, `{"workflow", "out", "kill": null | [place, number] | ["growth", bytes]}`,
and answers each with one: `{"killed": bool, "problem": str | null}`. A forked run opens Chroma and its files by itself;
places are reached by wrapping what stands there, in the child only.
"""

import asyncio
import json
import os
import signal
import sys
import time
import traceback
from pathlib import Path
from typing import Any


def warm_up() -> None:
    import chromadb  # noqa: F401
    import torch

    import ste_graph.run.execution  # noqa: F401
    from ste_graph.memory.vectors.embedders import embedder_for

    torch.set_num_threads(1)
    asyncio.run(embedder_for(None).embed(["warm"]))


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class Countdown:
    """Kills the process the n-th time that it is asked."""

    def __init__(self, number: int) -> None:
        self.left = number

    def due(self) -> bool:
        self.left -= 1
        return self.left == 0

    def __call__(self) -> None:
        if self.due():
            die()


def arm(place: str, number: int) -> None:
    """Make this process die the `number`-th time that it comes to a place."""
    from ste_graph.files import jsonl
    from ste_graph.files.jsonl import LineFile
    from ste_graph.memory.experience.index import EntryIndex
    from ste_graph.memory.experience.store import ExperienceStore
    from ste_graph.run.folder import RunFolder
    from ste_graph.run.logs.journal import Journal
    from ste_graph.tools.python.function import FunctionTool

    countdown = Countdown(number)

    def before(owner: Any, name: str) -> None:
        original = getattr(owner, name)
        setattr(owner, name, lambda *args, **kwargs: (countdown(), original(*args, **kwargs))[1])

    def after(owner: Any, name: str) -> None:
        original = getattr(owner, name)
        setattr(owner, name, lambda *args, **kwargs: (original(*args, **kwargs), countdown())[0])

    def within_a_log_write() -> None:
        original = LineFile.append

        def half(self: LineFile, value: dict, **kwargs: Any) -> None:
            if countdown.due():
                data = json.dumps(value).encode()
                self._open().write(data[: len(data) // 2])
                die()
            original(self, value, **kwargs)

        LineFile.append = half

    def after_a_tools_call() -> None:
        original = FunctionTool.call

        async def then_die(self: FunctionTool, arguments: dict) -> Any:
            observation = await original(self, arguments)
            countdown()
            return observation

        FunctionTool.call = then_die

    places = {
        "before a log write": lambda: before(LineFile, "append"),
        "within a log write": within_a_log_write,
        "after a log write": lambda: after(LineFile, "append"),
        "before fsync": lambda: before(jsonl.os, "fsync"),
        "after fsync": lambda: after(jsonl.os, "fsync"),
        "between log and journal": lambda: before(Journal, "add"),
        "between log and Chroma": lambda: before(EntryIndex, "add"),
        "before a memory closes": lambda: before(ExperienceStore, "close"),
        "after Chroma": lambda: after(EntryIndex, "add"),
        "before the lock file": lambda: before(RunFolder, "write_lock"),
        "after a tool's call": after_a_tools_call,
    }
    places[place]()


def run(order: dict) -> None:
    """In the child: the run, to its end or its death."""
    import ste_graph as ste
    from ste_graph.run.logs import step_log

    step_log.SYNC_S = 0.0  # so that a run of some seconds reaches the disk often
    kill = order["kill"]
    if kill and kill[0] != "growth":
        arm(*kill)
    summary = ste.load(order["workflow"]).run(out=order["out"])
    if not summary.complete or summary.failed:
        raise AssertionError(f"not complete: {summary}")


def size(out: Path) -> int:
    return sum(file.stat().st_size for file in out.glob("units/*.jsonl"))


def child_of(order: dict) -> dict:
    out = Path(order["out"])
    problems = out.with_suffix(".problem")
    problems.unlink(missing_ok=True)
    goal = size(out) + order["kill"][1] if order["kill"] and order["kill"][0] == "growth" else None
    pid = os.fork()
    if pid == 0:
        try:
            run(order)
        except BaseException:
            problems.write_text(traceback.format_exc(), encoding="utf-8")
        finally:
            os._exit(0)
    while True:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            problem = problems.read_text("utf-8") if problems.exists() else None
            return {"killed": os.WIFSIGNALED(status), "problem": problem}
        if goal is not None and size(out) >= goal:
            os.kill(pid, signal.SIGKILL)
            goal = None
        time.sleep(0.0005)


def main() -> None:
    warm_up()
    for line in sys.stdin:
        print(json.dumps(child_of(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
