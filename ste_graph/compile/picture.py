"""The picture of a workflow as SVG or PNG: its Mermaid text, laid out by `mmdr` without a browser or a network."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ste_graph.compile.mermaid import Flowchart
from ste_graph.errors import WorkflowError
from ste_graph.language.workflow import Workflow

if TYPE_CHECKING:
    from mmdr import Diagram

PNG_WIDTH = 1600
"""The width of a PNG, in pixels."""


def draw_svg(workflow: Workflow, *, deep: bool = False) -> str:
    """The graph as SVG. Raises `WorkflowError` where the extra `draw` is not installed."""
    svg: str = lay_out(Flowchart.draw(workflow, deep=deep)).svg()
    return svg


def draw_png(workflow: Workflow, *, deep: bool = False) -> bytes:
    """The graph as PNG on white. Raises `WorkflowError` where the extra `draw` is not installed."""
    png: bytes = lay_out(Flowchart.draw(workflow, deep=deep)).png(width=PNG_WIDTH, background="#ffffff")
    return png


def lay_out(mermaid: str) -> Diagram:
    """The layout of a Mermaid text. Raises `WorkflowError` where the extra `draw` is not installed."""
    try:
        from mmdr import render
    except ImportError:
        raise WorkflowError(
            "a picture needs a package: pip install 'ste-graph[draw]'; the Mermaid text (.mmd, .md) needs none"
        ) from None
    return render(mermaid)
