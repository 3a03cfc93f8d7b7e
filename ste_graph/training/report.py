"""A report: what a chain of runs has come to, as one HTML page with its pictures in it."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path
from statistics import median
from typing import Final

from ste_graph.contracts import Frozen, Json
from ste_graph.finished import open_run
from ste_graph.models.label import is_simulated
from ste_graph.training.faults import writing
from ste_graph.training.forgetting import Triangle
from ste_graph.training.plot import plot_rounds

SIMULATED: Final = (
    "A simulated model had a part in this: what it explored shows that the chain works, and nothing about a real"
    " model. The student, its gradients and what it gets right are real."
)

_STYLE: Final = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2.5rem auto; padding: 0 1rem; color: #1c2733; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.15rem; margin-top: 2.2rem; }
pre { background: #f4f6f8; padding: .8rem 1rem; overflow-x: auto; font-size: .8rem; line-height: 1.4; }
img { max-width: 100%; } .note { background: #fff6dd; padding: .6rem 1rem; }
.small { color: #5b6b7a; font-size: .85rem; }
"""


class Part(Frozen):
    """One run of the chain, in words and pictures."""

    title: str
    run: str
    lines: tuple[str, ...]
    tables: tuple[str, ...] = ()
    plots: tuple[str, ...] = ()
    simulated: bool = False

    @property
    def text(self) -> str:
        """As a terminal shows it."""
        return "\n".join([self.title, *(f"  {line}" for line in self.lines), *("\n" + table for table in self.tables)])


def part_of(title: str, run: Path, plots: Path) -> Part:
    """What a run's journal tells: how many records of each type, and what was trained, evaluated, and forgotten."""
    finished = open_run(run)
    place = {unit: number for number, unit in enumerate(finished.lock["units"])}
    records = sorted(finished.records(), key=lambda record: place.get(record.get("seed"), 0))
    counts = Counter(str(record["record"]) for record in records)
    simulated = any(_is_simulated(record) for record in records)
    lines = ["records: " + ", ".join(f"{kind} {count:,}" for kind, count in sorted(counts.items()))]
    tables: list[str] = []
    pictures: list[str] = []
    learnt = [record for record in records if record["record"] == "learnt"]
    for record in learnt:
        seed = _seed(record, learnt)
        lines += [f"{seed}: {line}" if seed else line for line in _learnt(record)]
        tables.append("\n".join(filter(None, [seed, str(record["table"])])))
        pictures += [str(record["plot"])] if record.get("plot") else []
    lines += _medians(learnt)
    for record in records:
        if record["record"] == "evaluation":
            lines.append(f"decision: {record['decision']} ({record['reason']})")
            tables.append(str(record["table"]))
    if rounds := _last_rounds(records):
        names = [", ".join(filter(None, [str(one["label"]), _seed(one, rounds)])) for one in rounds]
        arms = {name: Triangle(rounds=one["rounds"]) for name, one in zip(names, rounds, strict=True)}
        batches: list[list[str]] = next((one["batches"] for one in rounds if one.get("batches")), [])
        lines += [f"batch {number}: {', '.join(tools)}" for number, tools in enumerate(batches)]
        lines += [
            f"{name}: {one['steps']} steps, {one['cpu_seconds']:.0f} s of CPU"
            for name, one in zip(names, rounds, strict=True)
        ]
        tables += [f"{arm}\n{triangle.text()}" for arm, triangle in arms.items()]
        pictures.append(str(plot_rounds(arms, plots / f"{title}.png", simulated=simulated)))
    return Part(
        title=title,
        run=str(run),
        lines=tuple(line for line in lines if line),
        tables=tuple(tables),
        plots=tuple(pictures),
        simulated=simulated,
    )


def said_of(parts: Sequence[Part]) -> str:
    """The parts as a terminal shows them."""
    note = [SIMULATED] if any(part.simulated for part in parts) else []
    return "\n\n".join([*note, *(part.text for part in parts)])


def page(title: str, parts: Sequence[Part], file: Path) -> Path:
    """Write the parts as one HTML file that needs no other; gives it back."""
    with writing(file):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("\n".join(_page(title, parts)), "utf-8")
    return file


def _page(title: str, parts: Sequence[Part]) -> Iterator[str]:
    yield f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title><style>{_STYLE}</style>'
    yield f"<h1>{escape(title)}</h1>"
    if any(part.simulated for part in parts):
        yield f'<p class="note">{escape(SIMULATED)}</p>'
    for part in parts:
        yield f"<h2>{escape(part.title)}</h2>"
        yield "<p>" + "<br>".join(escape(line) for line in part.lines) + "</p>"
        yield from (f"<pre>{escape(table)}</pre>" for table in part.tables)
        for plot in part.plots:
            data = base64.b64encode(Path(plot).read_bytes()).decode()
            yield f'<img alt="{escape(part.title)}: {escape(Path(plot).stem)}" src="data:image/png;base64,{data}">'
        yield f'<p class="small">{escape(part.run)}</p>'
    yield "</html>"


def _learnt(record: dict[str, Json]) -> Iterator[str]:
    yield (
        f"{100 * record['before']:.1f} % exact before, {100 * record['after']:.1f} % after {record['steps']:,} steps on"
        f" {record['rows']:,} rows ({record['seconds']:.0f} s, {record['cpu_seconds']:.0f} s of CPU)"
    )
    if record.get("after_unseen") is not None:
        yield f"{100 * record['after_unseen']:.1f} % of the {record['unseen']} requests with new values only"
    if record.get("untested"):
        yield f"no held-out case of: {', '.join(record['untested'])}"


def _medians(learnt: Sequence[dict[str, Json]]) -> Iterator[str]:
    """What several seeds have come to together."""
    if len(learnt) > 1:
        yield f"median of {len(learnt)} seeds: {100 * median(one['after'] for one in learnt):.1f} % exact after"
        if unseen := [one["after_unseen"] for one in learnt if one.get("after_unseen") is not None]:
            yield f"median of {len(unseen)} seeds: {100 * median(unseen):.1f} % of the requests with new values only"


def _seed(record: dict[str, Json], among: Sequence[dict[str, Json]]) -> str:
    """Which seed's a record is, where there are several."""
    return f"seed {record['seed']}" if len({one.get("seed") for one in among}) > 1 else ""


def _last_rounds(records: Sequence[dict[str, Json]]) -> list[dict[str, Json]]:
    """The last round of each arm of each seed."""
    rounds = [record for record in records if record["record"] == "round"]
    return list({(record.get("seed"), record["label"]): record for record in rounds}.values())


def _is_simulated(record: dict[str, Json]) -> bool:
    return bool(record.get("simulated")) or is_simulated(record.get("model"))
