"""`--executor ray[://ADDRESS]`, Ray itself: the connection to a cluster or to this machine, and workers as actors."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import threading
from collections.abc import Awaitable, Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, TypeVar

from ste_graph.cluster.pool import LostWorkerError
from ste_graph.cluster.shipment import Shipment, list_own_files
from ste_graph.cluster.wire import Fault, Order, ServiceCall
from ste_graph.cluster.worker import Worker
from ste_graph.errors import RunError, WorkflowError
from ste_graph.language.workflow import Workflow
from ste_graph.tools.threads import run_in_daemon_thread

NOT_SENT: Final = (".[!.]*", "__pycache__", "*.pyc", "*.egg-info", "/runs", "/build", "/dist", "node_modules", "venv")
"""Files of the current folder not sent to a cluster: hidden ones (`.env`, `.git`), runs, and any that can be made."""

REACH_S: Final = 5.0
CONNECT_S: Final = 120.0
"""Seconds in which an address must take a connection, and in which Ray must be ready."""

STORE_BYTES: Final = 80_000_000
"""Ray's store for large objects on this machine: units and steps are small."""

Result = TypeVar("Result")


class RayCluster:
    """A Ray cluster, connected when it is first needed. `address` is None for processes of this machine."""

    def __init__(self, address: str | None) -> None:
        self._address = address
        self.is_connected = False
        self.cpus = 0

    @property
    def name(self) -> str:
        """The cluster, for messages."""
        return "Ray on this machine" if self._address is None else f"the Ray cluster at {self._address}"

    @property
    def sends_folder(self) -> bool:
        """True if the current folder is copied to the nodes."""
        return self._address is not None

    async def connect(self, workflow: Workflow) -> None:
        """Connect, or start Ray here. Raises `RunError` if that is not possible."""
        if find_spec("ray") is None:
            raise RunError("--executor ray needs Ray: install it with `pip install 'ste-graph[scale]'`, on all nodes")
        os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
        os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
        try:
            await self._check_address()
            # In a thread: the loop goes on, and Ray leaves signals to those who handle them. One that hangs is left.
            async with asyncio.timeout(CONNECT_S):
                await run_in_daemon_thread(lambda: self._connect(workflow))
        except Exception as error:
            why = " ".join(str(error).split())[:300] or f"no answer in {CONNECT_S:g} s"
            raise RunError(
                f"{self.name} cannot be used: {type(error).__name__}: {why}\n"
                "help: `ray status` on a node says whether it is up; one that wants tokens needs RAY_AUTH_MODE=token "
                "here (docs/scale.md). `--executor ray` alone needs no cluster"
            ) from None
        if threading.current_thread() is threading.main_thread():
            # Ray's own would print a trace and end the process, where a run comes to rest.
            signal.signal(signal.SIGTERM, signal.getsignal(signal.SIGTERM))
        self.is_connected = True

    async def disconnect(self) -> None:
        """Let go of the cluster; Ray on this machine ends."""
        if self.is_connected:
            import ray

            self.is_connected = False
            await run_in_daemon_thread(ray.shutdown)

    def start_worker(self, *, extra: bool = False) -> RayActor:
        """A worker on a CPU of the cluster, as soon as one is free. Ray neither restarts it nor repeats its calls."""
        import ray

        actor_class: Any = ray.remote(Worker)
        options = {
            "num_cpus": 0 if extra else 1,
            "max_restarts": 0,
            "max_task_retries": 0,
            "scheduling_strategy": "SPREAD",
        }
        return RayActor(actor_class.options(**options).remote())

    async def _check_address(self) -> None:
        """Raise `OSError` where nobody listens: Ray itself would try for minutes."""
        address = self._address if self._address != "auto" else os.environ.get("RAY_ADDRESS")
        host, colon, port = (address or "").removeprefix("ray://").rpartition(":")
        if colon and port.isdecimal():
            async with asyncio.timeout(REACH_S):
                _, writer = await asyncio.open_connection(host.strip("[]"), int(port))
            writer.close()

    def _connect(self, workflow: Workflow) -> None:
        import ray

        quiet = {"log_to_driver": False, "logging_level": logging.ERROR, "configure_logging": False}
        logging.getLogger("ray").setLevel(logging.ERROR)
        if self._address is None:
            ray.init("local", include_dashboard=False, object_store_memory=STORE_BYTES, **quiet)  # type: ignore[arg-type]
        else:
            ray.init(self._address, runtime_env=_runtime_env(workflow), **quiet)  # type: ignore[arg-type]
        resources: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
        self.cpus = max(1, int(resources.get("CPU", 1)))


class RayActor:
    """A worker as a Ray actor (the contract `Actor`)."""

    def __init__(self, handle: Any) -> None:
        self._handle = handle

    async def open_run(self, shipment: Shipment) -> Fault | None:
        fault: Fault | None = await _call(lambda: self._handle.open_run.remote(shipment))
        return fault

    async def close_run(self, run: str) -> None:
        await _call(lambda: self._handle.close_run.remote(run))

    async def take(self) -> list[ServiceCall]:
        calls: list[ServiceCall] = await _call(lambda: self._handle.take.remote())
        return calls

    def give(self, orders: list[Order]) -> None:
        self._handle.give.remote(orders)

    def kill(self) -> None:
        import ray

        ray.kill(self._handle)


async def _call(start: Callable[[], Awaitable[Result]]) -> Result:
    """The result of a call of an actor. Raises `LostWorkerError` if the actor, its node or the cluster is gone."""
    from ray.exceptions import RayError

    try:
        return await start()
    except RayError as error:
        raise LostWorkerError(next(iter(str(error).splitlines()), type(error).__name__)) from None


def _runtime_env(workflow: Workflow) -> dict[str, Any]:
    """The data that the nodes need of this machine: the current folder, where the modules of tools and plugins are.

    The workflow's own files stay here, as they may hold a secret in plain text; their content travels in memory.
    """
    here = Path.cwd()
    assert workflow.request is not None
    own = [Path(os.path.abspath(file)) for file in list_own_files(workflow.request)]
    excluded = [f"/{path.relative_to(here)}" for path in own if path.is_relative_to(here)]
    return {"working_dir": str(here), "excludes": [*NOT_SENT, *excluded]}


def read_address(text: str) -> str | None:
    """Ray's address in `ray[://ADDRESS]`; None for this machine. Raises `WorkflowError` for any other text."""
    name, separator, address = text.partition("://")
    if name != "ray" or (separator and not address):
        raise WorkflowError(f"unknown executor `{text}`; expected `asyncio`, `ray` or `ray://ADDRESS`")
    if not separator:
        return None
    return "auto" if address == "auto" else f"ray://{address}"
