"""The models of a run: asked once whether they are there, then open while the run goes on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from ste_graph.errors import RunError, SteError
from ste_graph.language.workflow import Workflow
from ste_graph.models.gateway import Gateway
from ste_graph.models.meter import Meter


def labels_of(workflow: Workflow) -> dict[str, str]:
    """The label of each model that a node asks, by its name in the workflow."""
    asked = dict.fromkeys(name for spec in workflow.nodes.values() for name in spec.models.values())
    return {name: workflow.models[name].label for name in asked}


async def probe(workflow: Workflow) -> None:
    """Ask every model whether it can be asked, before anything is spent. Raises `RunError` if one cannot."""
    asked = labels_of(workflow)
    faults = await asyncio.gather(*(workflow.models[name].probe() for name in asked), return_exceptions=True)
    for name, fault in zip(asked, faults, strict=True):
        if isinstance(fault, SteError):
            raise RunError(f"{workflow.file}: model `{name}`: {fault}") from fault
        if isinstance(fault, BaseException):
            raise fault


@asynccontextmanager
async def opened_gateways(workflow: Workflow, meter: Meter, *, concurrency: int) -> AsyncIterator[dict[str, Gateway]]:
    """The models that nodes ask, by name, behind one bound of requests in flight; closed at the end."""
    in_flight = asyncio.Semaphore(concurrency)
    async with AsyncExitStack() as stack:
        gateways: dict[str, Gateway] = {}
        for name in labels_of(workflow):
            gateways[name] = Gateway(workflow.models[name], in_flight=in_flight, meter=meter)
            stack.push_async_callback(gateways[name].close)
        yield gateways
