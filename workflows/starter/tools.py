"""Your tools: plain functions with type hints and a docstring. Say of each what calling it may do to the world."""

import ste_graph as ste

RATES = {"EUR": 1.0, "USD": 1.08, "GBP": 0.84, "JPY": 171.0}


@ste.tool(effect="read")
def exchange(amount: float, source: str, target: str) -> str:
    """Convert an amount of money from one currency to another.

    Args:
        amount: How much money.
        source: The currency it is in, such as EUR.
        target: The currency that is wanted, such as JPY.
    """
    for code in (source, target):
        if code not in RATES:
            raise ValueError(f"no rate for {code!r}; known are {', '.join(RATES)}")
    return f"{amount * RATES[target] / RATES[source]:.2f} {target}"


@ste.tool(effect="read")
def ticket_price(age: int, day: str) -> str:
    """Say what a ticket for the museum costs.

    Args:
        age: The visitor's age in years.
        day: The day of the visit, such as saturday.
    """
    days = ["tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
    if day.lower() not in days:
        raise ValueError(f"the museum is closed on {day!r}; it is open on {', '.join(days)}")
    return "free" if age < 6 else "4 euros" if age < 18 else "9 euros"
