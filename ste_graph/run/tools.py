"""The tools of a run: opened from their sources, and put under the run's policy for each unit."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

from ste_graph.contracts import Tool
from ste_graph.errors import WorkflowError
from ste_graph.language.workflow import Workflow
from ste_graph.redaction import Redactor
from ste_graph.run.cassettes.recording import Recording
from ste_graph.run.cassettes.replay import Replay
from ste_graph.run.context import Watcher
from ste_graph.run.unit.write_ahead import write_ahead
from ste_graph.tools.asking import TerminalAsker
from ste_graph.tools.forwarded import with_errors
from ste_graph.tools.names import rename_repeats
from ste_graph.tools.outages import Outages
from ste_graph.tools.policy import ToolPolicy, check_allowed
from ste_graph.tools.rate import RateLimiter
from ste_graph.tools.toolbox import Toolbox


def tool_policy(workflow: Workflow) -> ToolPolicy:
    """The policy for all tool calls of a run."""
    ask = workflow.allow == "ask"
    return ToolPolicy.model_validate({**workflow.limits, "ask": ask, "allow": () if ask else workflow.allow})


def make_toolboxes(
    workflow: Workflow,
    tools: Mapping[str, Sequence[Tool]],
    *,
    dry_run: bool,
    cassette: Recording | Replay | None,
    watcher: Watcher,
) -> dict[str, Toolbox]:
    """Put the tools of each unit under the run's policy.

    The units share the rate limit, the person to ask, and what they find out about servers that no longer answer.
    """
    policy, outages = tool_policy(workflow), Outages(tool_policy(workflow).unanswered)
    redactor, rate, asker = Redactor(workflow.secrets), RateLimiter(policy.per_minute), TerminalAsker(watcher.question)
    return {
        unit: Toolbox(
            [write_ahead(tool) for tool in offered],
            policy,
            dry_run=dry_run,
            redactor=redactor,
            rate=rate,
            asker=asker,
            tape=cassette,
            outages=outages,
        )
        for unit, offered in tools.items()
    }


def tools_need_start(workflow: Workflow) -> bool:
    """True if a process or a connection must start before the tools are known."""
    replays = workflow.cassette is not None and workflow.cassette.mode == "replay"
    return not replays and any(source.starts for source in workflow.tools)


@asynccontextmanager
async def open_tools(workflow: Workflow, cassette: Recording | Replay | None = None) -> AsyncIterator[list[Tool]]:
    """Open all tools of the workflow, by rename_repeats names; their sources are closed at the end.

    In a replay a source that would start something, or cannot be opened, has the tools that the cassette knows.
    Without a `cassette`, nothing is recorded.

    Raises `WorkflowError` if a source cannot be opened, or `allow` names a tool that none of them has.
    """
    if cassette is None and workflow.cassette is not None and workflow.cassette.mode == "replay":
        cassette = Replay(workflow.cassette.path)
    async with AsyncExitStack() as stack:
        tools: list[Tool] = []
        for number, source in enumerate(workflow.tools):
            if isinstance(cassette, Replay) and source.starts:
                tools += with_errors(cassette.source(number), source)
                continue
            stack.push_async_callback(source.close)
            try:
                opened = await source.open()
            except WorkflowError:
                if not isinstance(cassette, Replay):
                    raise
                opened = cassette.source(number)
            if isinstance(cassette, Recording):
                cassette.add_source(number, opened)
            tools += with_errors(opened, source)
        tools = rename_repeats(tools)
        check_allowed(tool_policy(workflow), tools)
        yield tools
