"""A Ray cluster of three nodes on this machine, of which one is killed in mid run. It takes some twenty seconds."""

import asyncio
import os
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

import ste_graph as ste
from ste_graph.cluster.executor import ClusterExecutor
from ste_graph.cluster.ray_cluster import RayCluster, read_address
from ste_graph.errors import RunError, WorkflowError
from ste_graph.run.execution import execute
from tests.cluster.conftest import run_here, step_keys

needs_ray = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning", "ignore::FutureWarning")


@pytest.fixture
def nodes(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple]:
    """A cluster: a head without CPUs, and two nodes with one each."""
    pytest.importorskip("ray", reason="Ray is not installed: pip install 'ste-graph[scale]'")
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    from ray.cluster_utils import Cluster

    quiet = {"object_store_memory": 80_000_000, "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, **quiet})
    try:
        yield cluster, [cluster.add_node(num_cpus=1, object_store_memory=80_000_000) for _ in range(2)]
    finally:
        cluster.shutdown()


async def kill_busy_node(cluster, nodes: list, calls: Path, gate: Path) -> None:
    """Kill the node on which a tool is being called, and open the gate at which the call waits."""
    while not (calls.exists() and calls.read_text("utf-8").endswith("\n")):
        await asyncio.sleep(0.05)
    raylet = psutil.Process(int(calls.read_text("utf-8").split()[0])).parent()
    [busy] = [node for node in nodes if node.all_processes["raylet"][0].process.pid == raylet.pid]
    workers = raylet.children(recursive=True)
    await asyncio.to_thread(cluster.remove_node, busy, allow_graceful=False)
    for worker in workers:  # a worker outlives its node's raylet by a moment, in which it could finish the call
        with suppress(psutil.NoSuchProcess):
            worker.kill()
    await asyncio.to_thread(psutil.wait_procs, workers, 30)
    gate.unlink()


@needs_ray
async def test_a_node_killed_in_mid_call_loses_nothing_and_doubles_nothing(
    spread: Path, tmp_path: Path, journal: Callable, nodes: tuple
) -> None:
    await run_here(spread, tmp_path / "here")
    (tmp_path / "workers.txt").unlink()
    (tmp_path / "sent.txt").unlink()
    (tmp_path / "gate").touch()
    killing = asyncio.create_task(kill_busy_node(*nodes, tmp_path / "workers.txt", tmp_path / "gate"))
    async with ClusterExecutor(RayCluster(nodes[0].address)) as executor:
        summary = await execute(ste.load(spread).workflow, tmp_path / "there", executor=executor)
    await killing
    assert summary.complete
    here, there = journal(tmp_path / "here"), journal(tmp_path / "there")
    assert [trial["id"] for trial in there] == [trial["id"] for trial in here]
    assert [trial for trial in there if trial["tool"] != "send"] == [t for t in here if t["tool"] != "send"]
    assert len(set(step_keys(tmp_path / "there"))) == len(step_keys(tmp_path / "there"))
    assert max(Counter((tmp_path / "sent.txt").read_text().splitlines()).values()) == 1
    assert str(os.getpid()) not in (tmp_path / "workers.txt").read_text()
    assert "worker_lost" in (tmp_path / "there" / "events.jsonl").read_text()


@pytest.mark.parametrize(
    ("text", "address"), [("ray", None), ("ray://auto", "auto"), ("ray://10.0.0.1:10001", "ray://10.0.0.1:10001")]
)
def test_the_address_is_rays_own(text: str, address: str | None) -> None:
    assert read_address(text) == address


@pytest.mark.parametrize("text", ["spark", "ray:", "ray://", "ray:10001"])
def test_another_executor_is_refused(text: str) -> None:
    with pytest.raises(WorkflowError, match=r"unknown executor `.*`; expected `asyncio`, `ray` or `ray://ADDRESS`"):
        read_address(text)


async def test_without_ray_the_extra_is_named(spread: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ste_graph.cluster.ray_cluster.find_spec", lambda name: None)
    with pytest.raises(RunError, match=r"pip install 'ste-graph\[scale\]'"):
        await ste.load(spread).arun(tmp_path / "run", executor="ray")


@needs_ray
async def test_an_address_that_cannot_be_reached_is_named(
    spread: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("ray", reason="Ray is not installed: pip install 'ste-graph[scale]'")
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1")
    with pytest.raises(RunError, match=r"the Ray cluster at auto cannot be used: .*\n.*`ray status`"):
        await ste.load(spread).arun(tmp_path / "run", executor="ray://auto")
