"""The page of a report: its sections as one HTML file with the plots inside, and as text."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path
from typing import Final

from ste_graph.files.atomic import write_atomically
from ste_graph.report.section import ReportSection
from ste_graph.training.errors import report_full_disk

SIMULATED: Final = (
    "A simulated model had a part in this: its exploration shows that the chain works, and nothing about a real model."
    " The student, its gradients and its scores are real."
)

_STYLE: Final = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2.5rem auto; padding: 0 1rem; color: #1c2733; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.15rem; margin-top: 2.2rem; }
pre { background: #f4f6f8; padding: .8rem 1rem; overflow-x: auto; font-size: .8rem; line-height: 1.4; }
img { max-width: 100%; } .note { background: #fff6dd; padding: .6rem 1rem; }
.small { color: #5b6b7a; font-size: .85rem; }
"""


def render_text(sections: Sequence[ReportSection]) -> str:
    """The sections as a terminal shows them."""
    note = [SIMULATED] if any(section.simulated for section in sections) else []
    return "\n\n".join([*note, *(section.text for section in sections)])


def write_page(title: str, sections: Sequence[ReportSection], file: Path) -> Path:
    """Writes the sections as one HTML file that needs no other; returns it."""
    with report_full_disk(file):
        file.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(file, "\n".join(_html_lines(title, sections)))
    return file


def _html_lines(title: str, sections: Sequence[ReportSection]) -> Iterator[str]:
    yield f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title><style>{_STYLE}</style>'
    yield f"<h1>{escape(title)}</h1>"
    if any(section.simulated for section in sections):
        yield f'<p class="note">{escape(SIMULATED)}</p>'
    for section in sections:
        yield f"<h2>{escape(section.title)}</h2>"
        yield "<p>" + "<br>".join(escape(line) for line in section.lines) + "</p>"
        yield from (f"<pre>{escape(table)}</pre>" for table in section.tables)
        for plot in section.plots:
            data = base64.b64encode(Path(plot).read_bytes()).decode()
            yield (f'<img alt="{escape(section.title)}: {escape(Path(plot).stem)}" src="data:image/png;base64,{data}">')
        yield f'<p class="small">{escape(section.run)}</p>'
    yield "</html>"
