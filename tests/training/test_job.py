import asyncio
from pathlib import Path

import pytest

from ste_graph.training.errors import TrainingError
from ste_graph.training.job import CreateStudentJob, ExamineJob, TrainJob, run_job
from ste_graph.training.rows.row import TrainingRow


async def test_an_error_of_the_job_is_raised_with_its_own_message(tmp_path: Path) -> None:
    with pytest.raises(TrainingError) as fault:
        await run_job(CreateStudentJob(rows=(str(tmp_path / "none.jsonl"),), folder=str(tmp_path / "student")), print)
    assert str(fault.value) == f"{tmp_path}/none.jsonl: file not found"


async def test_a_job_whose_owner_is_cancelled_ends(tmp_path: Path) -> None:
    started: asyncio.Queue[int] = asyncio.Queue()
    spawn = asyncio.create_subprocess_exec

    async def spawn_and_note(*given: object, **named: object) -> object:
        process = await spawn(*given, **named)  # type: ignore[arg-type]
        await started.put(process.pid)
        return process

    (tmp_path / "rows.jsonl").write_text("")
    asyncio.create_subprocess_exec = spawn_and_note  # type: ignore[assignment]
    try:
        job = CreateStudentJob(rows=(str(tmp_path / "rows.jsonl"),), folder=str(tmp_path))
        owner = asyncio.create_task(run_job(job, print))
        pid = await started.get()
        owner.cancel()
        with pytest.raises(asyncio.CancelledError):
            await owner
    finally:
        asyncio.create_subprocess_exec = spawn
    assert not Path(f"/proc/{pid}").exists()


@pytest.mark.slow
async def test_a_student_is_created_trained_and_examined_in_processes_of_their_own(
    rows: list[TrainingRow], tmp_path: Path
) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text("".join(f"{row.model_dump_json()}\n" for row in rows), "utf-8")
    reports: list[str] = []
    created = await run_job(CreateStudentJob(rows=(str(file),), folder=str(tmp_path / "student")), reports.append)
    job = TrainJob(
        base=created["model"], rows=(str(file),), earlier=((str(file),),), replay=0.1, folder=str(tmp_path / "out")
    )
    trained = await run_job(
        job.model_copy(update={"settings": job.settings.model_copy(update={"steps": 20})}), reports.append
    )
    examination = ExamineJob(model=trained["model"], groups=((str(file),),), train_files=(str(file),), tokens=16)
    examined = await run_job(examination, reports.append)
    assert (trained["rows"], trained["steps"]) == (106, 20)
    assert (examined["results"][0]["count"], examined["results"][0]["unseen"]) == (96, 0)
    assert reports[0].startswith("step 1 of at most 20")
    assert reports[-1] == "replying to 96 held-out requests"
