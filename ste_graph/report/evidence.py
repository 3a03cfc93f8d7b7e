"""The sections on tests and training: arms with intervals and the decision, accuracy before, after and over rounds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from ste_graph.contracts import Json
from ste_graph.report.blocks import PageChart, PageSection, PageTable, PageText, make_section, make_table, share
from ste_graph.report.charts import bar_chart, interval_chart, line_chart
from ste_graph.report.outcomes import Line
from ste_graph.scoring.reply import CaseReply
from ste_graph.training.results import AccuracyMatrix

RIGHT: Final = {True: "right", False: "wrong", None: "undecided"}
_COST: Final = (
    ("shown tokens", "shown_tokens"),
    ("prompt tokens", "prompt_tokens"),
    ("completion tokens", "completion_tokens"),
    ("model calls", "calls"),
    ("seconds", "seconds"),
    ("price", "price"),
)


def arms_section(evaluations: Sequence[Line], replies: Sequence[Line]) -> PageSection | None:
    """The arms of a test with intervals, their gains over the baseline, and the decision; and the replies."""
    blocks: list[PageChart | PageTable | PageText | None] = []
    for line in evaluations:
        blocks += _evaluation_blocks(line)
    if replies:
        blocks += _reply_blocks(replies)
    note = (
        "Means over the tools, with 95 % intervals about these tools. A gain is paired: the same requests in both."
        if evaluations
        else None
    )
    return make_section("arms", "Arms and decision", blocks, note)


def is_right(reply: Line) -> bool | None:
    """True if a reply is the right call, or rightly none; None if only a judge can tell."""
    return CaseReply.from_line(reply).is_correct


def training_section(trainings: Sequence[Line], rounds: Sequence[Line]) -> PageSection | None:
    """Exactness before and after a training, by tool, and of each batch over the rounds of continual learning."""
    # One that a test of arms examines has no figures of its own.
    trainings = [line for line in trainings if line.get("before") is not None]
    several = len({line.get("seed") for line in trainings}) > 1
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
    return make_section("training", "Training", blocks, "Exact: the reply is the wanted call, letter for letter.")


def forms_section(records: Sequence[Line]) -> PageSection | None:
    """Guidelines and rewritten descriptions, as the model would be shown them."""
    rows = [(str(line["record"]), str(line.get("tool") or ""), _form_text(line)) for line in records]
    return make_section("forms", "Guidelines and descriptions", [make_table("Texts", ("form", "tool", "text"), rows)])


def _form_text(line: Line) -> str:
    if line["record"] == "guideline":
        return "\n".join(str(sentence["text"]) for sentence in line.get("sentences") or ()) or "(none was kept)"
    parameters = line.get("parameters") or {}
    return "\n".join(
        [str(line.get("description") or "(none)"), *(f"{name}: {text}" for name, text in parameters.items())]
    )


def _evaluation_blocks(line: Line) -> Iterator[PageChart | PageTable | PageText | None]:
    adopted = line.get("candidate")
    decision = f"Decision: {line['decision']}" + (f" `{adopted}`" if line["decision"] == "adopt" and adopted else "")
    only = f"Only for: {', '.join(line['adopted_for'])}" if line.get("adopted_for") else ""
    yield PageText(lines=tuple(filter(None, (decision, str(line["reason"]), only))), headline=True)
    arms: Mapping[str, Mapping[str, Json]] = line["arms"]
    correct = [row for name, arm in arms.items() if (row := _interval_row(name, arm["correct"]["these_tools"]))]
    yield interval_chart("Correct, by arm", correct, x_title="% correct")
    gains = [row for name, gain in line["gains"].items() if (row := _interval_row(name, gain["least"]))]
    yield interval_chart(f"Gain over `{line['baseline']}`", gains, x_title="points", zero=True)
    costs = [
        (title, key)
        for title, key in _COST
        if any((arm.get("cost") or {}).get(key) is not None for arm in arms.values())
    ]
    head = [
        "arm",
        "cases",
        "well-formed, %",
        "right tool, %",
        "correct, %",
        "interval",
        "gain",
        "interval of the gain",
        "won",
        "lost",
        "no call right, gain",
        *(title for title, _ in costs),
    ]
    yield make_table("The arms", head, (_arm_row(name, line, costs) for name in arms))
    rows = [
        (
            name,
            "may be adopted" if each.get("obstacle") is None else str(each["obstacle"]),
            None if each.get("p_value") is None else round(each["p_value"], 4),
            ", ".join(each.get("harmed") or ()),
        )
        for name, each in (line.get("candidates") or {}).items()
    ]
    yield make_table("What the decision looked at", ("arm", "obstacle", "p-value", "tools harmed"), rows)


def _arm_row(name: str, line: Line, costs: Sequence[tuple[str, str]]) -> list[str | float | None]:
    arm, gain = line["arms"][name], line["gains"].get(name) or {}
    found = [_mean(arm[key]["these_tools"]) for key in ("wellformed", "api_match", "correct")]
    least = gain.get("least") or {}
    cost = arm.get("cost") or {}
    spent = [None if cost.get(key) is None else round(float(cost[key]), 4 if key == "price" else 1) for _, key in costs]
    return [
        name,
        arm["cases"],
        *found,
        _interval_text(arm["correct"]["these_tools"]),
        _mean(least),
        _interval_text(least, signed=True),
        gain.get("won"),
        gain.get("lost"),
        _mean(gain.get("restraint") or {}),
        *spent,
    ]


def _mean(estimate: Mapping[str, Json]) -> float | None:
    """The mean of an estimate, in percent."""
    return None if estimate.get("mean") is None else share(estimate["mean"], 1)


def _interval_row(name: str, estimate: Mapping[str, Json]) -> dict[str, Json] | None:
    if estimate.get("low") is None or estimate.get("mean") is None:
        return None
    figures = {key: round(100 * estimate[key], 1) for key in ("mean", "low", "high")}
    return {"arm": name, **figures}


def _interval_text(estimate: Mapping[str, Json], *, signed: bool = False) -> str:
    if not estimate:
        return ""
    if estimate.get("low") is None:
        return str(estimate.get("reason") or "")
    sign = "+" if signed else ""
    return f"{100 * estimate['low']:{sign}.1f}..{100 * estimate['high']:{sign}.1f}"


def _reply_blocks(replies: Sequence[Line]) -> Iterator[PageChart | PageTable | None]:
    """The replies by tool and arm. What only a judge can tell counts as undecided here."""
    groups: dict[tuple[str, str], list[Line]] = defaultdict(list)
    arms: dict[str, list[Line]] = defaultdict(list)
    for line in replies:
        if line.get("kind", "call") == "call":
            groups[str(line["gold"]["tool"]), str(line["arm"])].append(line)
        arms[str(line["arm"])].append(line)
    bars: list[dict[str, Json]] = []
    for (tool, arm), own in sorted(groups.items()):
        right = sum(is_right(line) is True for line in own)
        bars.append({"tool": tool, "arm": arm, "percent": share(right, len(own)), "right": f"{right} of {len(own)}"})
    yield bar_chart(
        "Right replies by tool",
        bars,
        y="tool",
        x="percent",
        colour="arm",
        x_title="% right",
        stacked=False,
        percent=True,
    )
    rows = []
    for arm, own in arms.items():
        cost = [line["cost"] for line in own if line.get("cost")]
        calls = [line for line in own if line.get("kind", "call") == "call"]
        counts = [sum(is_right(line) is verdict for line in calls) for verdict in (True, None)]
        others = [line for line in own if line.get("kind", "call") != "call"]
        repaired, cut = (
            sum(bool(line.get("repairs")) for line in own),
            sum(bool(each.get("truncated")) for each in cost),
        )
        rows.append(
            (
                arm,
                len(own),
                len(calls),
                *counts,
                len(others),
                sum(is_right(line) is True for line in others),
                repaired,
                cut,
                sum(each.get("retries", 0) for each in cost),
            )
        )
    head = (
        "arm",
        "replies",
        "that want a call",
        "right",
        "undecided",
        "that want none",
        "rightly none",
        "repaired",
        "cut off",
        "asked again",
    )
    yield make_table("Replies by arm", head, rows)


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
