"""The tools of a run, opened from their sources, and the policy for their calls."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from ste_graph.contracts import Tool
from ste_graph.errors import WorkflowError
from ste_graph.language.workflow import Workflow
from ste_graph.run.cassettes.recording import Recording
from ste_graph.run.cassettes.replay import Replay
from ste_graph.tools.forwarded import with_errors
from ste_graph.tools.names import rename_repeats
from ste_graph.tools.policy import ToolPolicy, check_allowed


def tool_policy(workflow: Workflow) -> ToolPolicy:
    """The policy for all tool calls of a run."""
    ask = workflow.allow == "ask"
    return ToolPolicy.model_validate({**workflow.limits, "ask": ask, "allow": () if ask else workflow.allow})


def tools_need_start(workflow: Workflow) -> bool:
    """True if a process or a connection must start before the tools are known."""
    replays = workflow.cassette is not None and workflow.cassette.mode == "replay"
    return not replays and any(source.starts for source in workflow.tools)


@asynccontextmanager
async def open_tools(workflow: Workflow, cassette: Recording | Replay | None = None) -> AsyncIterator[list[Tool]]:
    """Open all tools of the workflow, by names that do not repeat; their sources are closed at the end.

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
