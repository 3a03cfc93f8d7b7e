"""The sections on tests and training: arms with intervals and the decision, accuracy before, after and over rounds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from ste_graph.contracts import Json
from ste_graph.grouping import group
from ste_graph.packs.untested import UntestedTool
from ste_graph.report.blocks import PageChart, PageSection, PageTable, PageText, make_section, make_table, share
from ste_graph.report.charts import bar_chart, interval_chart
from ste_graph.report.outcomes import Line
from ste_graph.scoring.reply import CaseReply

RIGHT: Final = {True: "right", False: "wrong", None: "undecided"}
_COST: Final = (
    ("shown tokens", "shown_tokens"),
    ("prompt tokens", "prompt_tokens"),
    ("completion tokens", "completion_tokens"),
    ("model calls", "calls"),
    ("seconds", "seconds"),
)


def arms_section(
    evaluations: Sequence[Line], replies: Sequence[Line], untested: Sequence[UntestedTool] = ()
) -> PageSection | None:
    """The arms of a test with intervals, their gains, and the decision; the tools that were not tested; the replies."""
    blocks = [block for line in evaluations for block in _evaluation_blocks(line)]
    rows = [(each.tool, each.reason, each.advice) for each in untested]
    blocks.append(make_table("Tools without a case", ("tool", "why", "what to do"), rows, sentences=True))
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
    ]
    yield make_table("The arms", head, (_arm_row(name, line) for name in arms))
    yield cost_table(arms)
    rows = [
        (
            name,
            "may be adopted" if each.get("obstacle") is None else str(each["obstacle"]),
            None if each.get("p_value") is None else f"{each['p_value']:.2g}",
            ", ".join(each.get("harmed") or ()),
        )
        for name, each in (line.get("candidates") or {}).items()
    ]
    yield make_table(
        "What the decision looked at", ("arm", "obstacle", "p-value", "tools harmed"), rows, sentences=True
    )


def _arm_row(name: str, line: Line) -> list[str | float | None]:
    arm, gain = line["arms"][name], line["gains"].get(name) or {}
    found = [_mean(arm[key]["these_tools"]) for key in ("wellformed", "api_match", "correct")]
    least = gain.get("least") or {}
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
    ]


def cost_table(arms: Mapping[str, Mapping[str, Json]]) -> PageTable | None:
    """The cost of a case in each arm, in a table of its own: next to the arms it would not fit on a page."""
    found = {name: _costs(arm.get("cost") or {}) for name, arm in arms.items()}
    titles = list(dict.fromkeys(title for costs in found.values() for title in costs))
    rows = [(name, *(costs.get(title) for title in titles)) for name, costs in found.items()]
    return make_table("What a case costs", ("arm", *titles), rows if titles else [])


def _costs(cost: Mapping[str, Json]) -> dict[str, float]:
    """The known costs of a case, by the heads of the table."""
    found = {title: round(float(cost[key]), 1) for title, key in _COST if cost.get(key) is not None}
    price = cost.get("price") or {}
    if price.get("per_case") is not None:
        found[f"price, {price['currency']}"] = round(float(price["per_case"]), 6)
    return found


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
    arms = group((str(line["arm"]), line) for line in replies)
    groups = group(
        ((str(line["gold"]["tool"]), str(line["arm"])), line) for line in replies if line.get("kind", "call") == "call"
    )
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
        rows.append(
            (
                arm,
                len(own),
                len(calls),
                *counts,
                len(others),
                sum(is_right(line) is True for line in others),
                sum(bool(line.get("repairs")) for line in own),
                sum(bool(each.get("truncated")) for each in cost),
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
