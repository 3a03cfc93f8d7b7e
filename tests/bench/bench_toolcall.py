"""The cost of a tool call beyond the function itself: validation, policy, limits and the record in the log."""

from __future__ import annotations

import asyncio
import tempfile
import time
from pathlib import Path
from statistics import median

from ste_graph.ids import now
from ste_graph.redaction import Redactor
from ste_graph.run.cassettes.recording import Recording
from ste_graph.run.logs.logged_step import LoggedStep
from ste_graph.run.logs.step_log import StepLog
from ste_graph.run.logs.usage_counts import UsageCounts
from ste_graph.tools.python.function import FunctionTool
from ste_graph.tools.toolbox import Toolbox

CALLS = 2000
ALLOWED_MS = 1.0
ARGUMENTS = {"date": "2024-02-28", "days": 3}


async def bare(date: str, days: int) -> str:
    """Give the date that lies some days after another."""
    return f"{date} + {days}"


def in_thread(date: str, days: int) -> str:
    """Give the date that lies some days after another, from a function that may block."""
    return f"{date} + {days}"


async def spent(call: object) -> float:
    """Milliseconds of one call, the median."""
    found = []
    for number in range(CALLS):
        started = time.perf_counter()
        await call(number)  # type: ignore[operator]
        found.append((time.perf_counter() - started) * 1000)
    return median(found)


async def measured(folder: Path) -> dict[str, float]:
    """Milliseconds beyond the bare call, by way of calling."""
    tools = [FunctionTool.of("add_days", bare, "read"), FunctionTool.of("blocking", in_thread, "read")]
    recording = Recording(folder / "cassette")
    plain = Toolbox(tools)
    taped = Toolbox(tools, redactor=Redactor(["a secret of sixteen", "and another one"]), tape=recording)
    log = StepLog(folder / "unit.jsonl")

    async def function(number: int) -> None:
        await bare(**ARGUMENTS)  # type: ignore[arg-type]

    async def recorded(number: int, name: str = "add_days", box: Toolbox = plain) -> None:
        observation = await box.call(name, ARGUMENTS, place=f"unit | observe turn={number} #0")
        outputs = {"text": observation.text, "observation": observation.model_dump(mode="json")}
        step = LoggedStep(
            key=f"observe turn={number}", started=now(), ended=now(), outputs=outputs, used=UsageCounts(tool_calls=1)
        )
        log.add_step(step)

    floor = await spent(function)
    found = {
        "validated, allowed, recorded": await spent(recorded),
        "the same, with secrets struck out and a cassette": await spent(lambda n: recorded(n, box=taped)),
        "the same as the first, for a function in a thread of its own": await spent(lambda n: recorded(n, "blocking")),
    }
    recording.close()
    log.close()
    return {name: took - floor for name, took in found.items()}


def main() -> None:
    """Print one line per way of calling."""
    with tempfile.TemporaryDirectory() as folder:
        for name, took in asyncio.run(measured(Path(folder))).items():
            print(f"tool call beyond the function, {name}: {took:.3f} ms median (reach: under {ALLOWED_MS:g} ms)")


if __name__ == "__main__":
    main()
