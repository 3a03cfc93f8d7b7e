"""`ste export`: the examples of a run as a data set."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ste_graph.cli.options import OutFile, write
from ste_graph.models.label import is_simulated
from ste_graph.training.rows.format import ArgumentFormat, RowFormat, SplitSide

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ste_graph.distil.example import Example


def export(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a run of distil.yaml.", show_default=False)],
    form: Annotated[
        RowFormat,
        typer.Option(
            "--form", help="Chat messages with tool calls; a prompt and a completion per turn; the paper's text form."
        ),
    ] = RowFormat.messages,
    answer_row: Annotated[
        bool, typer.Option("--answer-row", help="Let the final answer be learnt too, and not only the calls.")
    ] = False,
    split: Annotated[SplitSide, typer.Option("--split", help="Which side of the split.")] = SplitSide.train,
    arguments: Annotated[
        ArgumentFormat,
        typer.Option("--arguments", help="In messages: as JSON text (OpenAI), or as an object (many chat templates)."),
    ] = ArgumentFormat.text,
    tool: Annotated[
        list[str] | None,
        typer.Option("--tool", metavar="NAME", help="Only this tool; may be repeated.", show_default=False),
    ] = None,
    out: OutFile = None,
) -> None:
    """Write the examples of a run as JSON Lines, each row with where it comes from, each checked against its tool."""
    from ste_graph.distil.split import training_mask
    from ste_graph.errors import WorkflowError
    from ste_graph.training.rows.examples import check_leaks, read_examples
    from ste_graph.training.rows.export import rows_from_examples

    found = read_examples(run)
    check_leaks(found)
    every = list(found)
    fair = [example for example, good in zip(every, training_mask(every), strict=True) if good]
    chosen = [example for example in fair if example.split == split.value and _wanted(example, tool, every)]
    if not chosen:
        raise WorkflowError(f"{run}: no example stands on the side `{split.value}` of the split; nothing was written")
    rows = rows_from_examples(chosen, form, answer=answer_row, arguments=arguments)
    write("\n".join(json.dumps(row, ensure_ascii=False) for row in rows), out)
    for remark in _remarks(every, len(every) - len(fair), split):
        typer.echo(f"note: {remark}", err=True)
    typer.echo(f"{len(rows)} rows of {len(chosen)} examples ({split.value}){f': {out}' if out else ''}", err=True)


def _wanted(example: Example, tools: Sequence[str] | None, every: Sequence[Example]) -> bool:
    from ste_graph.errors import WorkflowError

    known = sorted({one.definition.name for one in every})
    if missing := sorted(set(tools or ()) - set(known)):
        raise WorkflowError(
            f"--tool {missing[0]}: this run has no example of it; it has examples of: {', '.join(known)}"
        )
    return not tools or example.definition.name in tools


def _remarks(every: Sequence[Example], left_out: int, split: SplitSide) -> list[str]:
    """What a person should know of the rows."""
    from ste_graph.distil.split import count_per_tool

    remarks = []
    if left_out and split is SplitSide.train:
        remarks.append(f"{left_out} left out, whose request stands on the held-out side of another tool")
    empty = sorted(tool for tool, sides in count_per_tool(every).items() if not sides["heldout"])
    if empty:
        remarks.append(f"no held-out case of: {', '.join(empty)}")
    if any(is_simulated(example.model) for example in every):
        remarks.append("made with a simulated model: it shows that the plumbing works, and nothing about a real one")
    return remarks
