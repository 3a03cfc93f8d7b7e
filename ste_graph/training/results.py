"""Results of training, as tables and plots: the gain per tool, and what continual learning forgets."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Self

from pydantic import model_validator

from ste_graph.contracts import Frozen
from ste_graph.text import align_columns, percent
from ste_graph.training.errors import NEEDS_TRAIN, TrainingError, report_full_disk
from ste_graph.training.exactness import Exactness

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def gain_table(before: Mapping[str, float], after: Exactness, include: Collection[str] = ()) -> str:
    """Per tool the share of exact replies before and after, and after for requests with new values only.

    The last line is over all requests that count. Tools outside `include`, if it names any, are put in brackets.
    """
    counts, new = after.counts, after.unseen_counts
    tools = sorted(after.per_tool, key=lambda tool: (bool(include) and tool not in include, tool))
    lines = [["exact, %", "cases", "before", "after", "new values", "after"]]
    for tool in tools:
        name = tool if not include or tool in include else f"({tool})"
        shares = [percent(before.get(tool)), percent(after.per_tool[tool])]
        lines.append(
            [name, str(counts[tool]), *shares, str(new.get(tool, 0)), percent(after.unseen_per_tool.get(tool))]
        )
    counted = [tool for tool in tools if not include or tool in include]
    mean = sum(before.get(tool, 0.0) * counts[tool] for tool in counted) / after.count if before else None
    label = "all that count" if include else "all"
    shares = [percent(mean), percent(after.exact)]
    lines.append([label, str(after.count), *shares, str(after.unseen), percent(after.exact_unseen)])
    return "\n".join(align_columns(lines))


class AccuracyMatrix(Frozen):
    """The triangular matrix of continual learning: `rounds[r][b]` is the exact share of batch b after round r."""

    rounds: tuple[tuple[float, ...], ...]
    batches: tuple[str, ...] = ()
    """The names of the batches; without, they are numbered."""

    @model_validator(mode="after")
    def _is_triangular(self) -> Self:
        for number, shares in enumerate(self.rounds):
            if len(shares) != number + 1:
                raise ValueError(f"round {number} has {len(shares)} results; expected one per batch seen: {number + 1}")
        if self.batches and len(self.batches) < len(self.rounds):
            raise ValueError(f"{len(self.rounds)} rounds, but names for {len(self.batches)} batches only")
        return self

    def batch_name(self, batch: int) -> str:
        """The name of a batch."""
        return self.batches[batch] if self.batches else f"batch {batch}"

    def history(self, batch: int) -> tuple[float, ...]:
        """The share of a batch after each round, from its own on."""
        return tuple(shares[batch] for shares in self.rounds[batch:])

    @property
    def forgetting(self) -> tuple[float, ...]:
        """Per batch, its best share less its last; 0 for the last batch."""
        return tuple(max(self.history(batch)) - self.history(batch)[-1] for batch in range(len(self.rounds)))

    @property
    def retention(self) -> tuple[float | None, ...]:
        """Per batch, its last share as a share of its first; None if the first is 0."""
        histories = [self.history(batch) for batch in range(len(self.rounds))]
        return tuple(shares[-1] / shares[0] if shares[0] else None for shares in histories)

    def table(self) -> str:
        """The matrix in fixed columns, in percent, with forgetting and retention below."""
        if not self.rounds:
            return "no round yet"
        lines = [["after round", *(self.batch_name(batch) for batch in range(len(self.rounds)))]]
        empty = [""] * len(self.rounds)
        lines += [[str(round), *map(percent, own), *empty[len(own) :]] for round, own in enumerate(self.rounds)]
        lines += [["forgetting", *map(percent, self.forgetting)], ["retention", *map(percent, self.retention)]]
        return "\n".join(align_columns(lines))


def plot_rounds(matrices: Mapping[str, AccuracyMatrix], file: Path, *, simulated: bool = False) -> Path:
    """Draws the share of each batch over the rounds, one panel per arm; returns the file."""
    figure = _new_figure(panels=len(matrices))
    panels = figure.subplots(1, max(1, len(matrices)), sharey=True, squeeze=False)[0]
    for panel, (arm, matrix) in zip(panels, matrices.items(), strict=False):
        rounds = range(len(matrix.rounds))
        for batch in rounds:
            shares = [100 * share for share in matrix.history(batch)]
            panel.plot(rounds[batch:], shares, "o-", label=matrix.batch_name(batch))
        panel.set(title=arm, xlabel="after round", ylim=(-3, 103), xticks=list(rounds))
        panel.grid(alpha=0.3)
    panels[0].set_ylabel("exact, %")
    panels[0].legend(loc="lower left")
    return _save_figure(figure, file, simulated)


def plot_gain(before: Mapping[str, float], after: Mapping[str, float], file: Path, *, simulated: bool = False) -> Path:
    """Draws the share of exact replies per tool before and after a training; returns the file."""
    figure = _new_figure(panels=2, height=1.2 + 0.3 * len(after))
    panel = figure.subplots()
    positions = range(len(after))
    for label, shares, shift in (("before", before, -0.2), ("after", after, 0.2)):
        widths = [100 * shares.get(tool, 0.0) for tool in after]
        bars = panel.barh([position + shift for position in positions], widths, 0.4, label=label)
        panel.bar_label(bars, fmt="%.0f", padding=3, fontsize=8)
    panel.set(xlabel="exact, %", xlim=(0, 105), yticks=list(positions), yticklabels=list(after))
    panel.invert_yaxis()  # read from the top, as the table is
    panel.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, frameon=False)
    return _save_figure(figure, file, simulated)


def _new_figure(*, panels: int, height: float = 3.2) -> Figure:
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        raise TrainingError(NEEDS_TRAIN) from None
    figure = Figure(figsize=(1.2 + 3.6 * max(1, panels), height), layout="constrained")
    FigureCanvasAgg(figure)  # without pyplot, whose state is the process's
    return figure


def _save_figure(figure: Figure, file: Path, simulated: bool) -> Path:
    if simulated:
        figure.suptitle("simulated: requests by a simulated model", fontsize=8, color="dimgray")
    with report_full_disk(file):
        file.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(file, dpi=150)
    return file
