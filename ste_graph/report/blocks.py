"""The blocks of a page about a run: parts, their sections, and in these tables, charts and text; all plain data."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

from ste_graph.contracts import Frozen, Json


class PageChart(Frozen):
    """A chart: its Vega-Lite specification, and what it shows, in words."""

    kind: Literal["chart"] = "chart"
    label: str
    spec: dict[str, Json]
    opens_trials: bool = False
    """True if a click on a mark with a `trial` opens that trial."""


class PageTable(Frozen):
    """A table. Columns whose cells are numbers are set to the right; None is an empty cell."""

    kind: Literal["table"] = "table"
    label: str
    head: tuple[str, ...]
    rows: tuple[tuple[str | float | None, ...], ...]
    sentences: bool = False
    """True if its texts are sentences of this program, with names between backticks."""


class PageText(Frozen):
    """Lines of text; the first is set off if it is a `headline`."""

    kind: Literal["text"] = "text"
    lines: tuple[str, ...]
    headline: bool = False


class PageSection(Frozen):
    """A section of a part. `note` says how its figures are to be read."""

    id: str
    title: str
    note: str | None = None
    blocks: tuple[PageChart | PageTable | PageText, ...]


class PagePart(Frozen):
    """A run, or the run of a sub-workflow in it."""

    id: str
    title: str
    state: str
    facts: tuple[tuple[str, str], ...]
    warnings: tuple[str, ...]
    graph: str | None
    """The graph as SVG."""
    graph_text: str
    """The graph in words, or the reason that there is no picture of it."""
    sections: tuple[PageSection, ...]


def make_section(
    id: str, title: str, blocks: Iterable[PageChart | PageTable | PageText | None], note: str | None = None
) -> PageSection | None:
    """A section, without the blocks that are None; None if no block is left."""
    found = tuple(block for block in blocks if block is not None)
    return PageSection(id=id, title=title, note=note, blocks=found) if found else None


def make_table(
    label: str, head: Sequence[str], rows: Iterable[Sequence[str | float | None]], *, sentences: bool = False
) -> PageTable | None:
    """A table; None if it has no rows."""
    found = tuple(map(tuple, rows))
    return PageTable(label=label, head=tuple(head), rows=found, sentences=sentences) if found else None


def share(count: float, of: float) -> float | None:
    """A share in percent, to one decimal; None of nothing."""
    return round(100 * count / of, 1) if of else None
