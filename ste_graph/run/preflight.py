"""Checks before a run begins, so that nothing is spent before something fails that could have been known."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import get_args

from ste_graph.contracts import AccessChecked, HeldOutSource, OriginChecked, Tool, UseChecked
from ste_graph.errors import WorkflowError
from ste_graph.language.workflow import SubWorkflowSpec, Workflow
from ste_graph.models.adapter import Adapter
from ste_graph.run.models import is_replay, model_labels, probe_models
from ste_graph.run.tools import open_tools, tools_need_start
from ste_graph.run.units import list_units, load_data


def check_access(workflow: Workflow) -> None:
    """Raise `WorkflowError` for the first memory, or model that is asked, that may not be used."""
    for name, spec in workflow.memories.items():
        if isinstance(spec.memory, AccessChecked):
            with _name_entry(workflow, f"memory `{name}`"):
                spec.memory.check_access(_readers(workflow, name))
    for name, model in _asked_models(workflow):
        with _name_entry(workflow, f"model `{name}`"):
            model.check_access()


def check_packages(workflow: Workflow) -> None:
    """Raise `WorkflowError` for the first node for which a package is missing."""
    for name, node in workflow.nodes.items():
        if missing := node.cls.find_missing_package(node.settings):
            raise WorkflowError(f"{workflow.file}: node `{name}`: {missing}")


def check_use(workflow: Workflow, tools: Sequence[Tool]) -> list[str]:
    """Return what a person should know of the memories that were proven with tools and a model.

    Raises `WorkflowError` for the first one that was proven with other tools than those of the workflow.
    """
    remarks = []
    for name, spec in workflow.memories.items():
        if isinstance(spec.memory, UseChecked):
            with _name_entry(workflow, f"memory `{name}`"):
                found = spec.memory.check_use(tools, model_labels(workflow).values())
            remarks += [f"memory `{name}`: {remark}" for remark in found]
    return remarks


def check_held_out(workflow: Workflow) -> None:
    """Raise `WorkflowError` for the first memory that nodes read and that might show what the data holds out."""
    tests = [source.held_out_by() for source in workflow.data.values() if isinstance(source, HeldOutSource)]
    known = [test for test in tests if test is not None]
    for name, spec in workflow.memories.items():
        if known and isinstance(spec.memory, OriginChecked) and _readers(workflow, name):
            with _name_entry(workflow, f"memory `{name}`"):
                spec.memory.check_origin(known)


def check_resumable(workflow: Workflow) -> None:
    """Raise `WorkflowError` for the first model that is asked that cannot go on in the middle of a run."""
    for name, model in _asked_models(workflow):
        with _name_entry(workflow, f"model `{name}`"):
            model.check_resumable()


async def check_sub_workflows(workflow: Workflow, *, dry_run: bool) -> list[str]:
    """Check that each sub-workflow could begin, as far as its inputs are known; return the doubts that remain.

    Nothing is started: tools and models that need a server of their own are left for later.

    Raises:
        WorkflowError: it may not call anything, its data cannot be read, or it may not use what it names.
        RunError: one of its models cannot be asked.
    """
    doubts: list[str] = []
    for spec in workflow.sub_workflows.values():
        doubts += await _check(spec, dry_run=dry_run)
        doubts += await check_sub_workflows(spec.workflow, dry_run=dry_run)
    return list(dict.fromkeys(doubts))


async def _check(spec: SubWorkflowSpec, *, dry_run: bool) -> list[str]:
    workflow, later = spec.workflow, {path.split(".")[0] for path in spec.deferred}
    check_packages(workflow)
    if "data" not in later:
        workflow = load_data(workflow)
        if "memory" not in later:
            check_held_out(workflow)
    unit_map = workflow.unit_map
    are_known = unit_map is not None and (unit_map.without is None or "data" not in later)
    if unit_map is not None and are_known and unit_map.over.text == "tools" and not tools_need_start(workflow):
        async with open_tools(workflow) as tools:
            list_units(workflow, tools, dry_run=dry_run)
    if later.isdisjoint({"memory", "models"}):
        check_access(workflow)
    serverless = [name for name in model_labels(workflow) if type(workflow.models[name]).start is Adapter.start]
    return [] if "models" in later else await probe_models(workflow, serverless)


def _asked_models(workflow: Workflow) -> Iterator[tuple[str, Adapter]]:
    for name in () if is_replay(workflow) else model_labels(workflow):
        if isinstance(model := workflow.models[name], Adapter):
            yield name, model


def _readers(workflow: Workflow, memory: str) -> frozenset[type]:
    """The types of the fields by which the workflow's nodes reach a memory."""
    fields = [
        node.cls.model_fields[field].annotation
        for node in workflow.nodes.values()
        for field, name in node.recalls.items()
        if name == memory
    ]
    types = (annotation for field in fields for annotation in (field, *get_args(field)))
    return frozenset(annotation for annotation in types if isinstance(annotation, type))


@contextmanager
def _name_entry(workflow: Workflow, what: str) -> Iterator[None]:
    """Name the file and the entry in the `WorkflowError` that leaves this context."""
    try:
        yield
    except WorkflowError as error:
        raise WorkflowError(f"{workflow.file}: {what}: {error}") from error
