"""The units of a run: what the top-level `map` goes over, less what the run may not call."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace

from ste_graph.contracts import Json, Tool
from ste_graph.errors import SteError, WorkflowError
from ste_graph.language.graph import param
from ste_graph.language.schema import Limits
from ste_graph.language.workflow import UNIT, CassetteSpec, Workflow
from ste_graph.redaction import Redactor
from ste_graph.run.cassette import Cassette
from ste_graph.run.guard import guarded
from ste_graph.run.watching import Watcher
from ste_graph.tools.asking import Terminal
from ste_graph.tools.fingerprint import as_item
from ste_graph.tools.names import unambiguous
from ste_graph.tools.policy import SkippedTool, ToolPolicy, check_allowed, effects_block, list_skipped
from ste_graph.tools.rate import Rate
from ste_graph.tools.toolbox import Toolbox


@dataclass(frozen=True, slots=True)
class Unit:
    """One item of the top-level map, and the tools that are offered to it."""

    name: str
    item: Json
    tools: tuple[Tool, ...]


def policy_of(workflow: Workflow) -> ToolPolicy:
    """What the run may call, and within which limits."""
    limits = Limits.model_validate(dict(workflow.limits))
    return ToolPolicy(
        allow=() if workflow.allow == "ask" else workflow.allow,
        ask=workflow.allow == "ask",
        timeout_s=limits.timeout_s,
        limit=limits.characters,
        at_most=limits.calls,
        per_minute=limits.per_minute,
    )


def toolboxes_of(
    workflow: Workflow, units: Sequence[Unit], *, dry_run: bool, cassette: Cassette, watcher: Watcher
) -> dict[str, Toolbox]:
    """The tools of each unit behind the run's policy. How often a tool may be called, and whom to ask, they share."""
    policy = policy_of(workflow)
    redactor, rate, asker = Redactor(workflow.secrets), Rate(policy.per_minute), Terminal(watcher.asking)
    return {
        unit.name: Toolbox(
            [guarded(tool) for tool in unit.tools],
            policy,
            dry_run=dry_run,
            redactor=redactor,
            rate=rate,
            asker=asker,
            tape=None if cassette.mode == "live" else cassette,
        )
        for unit in units
    }


def starts_something(workflow: Workflow) -> bool:
    """Whether a process or a connection must start before the tools are known."""
    replays = workflow.cassette is not None and workflow.cassette.mode == "replay"
    return not replays and any(source.starts for source in workflow.tools)


@asynccontextmanager
async def opened_tools(workflow: Workflow, cassette: Cassette | None = None) -> AsyncIterator[list[Tool]]:
    """All tools of the workflow, by unambiguous names; their sources are closed at the end.

    In a replay a source that would start something, or is not there, gives the tools that the cassette knows.
    Without a `cassette`, nothing is recorded.

    Raises `WorkflowError` if a source cannot be opened, or `allow` names a tool that none of them gives.
    """
    async with AsyncExitStack() as stack:
        cassette = cassette or Cassette(_only_replay(workflow.cassette))
        tools: list[Tool] = []
        for number, source in enumerate(workflow.tools):
            if cassette.mode == "replay" and source.starts:
                tools += cassette.source(number)
                continue
            stack.push_async_callback(source.close)
            try:
                given = await source.open()
            except WorkflowError:
                if cassette.mode != "replay":
                    raise
                given = cassette.source(number)
            cassette.keep_source(number, given)
            tools += given
        tools = unambiguous(tools)
        check_allowed(policy_of(workflow), tools)
        yield tools


def _only_replay(spec: CassetteSpec | None) -> CassetteSpec | None:
    return spec if spec is not None and spec.mode == "replay" else None


def units_of(
    workflow: Workflow, tools: Sequence[Tool], *, dry_run: bool = False
) -> tuple[list[Unit], list[SkippedTool]]:
    """The units to run, in order, and the tools left out. Raises `WorkflowError` if nothing may be called.

    A dry run, which calls nothing, leaves nothing out.
    """
    offered = tuple(tools)
    if workflow.over is None:
        return [Unit(UNIT, None, offered)], []
    if workflow.over.over.text != "tools":
        items = workflow.over.over.evaluate(lambda name: _known(workflow, name))
        items = items if workflow.over.bound is None else items[: workflow.over.bound]
        return [Unit(name, item, offered) for name, item in _named(items).items()], []
    policy, redactor = policy_of(workflow), Redactor(workflow.secrets)
    left_out = [] if dry_run else list_skipped(tools, policy)
    units = [
        Unit(tool.name, redactor.redact_data(as_item(tool)), (tool,))
        for tool in tools
        if dry_run or policy.allows(tool)
    ]
    units = units if workflow.over.bound is None else units[: workflow.over.bound]
    if not units:
        raise WorkflowError(redactor.redact(nothing_to_call(workflow, tools, left_out)))
    return units, left_out


def with_items(workflow: Workflow) -> Workflow:
    """The workflow with what its `data:` gives. Raises `WorkflowError` if one of the sources cannot give it."""
    found: dict[str, list[Json]] = {}
    redactor = Redactor(workflow.secrets)
    for name, source in workflow.data.items():
        try:
            found[name] = redactor.redact_data(source.items())
        except Exception as error:  # a source of somebody else's: whatever its code does
            why = str(error) if isinstance(error, SteError) else f"{type(error).__name__}: {error}"
            raise WorkflowError(f"{workflow.file}: data `{name}`: {why}") from error
    return replace(workflow, items=found)


def _known(workflow: Workflow, name: str) -> Json:
    """The value of a name that is known before the run: `params.…` or `data.…`."""
    first, _, rest = name.partition(".")
    return workflow.items[rest] if first == "data" else param(workflow.params, name)


def nothing_to_call(workflow: Workflow, tools: Sequence[Tool], left_out: Sequence[SkippedTool]) -> str:
    """EndReason no unit is left, and what to paste."""
    if not tools:
        return f"{workflow.file}: the sources in `tools:` give no tool"
    count = f"none of the {len(left_out)} tools" if len(left_out) > 1 else "the only tool, which is not read-only,"
    verb = "may be called" if len(left_out) > 1 else "may not be called"
    each = f"`ste tools list {workflow.file} --effects` prints one block for each source.\n"
    return (
        f"{workflow.file}: {count} {verb}: a tool that does not say what it does counts as destructive.\n"
        "Say which ones only read, in the entry of `tools:` that they come from, and the rest stays out:\n\n"
        f"{effects_block(tools)}{each if len(workflow.tools) > 1 else ''}"
    )


def _named(items: Sequence[Json]) -> Mapping[str, Json]:
    """The items by name: their own `name` or `id`, else their text; told apart by a number where two are alike."""
    found: dict[str, Json] = {}
    for item in items:
        own = (item.get("name") or item.get("id")) if isinstance(item, Mapping) else item
        name = base = str(own if own is not None else "item")
        number = 1
        while name in found:
            number += 1
            name = f"{base}~{number}"
        found[name] = item
    return found
