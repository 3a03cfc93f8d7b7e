"""The units of a run: the items of the top-level `map`, less the tools that the run may not call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from ste_graph.contracts import Json, Tool
from ste_graph.errors import SteError, WorkflowError
from ste_graph.language.sections.bounds import param_value
from ste_graph.language.workflow import UNIT, Workflow
from ste_graph.redaction import Redactor
from ste_graph.run.errors import error_text
from ste_graph.run.tools import tool_policy
from ste_graph.text import count_noun
from ste_graph.tools.fingerprint import describe_tool, fingerprint
from ste_graph.tools.policy import SkippedTool, effects_block, list_skipped
from ste_graph.tracebacks import with_place


@dataclass(frozen=True, slots=True)
class Unit:
    """One item of the top-level map, and the tools that are offered to it."""

    name: str
    item: Json
    tools: tuple[Tool, ...]


def list_units(
    workflow: Workflow, tools: Sequence[Tool], *, dry_run: bool = False
) -> tuple[list[Unit], list[SkippedTool]]:
    """The units to run, in order, and the tools left out. Raises `WorkflowError` if nothing may be called.

    A dry run, which calls nothing, leaves nothing out.
    """
    offered = tuple(tools)
    if workflow.unit_map is None:
        return [Unit(UNIT, None, offered)], []
    if workflow.unit_map.over.text != "tools":
        items = workflow.unit_map.over.evaluate(lambda name: _known_value(workflow, name))
        items = [item for item in items if not _is_left_out(item, _left_out(workflow))]
        items = items if workflow.unit_map.bound is None else items[: workflow.unit_map.bound]
        return [Unit(name, item, offered) for name, item in _name_items(items).items()], []
    policy, redactor = tool_policy(workflow), Redactor(workflow.secrets)
    skipped = [] if dry_run else list_skipped(tools, policy)
    allowed = [tool for tool in tools if dry_run or policy.allows(tool)]
    kept = {tool.name for tool in list_kept_tools(workflow, tools)}
    due = [tool for tool in allowed if tool.name not in kept]
    units = [Unit(tool.name, redactor.redact_data(describe_tool(tool)), (tool,)) for tool in due]
    units = units if workflow.unit_map.bound is None else units[: workflow.unit_map.bound]
    if allowed and not due:
        raise WorkflowError(
            f"{workflow.file}: nothing to do: `without: {workflow.unit_map.without}` leaves out all "
            f"{count_noun(len(kept), 'tool')} that may be called"
        )
    if not units:
        raise WorkflowError(redactor.redact(_no_unit_text(workflow, tools, skipped)))
    return units, skipped


def list_kept_tools(workflow: Workflow, tools: Sequence[Tool]) -> list[Tool]:
    """The tools that `without` leaves out of the units."""
    if workflow.unit_map is None or workflow.unit_map.over.text != "tools":
        return []
    left_out = _left_out(workflow)
    return [tool for tool in tools if _is_left_out({"name": tool.name, "fingerprint": fingerprint(tool)}, left_out)]


def _left_out(workflow: Workflow) -> list[Json]:
    """The items that `without` names."""
    unit_map = workflow.unit_map
    if unit_map is None or unit_map.without is None:
        return []
    found: list[Json] = unit_map.without.evaluate(lambda name: _known_value(workflow, name))
    return found


def _is_left_out(item: Json, left_out: Sequence[Json]) -> bool:
    """True if an item has the name, and the fingerprint if that is stated, of one to leave out."""
    own = item if isinstance(item, Mapping) else {"name": item}
    return any(
        own.get("name") == other.get("name") and other.get("fingerprint") in (None, own.get("fingerprint"))
        if isinstance(other, Mapping)
        else own.get("name") == other
        for other in left_out
    )


def load_data(workflow: Workflow) -> Workflow:
    """Return the workflow with the items of its `data:`. Raises `WorkflowError` if a source cannot be read."""
    items: dict[str, list[Json]] = {}
    redactor = Redactor(workflow.secrets)
    for name, source in workflow.data.items():
        try:
            items[name] = redactor.redact_data(source.items())
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # a source of somebody else's: whatever its code does
            why = str(error) if isinstance(error, SteError) else error_text(error)
            why = with_place(why, error, type(source).__module__)
            raise WorkflowError(f"{workflow.file}: data `{name}`: {why}") from error
    return replace(workflow, items=items)


def _known_value(workflow: Workflow, name: str) -> Json:
    """The value of a name that is known before the run: `params.…` or `data.…`."""
    first, _, rest = name.partition(".")
    return workflow.items[rest] if first == "data" else param_value(workflow.params, name)


def _no_unit_text(workflow: Workflow, tools: Sequence[Tool], skipped: Sequence[SkippedTool]) -> str:
    """The reason why no unit is left, and the lines to paste."""
    if not tools:
        return f"{workflow.file}: the sources in `tools:` have no tool"
    count = f"none of the {len(skipped)} tools" if len(skipped) > 1 else "the only tool, which is not read-only,"
    verb = "may be called" if len(skipped) > 1 else "may not be called"
    each = f"`ste tools list {workflow.file} --effects` prints one block for each source.\n"
    return (
        f"{workflow.file}: {count} {verb}: a tool that does not say what it does counts as destructive.\n"
        "help: say which ones only read, in the entry of `tools:` that they come from, and the rest stays out:\n\n"
        f"{effects_block(tools)}{each if len(workflow.tools) > 1 else ''}"
    )


def _name_items(items: Sequence[Json]) -> Mapping[str, Json]:
    """The items by name: their own `name` or `id`, else their text; numbered where two are alike."""
    named: dict[str, Json] = {}
    for item in items:
        own = (item.get("name") or item.get("id")) if isinstance(item, Mapping) else item
        name = base = str(own if own is not None else "item")
        number = 1
        while name in named:
            number += 1
            name = f"{base}~{number}"
        named[name] = item
    return named
