"""The section of a page about trainings: losses, exactness before and after, and the rounds of continual learning."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ste_graph.contracts import Json
from ste_graph.report.blocks import PageChart, PageSection, PageTable, PageText, make_section, make_table, share
from ste_graph.report.charts import bar_chart, line_chart
from ste_graph.report.outcomes import Line
from ste_graph.training.results import AccuracyMatrix


def training_section(trainings: Sequence[Line], rounds: Sequence[Line]) -> PageSection | None:
    """The loss over the steps; exactness before and after a training, by tool, and of each batch over the rounds."""
    several = len({line.get("seed") for line in (*trainings, *rounds)}) > 1
    losses = _loss_chart(trainings, rounds, several=several)
    # One that a test of arms examines has no figures of its own.
    trainings = [line for line in trainings if line.get("before") is not None]
    rows, bars = [], []
    for line in trainings:
        name = f"seed {line.get('seed')}" if several else "training"
        unseen = None if line.get("after_unseen") is None else share(line["after_unseen"], 1)
        rows.append(
            (
                name,
                line["rows"],
                line["steps"],
                round(line["loss"], 4),
                round(line["seconds"]),
                share(line["before"], 1),
                share(line["after"], 1),
                unseen,
                line.get("unseen"),
            )
        )
        after = f"after, {name}" if several else "after"
        bars += [{"tool": tool, "when": after, "percent": share(part, 1)} for tool, part in line["per_tool"].items()]
    head = (
        "training",
        "rows",
        "steps",
        "loss at the end",
        "seconds",
        "exact before, %",
        "exact after, %",
        "new values, %",
        "requests with new values",
    )
    blocks: list[PageChart | PageTable | PageText | None] = [
        losses,
        make_table("Trainings", head, rows),
        bar_chart(
            "Exact after the training, by tool",
            bars,
            y="tool",
            x="percent",
            colour="when",
            x_title="% exact",
            stacked=False,
            percent=True,
        ),
        *_test_gaps(trainings),
        *_round_blocks(rounds),
    ]
    note = "Exact: the reply is the wanted call, letter for letter." if trainings or rounds else None
    return make_section("training", "Training", blocks, note)


def _loss_chart(trainings: Sequence[Line], rounds: Sequence[Line], *, several: bool) -> PageChart | None:
    """The loss of each training over its steps, and of each arm over the steps of all its rounds, one after another."""
    rows: list[dict[str, Json]] = []
    done: dict[str, int] = {}
    for line in (*trainings, *rounds):
        names = [str(line["label"])] if line["record"] == "round" else [] if several else ["training"]
        name = ", ".join([*names, *([f"seed {line.get('seed')}"] if several else [])])
        before = done.get(name, 0)
        rows += [{"step": before + step, "loss": round(loss, 4), "of": name} for step, loss in line.get("losses") or ()]
        done[name] = before + line["steps"]
    return line_chart("Loss over the steps", rows, x="step", y="loss", colour="of", x_title="step", y_title="loss")


def _test_gaps(trainings: Sequence[Line]) -> Iterator[PageText]:
    tools = sorted({tool for line in trainings for tool in line.get("untested") or ()})
    if tools:
        yield PageText(lines=(f"No held-out case of: {', '.join(tools)}",))


def _round_blocks(rounds: Sequence[Line]) -> Iterator[PageChart | PageTable | None]:
    """The share of each batch over the rounds, one line per arm and batch, from the last record of each arm."""
    several = len({line.get("seed") for line in rounds}) > 1
    last = {(line.get("seed"), line["label"]): line for line in rounds}
    points: list[dict[str, Json]] = []
    rows = []
    for (seed, label), line in last.items():
        arm = f"{label}, seed {seed}" if several else str(label)
        matrix = AccuracyMatrix(rounds=line["rounds"])
        for batch in range(len(matrix.rounds)):
            name = f"{arm}: {matrix.batch_name(batch)}"
            points += [
                {"round": batch + index, "batch": name, "percent": share(part, 1)}
                for index, part in enumerate(matrix.history(batch))
            ]
            retention = matrix.retention[batch]
            tools = ", ".join(line["batches"][batch]) if len(line.get("batches") or ()) > batch else ""
            rows.append(
                (
                    arm,
                    matrix.batch_name(batch),
                    share(matrix.history(batch)[0], 1),
                    share(matrix.history(batch)[-1], 1),
                    share(matrix.forgetting[batch], 1),
                    None if retention is None else share(retention, 1),
                    tools,
                )
            )
    yield line_chart(
        "Exact replies of each batch over the rounds",
        points,
        x="round",
        y="percent",
        colour="batch",
        x_title="after round",
        y_title="% exact",
        percent=True,
    )
    head = ("arm", "batch", "first, %", "last, %", "forgotten, points", "kept, %", "tools")
    yield make_table("Continual learning", head, rows)
