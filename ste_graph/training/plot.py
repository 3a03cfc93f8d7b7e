"""Plots of what was learnt, as PNG files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ste_graph.training.faults import NEEDS_TRAIN, TrainingError, writing
from ste_graph.training.forgetting import Triangle

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def plot_rounds(triangles: Mapping[str, Triangle], file: Path, *, simulated: bool = False) -> Path:
    """Draw how each batch fares over the rounds, one panel per arm; gives the file back."""
    figure = _figure(panels=len(triangles))
    panels = figure.subplots(1, max(1, len(triangles)), sharey=True, squeeze=False)[0]
    for panel, (arm, triangle) in zip(panels, triangles.items(), strict=False):
        rounds = range(len(triangle.rounds))
        for batch in rounds:
            shares = [100 * share for share in triangle.of(batch)]
            panel.plot(rounds[batch:], shares, "o-", label=triangle.name(batch))
        panel.set(title=arm, xlabel="after round", ylim=(-3, 103), xticks=list(rounds))
        panel.grid(alpha=0.3)
    panels[0].set_ylabel("exact, %")
    panels[0].legend(loc="lower left")
    return _saved(figure, file, simulated)


def plot_gain(before: Mapping[str, float], after: Mapping[str, float], file: Path, *, simulated: bool = False) -> Path:
    """Draw the share of exact replies per tool before and after a training; gives the file back."""
    figure = _figure(panels=2, height=1.2 + 0.3 * len(after))
    panel = figure.subplots()
    places = range(len(after))
    for label, shares, shift in (("before", before, -0.2), ("after", after, 0.2)):
        widths = [100 * shares.get(tool, 0.0) for tool in after]
        bars = panel.barh([place + shift for place in places], widths, 0.4, label=label)
        panel.bar_label(bars, fmt="%.0f", padding=3, fontsize=8)
    panel.set(xlabel="exact, %", xlim=(0, 105), yticks=list(places), yticklabels=list(after))
    panel.invert_yaxis()  # read from the top, as the table is
    panel.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, frameon=False)
    return _saved(figure, file, simulated)


def _figure(*, panels: int, height: float = 3.2) -> Figure:
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        raise TrainingError(NEEDS_TRAIN) from None
    figure = Figure(figsize=(1.2 + 3.6 * max(1, panels), height), layout="constrained")
    FigureCanvasAgg(figure)  # without pyplot, whose state is the process's
    return figure


def _saved(figure: Figure, file: Path, simulated: bool) -> Path:
    if simulated:
        figure.suptitle("simulated: requests by a simulated model", fontsize=8, color="dimgray")
    with writing(file):
        file.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(file, dpi=150)
    return file
