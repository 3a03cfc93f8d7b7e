"""What can be known of the parts of a run before it begins, so that no hours are spent before the last one fails."""

from __future__ import annotations

from ste_graph.language.workflow import SubWorkflowSpec, Workflow
from ste_graph.models.adapter import Adapter
from ste_graph.run.gateways import labels_of, probe
from ste_graph.run.permission import refuse_unpermitted
from ste_graph.run.units import opened_tools, starts_something, units_of, with_items


async def preflight(workflow: Workflow, *, dry_run: bool) -> list[str]:
    """Ask each sub-workflow whether it could begin, as far as what it is given is known; gives the doubts that remain.

    Nothing is started: tools and models that need a server of their own are left for later.

    Raises:
        WorkflowError: there is nothing that it may call, its data cannot be had, or it may not use what it names.
        RunError: one of its models cannot be asked.
    """
    doubts: list[str] = []
    for sub in workflow.sub_workflows.values():
        doubts += await _asked(sub, dry_run=dry_run)
        doubts += await preflight(sub.workflow, dry_run=dry_run)
    return list(dict.fromkeys(doubts))


async def _asked(sub: SubWorkflowSpec, *, dry_run: bool) -> list[str]:
    workflow, later = sub.workflow, {path.split(".")[0] for path in sub.deferred}
    if "data" not in later:
        with_items(workflow)
    if workflow.over is not None and workflow.over.over.text == "tools" and not starts_something(workflow):
        async with opened_tools(workflow) as tools:
            units_of(workflow, tools, dry_run=dry_run)
    if later.isdisjoint({"memory", "models"}):
        refuse_unpermitted(workflow)
    there = [name for name in labels_of(workflow) if type(workflow.models[name]).start is Adapter.start]
    return [] if "models" in later else await probe(workflow, there)
