"""The toolboxes of a run: the tools of each unit, under the run's policy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ste_graph.contracts import Tool
from ste_graph.language.workflow import Workflow
from ste_graph.redaction import Redactor
from ste_graph.run.cassettes.recording import Recording
from ste_graph.run.cassettes.replay import Replay
from ste_graph.run.context import Watcher
from ste_graph.run.tools import tool_policy
from ste_graph.run.unit.write_ahead import write_ahead
from ste_graph.tools.asking import TerminalAsker
from ste_graph.tools.outages import Outages
from ste_graph.tools.rate import RateLimiter
from ste_graph.tools.toolbox import Toolbox


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
