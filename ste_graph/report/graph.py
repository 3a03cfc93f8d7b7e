"""The graph of a run, as it was drawn when the run began."""

from __future__ import annotations

import re
from collections.abc import Mapping

from ste_graph.contracts import Json
from ste_graph.errors import WorkflowError


def draw_locked_graph(lock: Mapping[str, Json]) -> tuple[str | None, str]:
    """The graph in a run's lock as SVG, and its Mermaid text; None, and the reason, where there is no picture."""
    mermaid = lock.get("graph")
    if not isinstance(mermaid, str):
        return None, "The graph was not kept by the version of ste-graph that made this run."
    from ste_graph.compile.picture import lay_out

    try:
        return give_size(lay_out(mermaid).svg()), mermaid
    except WorkflowError as error:
        return None, f"{error}\n\n{mermaid}"


def give_size(svg: str) -> str:
    """A picture with the width and height of its content; a width of 100 % blows a small graph up to the page."""
    shown = re.search(r'viewBox="\S+ \S+ (\S+) (\S+)"', svg)
    if shown is None:
        return svg
    return re.sub(r'width="100%"', f'width="{shown[1]}" height="{shown[2]}"', svg, count=1)
