"""A section of a report: one run, in text, tables and plots."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median

from ste_graph.contracts import Frozen, Json, is_simulated
from ste_graph.finished import open_run
from ste_graph.training.results import AccuracyMatrix, plot_rounds


class ReportSection(Frozen):
    """The section on one run of the chain."""

    title: str
    run: str
    lines: tuple[str, ...]
    tables: tuple[str, ...] = ()
    plots: tuple[str, ...] = ()
    simulated: bool = False

    @property
    def text(self) -> str:
        """The section as a terminal shows it."""
        return "\n".join([self.title, *(f"  {line}" for line in self.lines), *("\n" + table for table in self.tables)])


def section_from_run(title: str, run: Path, plots: Path) -> ReportSection:
    """Reads a run's journal: the records of each type, and the results of training, evaluation and continual learning.

    Plots are written to the folder `plots`.
    """
    finished = open_run(run)
    order = {unit: number for number, unit in enumerate(finished.lock["units"])}
    records = sorted(finished.records(), key=lambda record: order.get(record.get("seed"), 0))
    counts = Counter(str(record["record"]) for record in records)
    simulated = any(_is_simulated(record) for record in records)
    lines = ["records: " + ", ".join(f"{kind} {count:,}" for kind, count in sorted(counts.items()))]
    tables: list[str] = []
    pictures: list[str] = []
    trainings = [record for record in records if record["record"] == "training"]
    for record in trainings:
        seed = _seed_label(record, trainings)
        lines += [f"{seed}: {line}" if seed else line for line in _training_lines(record)]
        tables.append("\n".join(filter(None, [seed, str(record["table"])])))
        pictures += [str(record["plot"])] if record.get("plot") else []
    lines += _median_lines(trainings)
    for record in records:
        if record["record"] == "evaluation":
            lines.append(f"decision: {record['decision']} ({record['reason']})")
            tables.append(str(record["table"]))
    if rounds := _last_rounds(records):
        names = [", ".join(filter(None, [str(last["label"]), _seed_label(last, rounds)])) for last in rounds]
        arms = {name: AccuracyMatrix(rounds=last["rounds"]) for name, last in zip(names, rounds, strict=True)}
        batches: list[list[str]] = next((last["batches"] for last in rounds if last.get("batches")), [])
        lines += [f"batch {number}: {', '.join(tools)}" for number, tools in enumerate(batches)]
        lines += [
            f"{name}: {last['steps']} steps, {last['cpu_seconds']:.0f} s of CPU"
            for name, last in zip(names, rounds, strict=True)
        ]
        tables += [f"{arm}\n{matrix.table()}" for arm, matrix in arms.items()]
        pictures.append(str(plot_rounds(arms, plots / f"{title}.png", simulated=simulated)))
    return ReportSection(
        title=title,
        run=str(run),
        lines=tuple(line for line in lines if line),
        tables=tuple(tables),
        plots=tuple(pictures),
        simulated=simulated,
    )


def _training_lines(record: dict[str, Json]) -> Iterator[str]:
    yield (
        f"{100 * record['before']:.1f} % exact before, {100 * record['after']:.1f} % after {record['steps']:,} steps on"
        f" {record['rows']:,} rows ({record['seconds']:.0f} s, {record['cpu_seconds']:.0f} s of CPU)"
    )
    if record.get("after_unseen") is not None:
        yield f"{100 * record['after_unseen']:.1f} % of the {record['unseen']} requests with new values only"
    if record.get("untested"):
        yield f"no held-out case of: {', '.join(record['untested'])}"


def _median_lines(trainings: Sequence[dict[str, Json]]) -> Iterator[str]:
    """The medians over several seeds."""
    if len(trainings) > 1:
        shares = [record["after"] for record in trainings]
        yield f"median of {len(trainings)} seeds: {100 * median(shares):.1f} % exact after"
        if unseen := [record["after_unseen"] for record in trainings if record.get("after_unseen") is not None]:
            yield f"median of {len(unseen)} seeds: {100 * median(unseen):.1f} % of the requests with new values only"


def _seed_label(record: dict[str, Json], records: Sequence[dict[str, Json]]) -> str:
    """The seed of a record, if the records are of several seeds."""
    return f"seed {record['seed']}" if len({other.get("seed") for other in records}) > 1 else ""


def _last_rounds(records: Sequence[dict[str, Json]]) -> list[dict[str, Json]]:
    """The last round of each arm of each seed."""
    rounds = [record for record in records if record["record"] == "round"]
    return list({(record.get("seed"), record["label"]): record for record in rounds}.values())


def _is_simulated(record: dict[str, Json]) -> bool:
    return bool(record.get("simulated")) or is_simulated(record.get("model"))
