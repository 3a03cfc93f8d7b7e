"""Material: the examples of a run of `distil.yaml` as files of rows, one batch of tools after the other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypeAlias

from ste_graph.contracts import Frozen
from ste_graph.dataset.examples import examples_of, refuse_leaks
from ste_graph.dataset.form import Form
from ste_graph.dataset.rows import rows_of
from ste_graph.distil.example import Example
from ste_graph.distil.split import without_heldout
from ste_graph.errors import WorkflowError
from ste_graph.training.faults import writing
from ste_graph.training.rows import Row, by_tool, read_rows

Batches: TypeAlias = int | tuple[tuple[str, ...], ...]
"""Tools in batches: so many of like size, dealt out by name, or the tools of each."""


class Material(Frozen):
    """Files of rows: one per batch on each side of the split."""

    train_files: list[str]
    heldout_files: list[str]
    batches: list[list[str]]
    """The tools of each batch."""
    untested: list[str]
    """The tools without a held-out case."""
    table: str
    """How many rows of each tool stand on each side."""


def written(run: Path, folder: Path, batches: Batches = 1) -> Material:
    """Write the examples of a run to files in `folder`.

    Raises `WorkflowError` where the run has no example, where the sides of the split share something, where a batch
    names a tool of which there is no example, and where there is nothing to learn of a batch, or to try it by.
    """
    every = list(found := examples_of(run))
    refuse_leaks(found)
    fair = [example for example, good in zip(every, without_heldout(every), strict=True) if good]
    groups = _grouped(sorted({example.definition.name for example in every}), batches, run)
    sides: dict[str, list[str]] = {"train": [], "heldout": []}
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for number, tools in enumerate(groups):
            for side, files in sides.items():
                chosen = [one for one in fair if one.split == side and one.definition.name in tools]
                file = folder / f"{f'batch-{number}.' if len(groups) > 1 else ''}{side}.jsonl"
                file.write_text("".join(f"{row.model_dump_json()}\n" for row in _rows(chosen)), "utf-8")
                files.append(str(file.resolve()))
    for number, tools in enumerate(groups):
        for side, lack in (("train", "row to learn"), ("heldout", "held-out case")):
            if not Path(sides[side][number]).stat().st_size:
                which = f"batch {number} ({', '.join(tools)})" if len(groups) > 1 else "it"
                raise WorkflowError(
                    f"{run}: {which} has no {lack}; explore more, or set another share `heldout` in the node `split` of"
                    " distil.yaml"
                )
    return described(sides["train"], sides["heldout"])


def described(train: Sequence[str], heldout: Sequence[str]) -> Material:
    """What there is to learn in these files, and to try it by. Raises `WorkflowError` if one holds no rows."""
    learnt, tried = ([read_rows([file]) for file in side] for side in (train, heldout))
    counts = [
        {tool: len(rows) for tool, rows in by_tool([row for part in side for row in part]).items()}
        for side in (learnt, tried)
    ]
    untested = sorted(counts[0].keys() - counts[1].keys())
    return Material(
        train_files=list(train),
        heldout_files=list(heldout),
        batches=[sorted(by_tool(rows)) for rows in learnt],
        untested=untested,
        table="\n".join(_lines(counts[0], counts[1], untested)),
    )


def _grouped(tools: Sequence[str], batches: Batches, run: Path) -> tuple[tuple[str, ...], ...]:
    if isinstance(batches, int):
        if batches > len(tools):
            raise WorkflowError(f"{run}: has examples of {len(tools)} tools; that is too few for {batches} batches")
        # Every nth, so that tools of like names, which often do like things, come apart.
        return tuple(tuple(tools[number::batches]) for number in range(batches))
    named = Counter(tool for batch in batches for tool in batch)
    if missing := sorted(named.keys() - set(tools)):
        raise WorkflowError(f"{run}: has no example of {', '.join(missing)}; it has examples of: {', '.join(tools)}")
    if twice := sorted(tool for tool, count in named.items() if count > 1):
        raise WorkflowError(f"{', '.join(twice)}: stands in more than one of `batches`")
    return batches


def _rows(examples: Sequence[Example]) -> Iterator[Row]:
    return map(Row.model_validate, rows_of(examples, Form.prompt_completion))


def _lines(train: dict[str, int], heldout: dict[str, int], untested: Sequence[str]) -> Iterator[str]:
    width = max(map(len, (*train, *heldout, "rows")))
    yield f"{'rows'.ljust(width)}  train  held out"
    for tool in sorted({*train, *heldout}):
        yield f"{tool.ljust(width)}  {train.get(tool, 0):5}  {heldout.get(tool, 0):8}"
    if untested:
        yield f"no held-out case of: {', '.join(untested)}"
