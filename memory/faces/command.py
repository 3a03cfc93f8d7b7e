"""`ste memory`: exemplars for other people's prompts, and the care of the store they come from."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from contextlib import closing, redirect_stdout
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ste_graph.command_line import (
    FAILED,
    Changes,
    File,
    Format,
    OutFile,
    OutputFormat,
    echo,
    load_experiment,
    write_result,
)
from ste_graph.memory.faces.options import Embedder, From, OnlyIf, Store, StoreOption, choose_store

if TYPE_CHECKING:
    from ste_graph.contracts import Selection
    from ste_graph.memory.exemplars.selection import ExemplarMatch
    from ste_graph.memory.exemplars.store import ExemplarStore
    from ste_graph.memory.exemplars.verification import Verification

memory = typer.Typer(
    name="memory",
    help="Exemplars: search them, serve them over MCP, verify, forget, export, import, rebuild.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


class ExemplarFormat(StrEnum):
    """Text for a prompt, data for a program, or turns of a chat."""

    text = "text"
    json = "json"
    messages = "messages"


class Order(StrEnum):
    """The place of the most similar exemplar."""

    last = "last"
    first = "first"


@memory.command()
def search(
    query: Annotated[str, typer.Argument(metavar="REQUEST", help="The request that a prompt is made for.")],
    store: From,
    k: Annotated[int, typer.Option("-k", min=0, help="How many exemplars at most.")] = 8,
    tool: Annotated[
        list[str] | None,
        typer.Option("--tool", metavar="NAME", help="A tool that is offered; may be given more than once. Unset: all."),
    ] = None,
    per_tool: Annotated[
        int | None, typer.Option("--per-tool", metavar="N", min=1, help="The most exemplars of one tool.")
    ] = None,
    contrast: Annotated[bool, typer.Option("--contrast", help="One of them of the most similar other tool.")] = False,
    order: Annotated[Order, typer.Option("--order", help="The place of the most similar one.")] = Order.last,
    tokens: Annotated[int | None, typer.Option("--tokens", metavar="N", min=0, help="The budget for the text.")] = None,
    paper: Annotated[
        bool, typer.Option("--paper", help="As in the paper: over all tools, most similar first, calls alone.")
    ] = False,
    unverified: Annotated[
        bool, typer.Option("--unverified", help="Also those whose last call failed, or did not do what was asked.")
    ] = False,
    only_if: OnlyIf = None,
    embedder: Embedder = None,
    format: Annotated[
        ExemplarFormat, typer.Option("--format", help="Text for a prompt, data, or turns of a chat.")
    ] = ExemplarFormat.text,
) -> None:
    """Print the exemplars for a request, as a prompt would show them."""
    from ste_graph.contracts import Selection

    selection = Selection(
        k=k,
        per_tool=per_tool,
        contrast=contrast,
        order="most_similar_first" if order is Order.first else "most_similar_last",
        tokens=tokens,
        gates=() if unverified else Selection().gates,
        paper=paper,
    )
    with closing(_open(store, embedder, only_if)) as opened:
        _check_tools(opened, tool or ())
        found = opened.select(query, selection, tools=tool)
        if not len(opened) and opened.pack is not None:
            forms = ", ".join(opened.pack.manifest.forms)
            echo(f"{store}: this pack has no exemplars; it carries: {forms} (see its README.md)", error=True)
        if (
            not found
            and k > 0
            and selection.gates
            and opened.candidates(selection.model_copy(update={"gates": ()}), tool)
        ):
            echo(f"no exemplar here has passed the gates {', '.join(selection.gates)}; see --unverified", error=True)
    echo(_render(found, selection, format))


@memory.command()
def serve(store: Store = None, source: StoreOption = None, only_if: OnlyIf = None, embedder: Embedder = None) -> None:
    """Serve exemplars and lessons to MCP clients, on stdin and stdout."""
    from ste_graph.memory.faces.server import serve_memory as serve_store

    with redirect_stdout(sys.stderr):
        opened = _open(choose_store(store, source), embedder, only_if)
    with closing(opened):
        serve_store(opened)


@memory.command()
def verify(
    workflow: File,
    store: From,
    changes: Changes = None,
    mark_only: Annotated[
        bool, typer.Option("--mark-only", help="Call nothing: only mark stale what was made with another definition.")
    ] = False,
    embedder: Embedder = None,
    format: OutputFormat = Format.text,
) -> None:
    """Compare the exemplars with a workflow's tools as they are now, and try those of changed read-only tools again."""
    import asyncio

    with redirect_stdout(sys.stderr), closing(_open(store, embedder)) as opened:
        result = asyncio.run(_verify(opened, workflow, changes or (), mark_only=mark_only))
    if format is Format.json:
        from dataclasses import asdict

        echo(json.dumps(asdict(result)))
        return
    if mark_only:
        echo(f"{result.unchanged} unchanged, {len(result.marked)} marked stale, none tried again")
    else:
        echo(
            f"{result.unchanged} unchanged, {len(result.revived)} tried again and still right, "
            f"{len(result.broken)} broken, {len(result.untried)} of tools that do more than read, "
            f"{len(result.gone)} of tools that are gone"
        )
    if result.explore:
        echo(f"explore again: {', '.join(result.explore)}")


