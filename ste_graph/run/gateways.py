"""The models of a run: asked once whether they are there, then open while the run goes on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path

from ste_graph.contracts import Model
from ste_graph.errors import RunError, SteError
from ste_graph.language.workflow import Workflow
from ste_graph.models.adapter import Adapter
from ste_graph.models.gateway import Gateway
from ste_graph.models.meter import Meter
from ste_graph.models.servers import Servers
from ste_graph.redaction import Redactor
from ste_graph.run.cassette import Cassette
from ste_graph.run.step_log import StepLog
from ste_graph.run.taped import TapedModel


def labels_of(workflow: Workflow) -> dict[str, str]:
    """The label of each model that a node asks, by its name in the workflow."""
    asked = dict.fromkeys(name for spec in workflow.nodes.values() for name in spec.models.values())
    return {name: workflow.models[name].label for name in asked}


def all_labels_of(workflow: Workflow) -> dict[str, str]:
    """The same with the models of sub-workflows, as `SUB.MODEL`."""
    subs = workflow.sub_workflows.values()
    inner = {f"{sub.name}.{name}": label for sub in subs for name, label in all_labels_of(sub.workflow).items()}
    return labels_of(workflow) | inner


@asynccontextmanager
async def opened_models(
    workflow: Workflow, folder: Path, said: Callable[[str], None], stop: asyncio.Event
) -> AsyncIterator[Workflow]:
    """The workflow with its models behind the servers that they need, which run until the end.

    Raises `RunError` if a server cannot start, or `stop` is set while one does.
    """
    if is_replay(workflow):
        yield workflow
        return
    async with Servers(folder, said) as servers:
        opened: dict[str, Adapter] = {}
        for name in labels_of(workflow):
            try:
                opened[name] = await _unless(stop, workflow.models[name].start(name, servers))
            except SteError as fault:
                raise RunError(f"{workflow.file}: model `{name}`: {fault}") from fault
        yield replace(workflow, models={**workflow.models, **opened})


async def _unless(stop: asyncio.Event, opening: Coroutine[None, None, Adapter]) -> Adapter:
    task, stopping = asyncio.create_task(opening), asyncio.create_task(stop.wait())
    try:
        await asyncio.wait([task, stopping], return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise RunError("stopped by the user while its server was starting; nothing has been spent")
        return task.result()
    finally:
        for one in (task, stopping):
            one.cancel()
            with suppress(asyncio.CancelledError, SteError):
                await one


def is_replay(workflow: Workflow) -> bool:
    """Whether the models' replies come from a cassette, so that none of them need be there."""
    return workflow.cassette is not None and workflow.cassette.mode == "replay"


async def probe(workflow: Workflow, names: Collection[str] | None = None) -> list[str]:
    """Ask every model (or those of these names) whether it can be asked, before anything is spent; gives the doubts.

    Raises `RunError` if one cannot be asked.
    """
    if is_replay(workflow):
        return []
    asked = [name for name in labels_of(workflow) if names is None or name in names]
    found = await asyncio.gather(*(workflow.models[name].probe() for name in asked), return_exceptions=True)
    for name, fault in zip(asked, found, strict=True):
        if isinstance(fault, SteError):
            raise RunError(f"{workflow.file}: model `{name}`: {fault}") from fault
        if isinstance(fault, BaseException):
            raise fault
    return [f"model `{name}`: {doubt}" for name, doubt in zip(asked, found, strict=True) if doubt]


@asynccontextmanager
async def opened_gateways(
    workflow: Workflow, meter: Meter, logs: Collection[StepLog], *, in_flight: asyncio.Semaphore, cassette: Cassette
) -> AsyncIterator[dict[str, Model]]:
    """The models that nodes ask, by name, behind the bound of requests in flight; closed at the end.

    Recordings go on behind what the steps in `logs` have had.
    """
    redactor = Redactor(workflow.secrets)
    async with AsyncExitStack() as stack:
        models: dict[str, Model] = {}
        for name in labels_of(workflow):
            had = frozenset[int]().union(*(log.lines[name] for log in logs))
            gateway = Gateway(workflow.models[name].skip_lines(had), in_flight=in_flight, meter=meter)
            stack.push_async_callback(gateway.close)
            models[name] = TapedModel(gateway, cassette, redactor, meter)
        yield models
