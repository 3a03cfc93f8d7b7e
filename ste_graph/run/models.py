"""The models of a run: asked once whether they can be reached, then open while the run goes on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Coroutine, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import replace
from functools import partial

from ste_graph.contracts import Json, Model, ModelRequest, Reply
from ste_graph.errors import ModelError, RunError, SteError
from ste_graph.language.source.files import bundled_workflows
from ste_graph.language.workflow import Workflow
from ste_graph.models import fallback
from ste_graph.models.adapter import Adapter
from ste_graph.models.fallback import FallbackModel
from ste_graph.models.findings import find_findings
from ste_graph.models.gateway import Gateway
from ste_graph.models.limiters import Limiters
from ste_graph.models.meter import Meter
from ste_graph.models.notes import ServerNotes
from ste_graph.models.servers.servers import Servers
from ste_graph.redaction import Redactor
from ste_graph.run.cassettes.recording import Recording, RecordingModel
from ste_graph.run.cassettes.replay import Replay, ReplayModel
from ste_graph.run.costs import all_prices


def model_labels(workflow: Workflow) -> dict[str, str]:
    """The label of each model that a node asks, or that may be asked in its place, by its name in the workflow."""
    return {name: workflow.models[name].label for name in workflow.asked_models}


def all_model_labels(workflow: Workflow) -> dict[str, str]:
    """The same with the models of sub-workflows, as `SUB.MODEL`."""
    subs = workflow.sub_workflows.values()
    inner = {f"{sub.name}.{name}": label for sub in subs for name, label in all_model_labels(sub.workflow).items()}
    return model_labels(workflow) | inner


@asynccontextmanager
async def start_models(
    workflow: Workflow,
    servers: Servers,
    stop: asyncio.Event,
    gone: dict[str, str] | None = None,
) -> AsyncIterator[Workflow]:
    """Start the servers that the models need, in use until the end of this context; give the workflow that asks them.

    Raises `RunError` if `stop` is set while a server starts, or if one cannot start; but where another model is asked
    in its place, `gone` gets the reason.
    """
    if is_replay(workflow):
        yield workflow
        return
    async with servers.part() as part:
        started: dict[str, Adapter] = {}
        for name in model_labels(workflow):
            with suppress(SteError):  # it is raised below
                if (server := workflow.models[name].needed_server()) is not None:
                    part.expect(server)
        for name in model_labels(workflow):
            try:
                started[name] = await _wait_or_stop(stop, workflow.models[name].start(name, part))
            except ModelError as error:
                if gone is None or not workflow.fallbacks(name):
                    raise RunError(describe_model_error(workflow, name, error)) from error
                gone[name] = str(error)
            except SteError as error:
                raise RunError(describe_model_error(workflow, name, error)) from error
        await servers.end_unused()
        yield replace(workflow, models={**workflow.models, **started})


async def _wait_or_stop(stop: asyncio.Event, starting: Coroutine[None, None, Adapter]) -> Adapter:
    task, stopping = asyncio.create_task(starting), asyncio.create_task(stop.wait())
    try:
        await asyncio.wait([task, stopping], return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise RunError("stopped while its server was starting; nothing has been spent")
        return task.result()
    finally:
        for waiting in (task, stopping):
            waiting.cancel()
            with suppress(asyncio.CancelledError, SteError):
                await waiting


def is_replay(workflow: Workflow) -> bool:
    """True if the models' replies come from a cassette, so that none of the models is needed."""
    return workflow.cassette is not None and workflow.cassette.mode == "replay"


async def probe_models(
    workflow: Workflow, names: Collection[str] | None = None, gone: dict[str, str] | None = None
) -> list[str]:
    """Ask every model, or those of these names, whether it can be asked, before anything is spent; return the doubts.

    Raises `RunError` if one cannot be asked; but where another model is asked in its place, `gone` gets the reason.
    """
    if is_replay(workflow):
        return []
    lost = gone or {}
    asked = [name for name in model_labels(workflow) if (names is None or name in names) and name not in lost]
    found = await asyncio.gather(*(workflow.models[name].probe() for name in asked), return_exceptions=True)
    for name, error in zip(asked, found, strict=True):
        if isinstance(error, ModelError) and gone is not None and workflow.fallbacks(name):
            gone[name] = str(error)
        elif isinstance(error, SteError):
            raise RunError(describe_model_error(workflow, name, error)) from error
        elif isinstance(error, BaseException):
            raise error
    doubts = [(name, doubt) for name, doubt in zip(asked, found, strict=True) if isinstance(doubt, str)]
    return [f"model `{name}`: {doubt}{_variables(workflow, name, doubt)}" for name, doubt in doubts if doubt]


async def read_server_facts(
    workflow: Workflow, started: Workflow, cassette: Recording | Replay | None
) -> dict[str, Json]:
    """The known facts about the servers of the models that are asked, by the model's name in the workflow.

    They are what a server tells of itself, and what `ste doctor` found of those asked for calls in whichever form
    works; in a replay, what was recorded. `started` is the workflow whose servers run.
    """
    if isinstance(cassette, Replay):
        return cassette.servers(workflow.name)
    names = list(model_labels(workflow))
    facts = await asyncio.gather(*(started.models[name].read_facts() for name in names))
    found = _findings(workflow)
    known = {name: {**fact.to_json(), **found.get(name, {})} for name, fact in zip(names, facts, strict=True)}
    known = {name: own for name, own in known.items() if own}
    if cassette is not None and found:  # the rest has no part in what a run asks for
        cassette.add_servers(workflow.name, known)
    return known


