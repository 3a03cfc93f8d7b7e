"""Training files: the examples of a run of `distil.yaml` as files of rows, in batches of tools."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

from ste_graph.contracts import Frozen
from ste_graph.distil.example import Example
from ste_graph.distil.split import training_mask
from ste_graph.errors import WorkflowError
from ste_graph.files.atomic import write_atomically
from ste_graph.files.jsonl import encode_line
from ste_graph.text import align_columns
from ste_graph.training.errors import report_full_disk
from ste_graph.training.rows.examples import check_leaks, read_examples
from ste_graph.training.rows.export import rows_from_examples
from ste_graph.training.rows.format import RowFormat
from ste_graph.training.rows.row import TrainingRow, group_by_tool, read_rows

Batches: TypeAlias = int | tuple[tuple[str, ...], ...]
"""Batches of tools: their number, with the tools dealt out by name, or the tools of each."""


class TrainingFiles(Frozen):
    """Files of rows: one per batch on each side of the split."""

    train_files: list[str]
    heldout_files: list[str]
    batches: list[list[str]]
    """The tools of each batch."""
    untested: list[str]
    """The tools without a held-out case."""
    table: str
    """The number of rows of each tool on each side."""


def write_rows(run: Path, folder: Path, batches: Batches = 1) -> TrainingFiles:
    """Writes the examples of a run to files in `folder`.

    Raises `WorkflowError` if the run has no example, if the sides of the split share something, if a batch names a tool
    without examples, and if a batch has no rows on one of the sides.
    """
    every = list(distilled := read_examples(run))
    check_leaks(distilled)
    fair = [example for example, good in zip(every, training_mask(every), strict=True) if good]
    groups = _group_tools(sorted({example.definition.name for example in every}), batches, run)
    sides: dict[str, list[str]] = {"train": [], "heldout": []}
    with report_full_disk(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for number, tools in enumerate(groups):
            for side, files in sides.items():
                chosen = [example for example in fair if example.split == side and example.definition.name in tools]
                file = folder / f"{f'batch-{number}.' if len(groups) > 1 else ''}{side}.jsonl"
                write_atomically(file, (encode_line(row.model_dump(mode="json")) for row in _rows(chosen)))
                files.append(str(file.resolve()))
    for number, tools in enumerate(groups):
        for side, lack in (("train", "row to learn"), ("heldout", "held-out case")):
            if not Path(sides[side][number]).stat().st_size:
                which = f"batch {number} ({', '.join(tools)})" if len(groups) > 1 else "it"
                raise WorkflowError(
                    f"{run}: {which} has no {lack}; explore more, or set another share `heldout` in the node `split` of"
                    " distil.yaml"
                )
    return describe_files(sides["train"], sides["heldout"])


def describe_files(train: Sequence[str], heldout: Sequence[str]) -> TrainingFiles:
    """Reads the files and counts their rows. Raises `WorkflowError` if one holds no rows."""
    train_rows, heldout_rows = ([read_rows([file]) for file in side] for side in (train, heldout))
    counts = [
        {tool: len(rows) for tool, rows in group_by_tool([row for batch in side for row in batch]).items()}
        for side in (train_rows, heldout_rows)
    ]
    untested = sorted(counts[0].keys() - counts[1].keys())
    return TrainingFiles(
        train_files=list(train),
        heldout_files=list(heldout),
        batches=[sorted(group_by_tool(rows)) for rows in train_rows],
        untested=untested,
        table=_table(counts[0], counts[1], untested),
    )


def _group_tools(tools: Sequence[str], batches: Batches, run: Path) -> tuple[tuple[str, ...], ...]:
    if isinstance(batches, int):
        if batches > len(tools):
            raise WorkflowError(f"{run}: has examples of {len(tools)} tools; that is too few for {batches} batches")
        # Every nth, so that tools with similar names, which are often similar, are kept apart.
        return tuple(tuple(tools[number::batches]) for number in range(batches))
    counts = Counter(tool for batch in batches for tool in batch)
    if missing := sorted(counts.keys() - set(tools)):
        raise WorkflowError(f"{run}: has no example of {', '.join(missing)}; it has examples of: {', '.join(tools)}")
    if twice := sorted(tool for tool, count in counts.items() if count > 1):
        raise WorkflowError(f"{', '.join(twice)}: is in more than one of `batches`")
    return batches


def _rows(examples: Sequence[Example]) -> Iterator[TrainingRow]:
    return map(TrainingRow.model_validate, rows_from_examples(examples, RowFormat.prompt_completion))


def _table(train: Mapping[str, int], heldout: Mapping[str, int], untested: Sequence[str]) -> str:
    rows = [["rows", "train", "held out"]]
    rows += [[tool, str(train.get(tool, 0)), str(heldout.get(tool, 0))] for tool in sorted({*train, *heldout})]
    notes = [f"no held-out case of: {', '.join(untested)}"] if untested else []
    return "\n".join([*align_columns(rows), *notes])
