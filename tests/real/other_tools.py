"""Four tools on which no prompt was tuned: with the bundled order service they show what holds elsewhere."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Literal

from pydantic import Field

import ste_graph as ste


@ste.tool(effect="read")
def monthly_payment(
    amount: Annotated[float, Field(gt=0)],
    yearly_rate: Annotated[float, Field(ge=0, le=40)],
    months: Annotated[int, Field(ge=1, le=480)],
) -> float:
    """Work out the equal monthly payment that pays a loan back.

    Args:
        amount: The sum that is lent.
        yearly_rate: Interest a year, in percent.
        months: How many months the loan runs.
    """
    rate = yearly_rate / 1200
    return round(amount / months if rate == 0 else amount * rate / (1 - (1 + rate) ** -months), 2)


@ste.tool(effect="read")
def shift_letters(
    text: str, places: Annotated[int, Field(ge=1, le=25)], direction: Literal["forward", "back"] = "forward"
) -> str:
    """Encode a text by moving each of its letters along the alphabet; other characters stay.

    Args:
        text: The text to encode.
        places: How many places each letter moves.
        direction: Where the letters move to.
    """
    step = places if direction == "forward" else -places
    return "".join(
        chr((ord(char) - ord(base) + step) % 26 + ord(base)) if char.isascii() and char.isalpha() else char
        for char in text
        for base in ["a" if char.islower() else "A"]
    )


@ste.tool(effect="read")
def scale_recipe(
    ingredient: str,
    quantity: Annotated[float, Field(gt=0)],
    servings: Annotated[int, Field(ge=1)],
    wanted: Annotated[int, Field(ge=1, le=500)],
) -> str:
    """Work out how much of an ingredient is needed when a recipe is made for another number of people.

    Args:
        ingredient: What is measured, such as flour.
        quantity: How much of it the recipe takes.
        servings: For how many people the recipe is.
        wanted: For how many people it is to be made.
    """
    return f"{round(quantity * wanted / servings, 2):g} of {ingredient}"


@ste.tool(effect="read")
def school_term(date: dt.date, region: Literal["north", "south", "islands"]) -> str:
    """Say which school term a date falls into, or that it is a holiday.

    Args:
        date: The date to look at, as YYYY-MM-DD.
        region: The part of the country, since terms differ.
    """
    begins = {"north": 8, "south": 9, "islands": 10}[region]
    if date.month in (7, begins - 1) or (date.month == 12 and date.day > 22):
        return "holiday"
    return "autumn term" if date.month >= begins else "spring term" if date.month > 3 else "winter term"