@memory.command()
def forget(
    store: Store = None,
    source: StoreOption = None,
    id: Annotated[list[str] | None, typer.Option("--id", metavar="ID", help="An exemplar; may be repeated.")] = None,
    tool: Annotated[str | None, typer.Option("--tool", metavar="NAME", help="Every exemplar that names it.")] = None,
    run: Annotated[str | None, typer.Option("--run", metavar="RUN", help="A run's folder, or its id.")] = None,
) -> None:
    """Remove exemplars for good: by id, by tool, by run."""
    if not id and tool is None and run is None:
        raise typer.BadParameter("say what to forget: --id, --tool or --run")
    with closing(_open(choose_store(store, source), None)) as opened:
        echo(f"{opened.forget(ids=id or (), tool=tool, run=run)} forgotten")


@memory.command()
def export(store: Store = None, source: StoreOption = None, out: OutFile = None) -> None:
    """Print every exemplar as a line of JSON."""
    from ste_graph.memory.exemplars.jsonl import export_jsonl
    from ste_graph.memory.exemplars.store import ExemplarStore

    with closing(ExemplarStore.open(choose_store(store, source), older=True)) as opened:
        lines = "\n".join(export_jsonl(opened))
    if lines:
        write_result(lines, out)
    elif out is not None:
        out.write_text("", encoding="utf-8")


@memory.command("import")
def import_(
    source: Annotated[Path, typer.Argument(metavar="FILE|RUN", help="Exemplars as JSON lines, or a run.")],
    store: Annotated[str, typer.Option("--into", metavar="STORE", help="The store; a new folder becomes one.")],
    reworded: Annotated[
        bool, typer.Option("--reworded", help="Of a run of distil.yaml also what says a request in other words.")
    ] = False,
    embedder: Embedder = None,
) -> None:
    """Add exemplars from a file of JSON lines, or from a run."""
    from ste_graph.finished import is_run
    from ste_graph.memory.exemplars.jsonl import import_jsonl
    from ste_graph.memory.exemplars.store import ExemplarStore

    damaged: list[str] = []
    with closing(ExemplarStore.open(store, embedder=embedder, create=True)) as opened:
        if is_run(source):
            added = opened.import_run(source, reworded=reworded)
        else:
            added, damaged = import_jsonl(opened, source)
    for line in damaged:
        echo(line, error=True)
    echo(f"{added} added or changed")
    if damaged:
        raise typer.Exit(FAILED)


@memory.command()
def rebuild(
    store: Store = None,
    source: StoreOption = None,
    check: Annotated[bool, typer.Option("--check", help="Change nothing: only say how log and index differ.")] = False,
    embedder: Embedder = None,
) -> None:
    """Make the index of a store again from its log; of a run, compute its cached vectors again."""
    from ste_graph.memory.exemplars.store import ExemplarStore

    place = choose_store(store, source)
    if not check:
        with closing(ExemplarStore.rebuild(place, embedder=embedder)) as opened:
            echo(f"{len(opened)} exemplars indexed")
        return
    count, differences = ExemplarStore.compare(place)
    echo("\n".join(differences) or f"log and index agree on {count} exemplars")
    if differences:
        raise typer.Exit(FAILED)


def _open(store: str, embedder: str | None, only_if: str | None = None) -> ExemplarStore:
    from ste_graph.memory.exemplars.store import ExemplarStore

    return ExemplarStore.open(store, embedder=embedder, only_if=only_if)


def _check_tools(store: ExemplarStore, tools: Sequence[str]) -> None:
    """Raise `WorkflowError` if none of the tools named has an exemplar: most likely a name is mistyped."""
    from ste_graph.errors import WorkflowError

    if tools and not any(map(store.has_tool, tools)):
        there = store.tools
        named = ", ".join(f"`{tool}`" for tool in tools)
        raise WorkflowError(f"there are no exemplars of {named}; there are some of: {', '.join(there) or 'no tool'}")


def _render(found: Sequence[ExemplarMatch], selection: Selection, format: ExemplarFormat) -> str:
    from ste_graph.memory.exemplars.rendering import as_messages, exemplars_text

    exemplars = [match.exemplar for match in found]
    match format:
        case ExemplarFormat.json:
            return json.dumps([match.model_dump(mode="json") for match in found], indent=2, ensure_ascii=False)
        case ExemplarFormat.messages:
            messages = as_messages(exemplars, observations=selection.shows_observations)
            return json.dumps(messages, indent=2, ensure_ascii=False)
        case ExemplarFormat.text:
            return exemplars_text(exemplars, observations=selection.shows_observations)


async def _verify(store: ExemplarStore, file: Path, changes: Sequence[str], *, mark_only: bool) -> Verification:
    import asyncio

    from ste_graph.memory.exemplars.verification import mark_changed, verify_exemplars
    from ste_graph.run.tools import open_tools, tool_policy

    workflow = load_experiment(file, None, changes).workflow
    async with open_tools(workflow) as tools:
        if mark_only:
            return await asyncio.to_thread(mark_changed, store, tools)
        return await verify_exemplars(store, tools, tool_policy(workflow))
