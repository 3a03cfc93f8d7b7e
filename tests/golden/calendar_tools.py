"""The one tool of the golden episode."""

import datetime as dt

from ste_graph.tools.decorator import tool


@tool(effect="read")
def add_days(date: str, days: int) -> str:
    """Add days to a date."""
    try:
        day = dt.date.fromisoformat(date)
    except ValueError:
        raise ValueError(f"{date!r} is no date; write it as YYYY-MM-DD") from None
    return (day + dt.timedelta(days=days)).isoformat()
