"""The charts of a page, as Vega-Lite specifications made with Altair. Colours of text and lines are the page's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from ste_graph.contracts import Json
from ste_graph.errors import WorkflowError
from ste_graph.report.blocks import PageChart

if TYPE_CHECKING:
    import altair

Rows = Sequence[Mapping[str, Json]]

COLOURS: Final = {
    "solved": "#2f7fc1",
    "right": "#2f7fc1",
    "not solved": "#d9662b",
    "wrong": "#d9662b",
    "unclear": "#8d939c",
    "undecided": "#8d939c",
    "call succeeded": "#1f9d84",
    "grounded": "#a5832a",
    "model": "#2f7fc1",
    "tool": "#1f9d84",
    "us": "#a5832a",
}
"""The colours of things that have the same meaning in all charts; none of them differ in red and green alone."""
_OTHERS: Final = (
    "#2f7fc1",
    "#d9662b",
    "#1f9d84",
    "#a5832a",
    "#8f5bb5",
    "#c44e79",
    "#5f8f2f",
    "#8d939c",
    "#4fb3d9",
    "#9a4a24",
    "#c9a800",
    "#6b6ecf",
)
_AXIS: Final = {"tickMinStep": 1, "tickCount": 10}
_BAR: Final = 18
"""The height of a bar, in pixels."""


def bar_chart(
    label: str, rows: Rows, *, y: str, x: str, colour: str, x_title: str, stacked: bool = True, percent: bool = False
) -> PageChart | None:
    """Horizontal bars per `y`, one colour per `colour`: stacked, or side by side. None without rows."""
    if not rows:
        return None
    alt = import_altair()
    scale = alt.Scale(domain=[0, 100]) if percent else alt.Undefined
    encoding: dict[str, Any] = {
        "y": alt.Y(y, type="nominal", title=None, sort=None, axis=alt.Axis(labelLimit=220)),
        "x": alt.X(
            x,
            type="quantitative",
            title=x_title,
            scale=scale,
            stack="zero" if stacked else None,
            axis=alt.Axis(**_AXIS),
        ),
        "color": _colour(colour, rows),
        "tooltip": _tooltip(rows),
    }
    if not stacked:
        encoding["yOffset"] = alt.YOffset(colour, type="nominal", sort=None)
    count = 1 if stacked else len({row[colour] for row in rows})
    step = _BAR + 6 if count == 1 else 11 * count + 8
    height = step * len({row[y] for row in rows})
    return _chart(label, alt.Chart(_data(rows)).mark_bar().encode(**encoding).properties(height=height))


def line_chart(
    label: str, rows: Rows, *, x: str, y: str, colour: str, x_title: str, y_title: str, percent: bool = False
) -> PageChart | None:
    """Lines with points over a number, one per `colour`. None for rows with fewer than two values of `x`."""
    if len({row[x] for row in rows}) < 2:
        return None
    alt = import_altair()
    scale = alt.Scale(domain=[0, 100]) if percent else alt.Undefined
    chart = (
        alt.Chart(_data(rows))
        .mark_line(point=True)
        .encode(
            x=alt.X(x, type="quantitative", title=x_title, axis=alt.Axis(**_AXIS)),
            y=alt.Y(y, type="quantitative", title=y_title, scale=scale),
            color=_colour(colour, rows),
            tooltip=_tooltip(rows),
        )
        .properties(height=230)
    )
    return _chart(label, chart)


def map_chart(label: str, rows: Rows) -> PageChart | None:
    """Points at `x`, `y` in the colour of their `outcome`, which the legend selects; a click opens their `trial`."""
    if len(rows) < 3:
        return None
    alt = import_altair()
    picked = alt.selection_point(fields=["outcome"], bind="legend")
    bare = alt.Axis(labels=False, ticks=False, title=None, grid=False)
    chart = (
        alt.Chart(_data(rows[:1]))
        .mark_circle(size=44)
        .encode(
            x=alt.X("x", type="quantitative", axis=bare),
            y=alt.Y("y", type="quantitative", axis=bare),
            color=_colour("outcome", rows),
            opacity=alt.condition(picked, alt.value(0.75), alt.value(0.06)),
            tooltip=[alt.Tooltip(name, type="nominal") for name in ("request", "tool", "outcome")],
        )
        .add_params(picked)
        .properties(height=380)
    )
    found = _chart(label, chart, opens_trials=True)
    # Altair checks each row against its schema, which takes as long as all the rest for thousands of points.
    found.spec["data"] = {"values": [dict(row) for row in rows]}
    found.spec.pop("datasets", None)
    return found


def interval_chart(label: str, rows: Rows, *, x_title: str, zero: bool = False) -> PageChart | None:
    """A point and its interval per `arm`, from `mean`, `low` and `high`; with a line at `zero`, if asked for."""
    if not rows:
        return None
    alt = import_altair()
    base = alt.Chart(_data(rows)).encode(
        y=alt.Y("arm", type="nominal", title=None, sort=None, axis=alt.Axis(labelLimit=220)), tooltip=_tooltip(rows)
    )
    layers = [
        base.mark_rule(size=3, color=COLOURS["solved"]).encode(
            x=alt.X("low", type="quantitative", title=x_title), x2="high"
        ),
        base.mark_point(filled=True, size=90, color=COLOURS["solved"], opacity=1).encode(x="mean:Q"),
    ]
    if zero:
        layers.insert(0, alt.Chart(_data([{"zero": 0}])).mark_rule(strokeDash=[4, 3]).encode(x="zero:Q"))
    height = (_BAR + 10) * len({row["arm"] for row in rows})
    return _chart(label, alt.layer(*layers).properties(height=height))


def import_altair() -> Any:
    """Altair. Raises `WorkflowError` where the extra `report` is not installed."""
    try:
        import altair
    except ImportError:
        raise WorkflowError("the page of a run needs packages: pip install 'ste-graph[report]'") from None
    return altair


def _data(rows: Rows) -> Any:
    return import_altair().InlineData(values=[dict(row) for row in rows])


def _colour(field: str, rows: Rows) -> Any:
    alt = import_altair()
    found = dict.fromkeys(str(row[field]) for row in rows)
    values = [*(value for value in COLOURS if value in found), *(value for value in found if value not in COLOURS)]
    free = iter(_OTHERS * (len(values) // len(_OTHERS) + 1))
    colours = [COLOURS.get(value) or next(free) for value in values]
    legend = alt.Legend(title=None, orient="top", labelLimit=260, columns=4) if len(values) > 1 else None
    return alt.Color(field, type="nominal", sort=None, scale=alt.Scale(domain=values, range=colours), legend=legend)


def _tooltip(rows: Rows) -> list[Any]:
    alt = import_altair()
    return [
        alt.Tooltip(name, type="quantitative" if isinstance(value, int | float) else "nominal")
        for name, value in rows[0].items()
    ]


def _chart(label: str, chart: altair.TopLevelMixin, *, opens_trials: bool = False) -> PageChart:
    sized: Any = chart
    spec = sized.properties(width="container").to_dict()
    del spec["config"]  # of the page
    return PageChart(label=label, spec=spec, opens_trials=opens_trials)