def _findings(workflow: Workflow) -> dict[str, dict[str, Json]]:
    """The findings of `ste doctor` about the models that are asked for calls in whichever form works."""
    found = {}
    for name in auto_models(workflow):
        model = workflow.models[name]
        if (findings := find_findings(model.label, model.location)) is not None:
            found[name] = {"protocol": findings.protocol, "examined": findings.found}
    return found


def auto_models(workflow: Workflow) -> dict[str, str]:
    """The models that are asked for calls in whichever form works (`protocol: auto`), each with the first such node."""
    found: dict[str, str] = {}
    for node, spec in workflow.nodes.items():
        field = spec.cls.model_fields.get("protocol")
        if field is not None and spec.settings.get("protocol", field.default) == "auto":
            for model in spec.models.values():
                found.setdefault(model, node)
    return found


def known_protocols(lock: Mapping[str, Json]) -> dict[str, str]:
    """The form in which calls are best asked of a model, by its name, as the lock of a run knows it."""
    servers = lock.get("servers") or {}
    return {name: str(known["protocol"]) for name, known in servers.items() if "protocol" in known}


def describe_protocols(workflow: Workflow, lock: Mapping[str, Json]) -> list[str]:
    """A sentence for each model that is asked for calls in whichever form works: which form comes first, and why."""
    known = lock.get("servers") or {}
    sentences = []
    for name, node in auto_models(workflow).items():
        model = workflow.models[name]
        where = f"`{model.label}`" + (f" at {model.location}" if model.location else "")
        begins = f"`protocol: auto` of `{node}` begins with"
        if protocol := known.get(name, {}).get("protocol"):
            day = str(known[name].get("examined"))[:10]
            sentences.append(f"{begins} `{protocol}`, which `ste doctor` found to work with {where} on {day}")
        elif model.location and not is_replay(workflow):
            sentences.append(
                f"{begins} `native`, as nothing is known of {where}; `ste doctor` finds out which form works"
            )
    return sentences


def describe_model_error(workflow: Workflow, name: str, error: SteError) -> str:
    """The error with the model that it is about: where a person can change it."""
    is_bundled = workflow.file.resolve() in [file.resolve() for file in bundled_workflows().values()]
    owner = workflow.name if is_bundled else workflow.file
    return f"{owner}: model `{name}`: {error}{_variables(workflow, name, str(error))}"


def _variables(workflow: Workflow, name: str, words: str) -> str:
    """The environment variables of the settings that the words name, as the end of a sentence."""
    variables = workflow.variables.get(name, {})
    known = [f"{variable} sets `{key}`" for key, variable in variables.items() if f"`{key}`" in words]
    return f" ({', '.join(known)})" if known else ""


@asynccontextmanager
async def open_models(
    workflow: Workflow,
    meter: Meter,
    notes: ServerNotes,
    *,
    limiters: Limiters,
    cassette: Recording | Replay | None,
    own: Mapping[str, Meter] = {},
    gone: Mapping[str, str] = {},
) -> AsyncIterator[dict[str, Model]]:
    """Open the models that nodes ask, by name, within the bounds of their servers; closed at the end.

    `own` are the meters of those with a budget; `gone` gives the reasons that some cannot be asked, so that others are.
    """
    redactor, prices = Redactor(workflow.secrets), all_prices(workflow)
    async with AsyncExitStack() as stack:
        models: dict[str, Model] = {}
        for name, label in model_labels(workflow).items():
            if isinstance(cassette, Replay):
                models[name] = ReplayModel(label, cassette, meter, name=name, prices=prices)
                continue
            adapter = workflow.models[name]
            gateway = Gateway(
                adapter,
                limiter=await limiters.find(adapter),
                meter=meter,
                notes=notes,
                owner=partial(describe_model_error, workflow, name),
                own=own.get(name),
                prices=prices.get(name),
            )
            if workflow.fallbacks(name):
                gateway.patience_s = fallback.PATIENCE_S
            stack.push_async_callback(gateway.close)
            models[name] = gateway if redactor.is_empty else RedactedModel(gateway, redactor)
        if not isinstance(cassette, Replay):
            alone = dict(models)
            for name in models:
                if others := workflow.fallbacks(name):
                    models[name] = FallbackModel([name, *others], alone, own, notes, gone)
                if cassette is not None:
                    models[name] = RecordingModel(models[name], cassette)
        yield models


class RedactedModel:
    """A `Model` around another one, whose replies and errors are free of secrets."""

    def __init__(self, model: Model, redactor: Redactor) -> None:
        self._model = model
        self._redactor = redactor

    @property
    def label(self) -> str:
        return self._model.label

    async def reply(self, request: ModelRequest) -> Reply:
        redact = self._redactor.redact
        try:
            reply = await self._model.reply(request)
        except ModelError as error:
            raise type(error)(redact(str(error))) from None
        calls = tuple(
            call.model_copy(update={"name": redact(call.name), "arguments": redact(call.arguments)})
            for call in reply.tool_calls
        )
        data = self._redactor.redact_data(reply.data)
        texts = {"text": redact(reply.text), "reasoning": redact(reply.reasoning), "problem": redact(reply.problem)}
        return reply.model_copy(update={**texts, "data": data, "tool_calls": calls})
