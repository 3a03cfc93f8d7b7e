"""The meaning of `--since PACK` for each tool, for `ste plan` and `ste run`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from ste_graph.errors import WorkflowError
from ste_graph.text import count_noun

if TYPE_CHECKING:
    from ste_graph.contracts import Json
    from ste_graph.inputs.kept import KeptTools
    from ste_graph.language.workflow import Workflow
    from ste_graph.packs.since import ToolStanding

PARAMETER: Final = "params.since"
"""The parameter of a workflow that `--since` sets."""

Since = Annotated[
    Path | None,
    typer.Option(
        "--since",
        metavar="PACK",
        help="Explore only the tools that are new, changed or weak compared with this pack, and keep the rest.",
        show_default=False,
    ),
]


@dataclass(frozen=True, slots=True)
class Review:
    """The standing of every tool; `due` are those that will be explored. None where tools must be started first."""

    pack: str
    standings: Sequence[ToolStanding] | None
    due: Sequence[str] = ()
    remarks: Sequence[str] = ()

    @property
    def has_nothing_to_do(self) -> bool:
        return self.standings is not None and not self.due

    def lines(self) -> list[str]:
        """The review for a person."""
        if self.standings is None:
            return [f"since {self.pack}: which tools are explored is known when they are loaded"]
        counts = f"{count_noun(len(self.due), 'tool')} to explore, of {len([*self.standings])}"
        width = max(len(each.tool) for each in self.standings)
        return [
            f"since {self.pack}: {counts}",
            *(f"  {each.standing:8}{each.tool:{width}}  {each.reason}" for each in self._ordered()),
            *self.remarks,
        ]

    def _ordered(self) -> list[ToolStanding]:
        order = ("new", "changed", "weak", "kept", "gone")
        return sorted(self.standings or (), key=lambda each: order.index(each.standing))

    def to_json(self) -> dict[str, Json]:
        rows = [{"tool": each.tool, "standing": each.standing, "reason": each.reason} for each in self._ordered()]
        tools = None if self.standings is None else rows
        return {"pack": self.pack, "explore": list(self.due), "tools": tools, "remarks": list(self.remarks)}


def with_since(changes: list[str] | None, since: Path | None) -> list[str] | None:
    """The changes of the command line with that of `--since`."""
    return changes if since is None else [*(changes or ()), f"{PARAMETER}={json.dumps(str(since))}"]


@contextmanager
def explain_since(file: Path, since: Path | None) -> Iterator[None]:
    """Turns the error of a workflow that knows no `since` into one about `--since`."""
    try:
        yield
    except WorkflowError as error:
        if since is None or f"unknown path `{PARAMETER}`" not in str(error):
            raise
        raise WorkflowError(
            f"{file}: this workflow cannot go on from a pack: it has no `{PARAMETER}`, as gain.yaml has; leave --since "
            "out"
        ) from error


def review_since(workflow: Workflow, *, start: bool) -> Review | None:
    """The review of the tools of a workflow that goes on from a pack; None for any other.

    With `start`, sources of tools that start something are started for it.

    Raises `WorkflowError` if the pack cannot be used, is about other tools, or a source of tools cannot be opened.
    """
    from ste_graph.plan import run_in_own_loop
    from ste_graph.run.preflight import check_use
    from ste_graph.run.tools import open_tools, tool_policy, tools_need_start

    found = next(_find_kept(workflow), None)
    if found is None or found[1].since is None:
        return None
    inner, source = found
    pack = str(source.since)
    source.items()  # whether the pack can be used at all, before anything starts
    if tools_need_start(inner) and not start:
        return Review(pack, None)

    async def make() -> Review:
        async with open_tools(inner) as tools:
            standings = source.review(tools)
            allowed = {tool.name for tool in tools if tool_policy(inner).allows(tool)}
            remarks = check_use(inner, tools)
        due = [each.tool for each in standings if each.is_explored and each.tool in allowed]
        return Review(pack, standings, due, remarks)

    return run_in_own_loop(make())


def _find_kept(workflow: Workflow) -> Iterator[tuple[Workflow, KeptTools]]:
    """The parts of a workflow that leave out tools which a pack is kept for."""
    from ste_graph.inputs.kept import KeptTools

    unit_map = workflow.unit_map
    if unit_map is not None and unit_map.without is not None:
        source = workflow.data.get(unit_map.without.text.removeprefix("data."))
        if isinstance(source, KeptTools):
            yield workflow, source
    for sub in workflow.sub_workflows.values():
        yield from _find_kept(sub.workflow)
