import asyncio
import os
from pathlib import Path

import pytest

from ste_graph.training.faults import TrainingError
from ste_graph.training.job import Examine, Make, Train, done
from ste_graph.training.rows import Row


async def test_a_fault_in_the_job_comes_back_in_its_own_words(tmp_path: Path) -> None:
    with pytest.raises(TrainingError) as fault:
        await done(Make(rows=(str(tmp_path / "none.jsonl"),), folder=str(tmp_path / "student")), print)
    assert str(fault.value) == f"{tmp_path}/none.jsonl: there is no such file"


async def test_a_job_whose_owner_is_cancelled_ends(tmp_path: Path) -> None:
    started: list[int] = []
    spawn = asyncio.create_subprocess_exec

    async def watched(*given: object, **named: object) -> object:
        process = await spawn(*given, **named)  # type: ignore[arg-type]
        started.append(process.pid)
        return process

    os.mkfifo(tmp_path / "pipe")  # nobody ever writes to it
    asyncio.create_subprocess_exec = watched  # type: ignore[assignment]
    try:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await done(Make(rows=(str(tmp_path / "pipe"),), folder=str(tmp_path)), print)
    finally:
        asyncio.create_subprocess_exec = spawn
    assert len(started) == 1
    assert not Path(f"/proc/{started[0]}").exists()


@pytest.mark.slow
async def test_a_student_is_made_trained_and_examined_in_processes_of_their_own(
    rows: list[Row], tmp_path: Path
) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text("".join(f"{row.model_dump_json()}\n" for row in rows), "utf-8")
    told: list[str] = []
    made = await done(Make(rows=(str(file),), folder=str(tmp_path / "student")), told.append)
    job = Train(
        base=made["model"], rows=(str(file),), earlier=((str(file),),), replay=0.1, folder=str(tmp_path / "out")
    )
    trained = await done(job.model_copy(update={"how": job.how.model_copy(update={"steps": 20})}), told.append)
    examination = Examine(model=trained["trained"], groups=((str(file),),), known=(str(file),), tokens=16)
    seen = await done(examination, told.append)
    assert (trained["rows"], trained["steps"]) == (106, 20)
    assert (seen["results"][0]["count"], seen["results"][0]["unseen"]) == (96, 0)
    assert told[0].startswith("step 1 of at most 20")
    assert told[-1] == "replying to 96 held-out requests"
