"""The section on requests: how different they are over time, and a map of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np

from ste_graph.contracts import Json
from ste_graph.report.blocks import PageSection, PageText, make_section
from ste_graph.report.charts import line_chart, map_chart
from ste_graph.report.outcomes import VERDICTS, Line
from ste_graph.trials.coverage import spread

WINDOW: Final = 20
"""The newest requests of a tool whose spread is shown at a time."""
_POINTS: Final = 15
"""The most points of a tool's line."""
LONGEST: Final = 200


def requests_section(trials: Mapping[str, Sequence[Line]], vectors: Mapping[str, Any]) -> PageSection | None:
    """The spread of each tool's requests over time, and the map of all. `vectors` are by the trials' ids."""
    spreads = [point for tool, own in trials.items() for point in _spread_over_time(tool, own)]
    points = map_requests(trials, vectors)
    missing = sum(map(len, trials.values())) - len(points)
    blocks = (
        line_chart(
            "Spread of the newest requests, by tool",
            spreads,
            x="trials so far",
            y="spread",
            colour="tool",
            x_title="trials of the tool so far",
            y_title=f"spread of the newest {WINDOW}",
        ),
        map_chart("Map of the requests: near means alike", points),
        PageText(lines=(f"{missing:,} requests without an embedding are not on the map.",))
        if missing and points
        else None,
    )
    note = (
        "Spread is the mean share of words that two requests do not have in common: 0 for one request again and again, "
        "1 for nothing in common. The map shows the two main directions of the requests' embeddings (PCA)."
    )
    return make_section("requests", "Requests", blocks, note)


def map_requests(trials: Mapping[str, Sequence[Line]], vectors: Mapping[str, Any]) -> list[dict[str, Json]]:
    """The requests that have a vector, at their places on the two main axes of all of them."""
    placed = [(tool, line) for tool, own in trials.items() for line in own if line["id"] in vectors]
    if len(placed) < 3:
        return []
    places = project(np.array([vectors[line["id"]] for _, line in placed], dtype=np.float64))
    return [
        {
            "x": round(float(x), 4),
            "y": round(float(y), 4),
            "request": str(line["query"])[:LONGEST],
            "tool": tool,
            "outcome": VERDICTS[line.get("solved")],
            "trial": str(line["id"]),
        }
        for (tool, line), (x, y) in zip(placed, places, strict=True)
    ]


def project(vectors: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Rows on their two principal components; the signs are fixed, so that the same run always gives the same map."""
    centred = vectors - vectors.mean(axis=0)
    _, axes = np.linalg.eigh(centred.T @ centred)  # in ascending order
    main = axes[:, [-1, -2]]
    main = main * np.where(main[np.abs(main).argmax(axis=0), [0, 1]] < 0, -1, 1)
    return np.asarray(centred @ main)


def _spread_over_time(tool: str, trials: Sequence[Line]) -> Iterator[dict[str, Json]]:
    requests = [str(line["query"]) for line in trials]
    step = max(1, len(requests) // _POINTS)
    for end in range(max(2, step), len(requests) + 1, step):
        value = spread(requests[max(0, end - WINDOW) : end])
        if value is not None:
            yield {"trials so far": end, "tool": tool, "spread": value}
