"""The driver and real workers in processes of their own; what Ray adds is tested in `test_ray.py`."""

import asyncio
import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

import ste_graph as ste
from ste_graph.cluster.executor import LOSSES, ClusterExecutor
from ste_graph.errors import RunError, WorkflowError
from ste_graph.run.context import Watcher
from ste_graph.run.execution import execute
from ste_graph.run.summary import Summary
from tests.cluster.conftest import run_here, step_keys
from tests.cluster.processes import Processes


async def run_there(file: Path, out: Path, cluster: Processes, watcher: Watcher | None = None, **set) -> Summary:
    async with ClusterExecutor(cluster) as executor:
        return await execute(ste.load(file, set=set).workflow, out, watcher=watcher, executor=executor)


class Killer(Watcher):
    """Kills a worker each time that so many steps are finished."""

    def __init__(self, cluster: Processes, every: int, times: int) -> None:
        self.cluster, self.every, self.left, self.steps = cluster, every, times, 0

    def step(self, unit: str, step: object, *, replayed: bool) -> None:
        self.steps += not replayed
        if self.left and not replayed and self.steps % self.every == 0:
            self.left -= 1
            next(actor for actor in self.cluster.actors if actor.process.is_alive()).process.kill()


async def test_a_run_on_workers_is_the_run_of_one_process(spread: Path, tmp_path: Path, journal: Callable) -> None:
    await run_here(spread, tmp_path / "here")
    (tmp_path / "workers.txt").unlink()
    summary = await run_there(spread, tmp_path / "there", Processes())
    assert summary.complete
    assert journal(tmp_path / "there") == journal(tmp_path / "here")
    assert step_keys(tmp_path / "there") == step_keys(tmp_path / "here")
    workers = set((tmp_path / "workers.txt").read_text().split())
    assert workers
    assert str(os.getpid()) not in workers


async def test_units_of_lost_workers_go_on_from_their_logs(spread: Path, tmp_path: Path, journal: Callable) -> None:
    await run_here(spread, tmp_path / "here")
    (tmp_path / "sent.txt").unlink()
    cluster = Processes()
    summary = await run_there(spread, tmp_path / "there", cluster, Killer(cluster, every=15, times=3))
    assert summary.complete
    assert len(cluster.actors) > 3
    here, there = journal(tmp_path / "here"), journal(tmp_path / "there")
    assert [trial["id"] for trial in there] == [trial["id"] for trial in here]
    only_read = [trial for trial in here if trial["tool"] != "send"]
    assert [trial for trial in there if trial["tool"] != "send"] == only_read
    assert len(set(step_keys(tmp_path / "there"))) == len(step_keys(tmp_path / "there"))
    # A call that may have taken effect is not made again, so that the model may go on otherwise.
    sent = Counter((tmp_path / "sent.txt").read_text().splitlines())
    assert max(sent.values()) == 1


async def test_a_unit_that_ends_its_workers_fails_and_the_others_go_on(spread: Path, tmp_path: Path) -> None:
    code = "\n\n@ste.tool(effect='read')\ndef bad(x: int) -> int:\n    '''Double.'''\n    os._exit(9)\n"
    (tmp_path / "tools.py").write_text((tmp_path / "tools.py").read_text() + code)
    cluster = Processes()
    summary = await run_there(spread, tmp_path / "run", cluster)
    assert summary.failed.keys() == {"bad"}
    assert f"lost {LOSSES} times" in summary.failed["bad"]
    assert summary.done == 3


async def test_a_worker_whose_folder_is_taken_away_as_it_starts_is_replaced(spread: Path, tmp_path: Path) -> None:
    code = f"""
import os
from pathlib import Path

try:
    if os.getpid() != {os.getpid()}:
        Path({str(tmp_path / "first")!r}).touch(exist_ok=False)
        Path({str(tmp_path / "folder")!r}).mkdir()
        os.chdir({str(tmp_path / "folder")!r})
        os.rmdir({str(tmp_path / "folder")!r})
        os.getcwd()
except FileExistsError:
    pass
"""
    (tmp_path / "tools.py").write_text(code + (tmp_path / "tools.py").read_text())
    cluster = Processes()
    assert (await run_there(spread, tmp_path / "run", cluster)).complete
    assert (tmp_path / "first").exists()
    assert len(cluster.actors) > cluster.cpus


class Stopper(Watcher):
    """Stops the run when so many steps are finished."""

    def __init__(self, after: int) -> None:
        self.stop, self.left = asyncio.Event(), after

    def step(self, unit: str, step: object, *, replayed: bool) -> None:
        self.left -= 1
        if self.left == 0:
            self.stop.set()


async def test_a_run_that_is_stopped_comes_to_rest_and_goes_on(spread: Path, tmp_path: Path, journal: Callable) -> None:
    await run_here(spread, tmp_path / "here")
    stopper, cluster = Stopper(40), Processes()
    async with ClusterExecutor(cluster) as executor:
        summary = await execute(
            ste.load(spread).workflow, tmp_path / "there", watcher=stopper, stop=stopper.stop, executor=executor
        )
    assert summary.stopped_by == "interrupt"
    assert 0 < len(step_keys(tmp_path / "there")) < len(step_keys(tmp_path / "here"))
    assert (await run_there(spread, tmp_path / "there", Processes())).complete
    assert journal(tmp_path / "there") == journal(tmp_path / "here")
    assert step_keys(tmp_path / "there") == step_keys(tmp_path / "here")


async def test_units_of_a_sub_workflow_go_to_the_workers(spread: Path, tmp_path: Path) -> None:
    chain = tmp_path / "chain.yaml"
    chain.write_text("dsl: 2\nname: chain\ngraph:\n  - {run: spread.yaml, name: part}\n")
    summary = await run_there(chain, tmp_path / "run", Processes())
    assert summary.complete
    assert str(os.getpid()) not in (tmp_path / "workers.txt").read_text().split()


async def test_the_budget_holds_over_all_workers(spread: Path, tmp_path: Path) -> None:
    summary = await run_there(spread, tmp_path / "run", Processes(), **{"budget.model_calls": 20})
    assert summary.stopped_by == "budget"
    assert summary.used.model_calls <= 20
    assert (await run_there(spread, tmp_path / "run", Processes())).complete


async def test_secrets_travel_in_memory_by_the_names_of_their_variables(
    spread: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOOL_KEY", "sk-very-secret-7")
    code = (
        (tmp_path / "tools.py")
        .read_text()
        .replace("return width * height", "assert os.environ['TOOL_KEY'] == 'sk-very-secret-7'; return width * height")
    )
    (tmp_path / "tools.py").write_text(code)
    spread.write_text(spread.read_text(encoding="utf-8") + "redact: [{env: TOOL_KEY}]\n", encoding="utf-8")
    cluster = Processes()
    summary = await run_there(spread, tmp_path / "run", cluster)
    assert summary.complete
    assert "AssertionError" not in (tmp_path / "run" / "events.jsonl").read_text()
    units = [sent for actor in cluster.actors for sent in actor.given if b"StartUnit" in sent]
    assert units
    assert not any(b"sk-very-secret-7" in sent for sent in units)
    written = [path.read_bytes() for path in (tmp_path / "run").rglob("*") if path.is_file()]
    assert not any(b"sk-very-secret-7" in content for content in written)


async def test_a_worker_that_lacks_a_tool_module_is_named_without_a_traceback(spread: Path, tmp_path: Path) -> None:
    class Lacking(Processes):
        def start_worker(self, **options):
            (tmp_path / "tools.py").unlink(missing_ok=True)
            return super().start_worker(**options)

    with pytest.raises(RunError, match=r"(?s)worker on node .* cannot use the workflow.*file not found: `tools.py`"):
        await run_there(spread, tmp_path / "run", Lacking())


async def test_a_worker_whose_tools_are_defined_otherwise_is_refused(spread: Path, tmp_path: Path) -> None:
    class Other(Processes):
        def start_worker(self, **options):
            code = (tmp_path / "tools.py").read_text()
            (tmp_path / "tools.py").write_text(code.replace("The area of a rectangle", "Another area"))
            return super().start_worker(**options)

    with pytest.raises(RunError, match=r"has not the same tools as the driver: 1 tool .*`area`"):
        await run_there(spread, tmp_path / "run", Other())


async def test_a_reset_is_refused_as_it_is_of_one_process(spread: Path, tmp_path: Path) -> None:
    spread.write_text(
        spread.read_text(encoding="utf-8") + "reset: {before: tool, command: ['true']}\n", encoding="utf-8"
    )
    with pytest.raises(WorkflowError, match="run it without --executor"):
        await run_there(spread, tmp_path / "run", Processes())
