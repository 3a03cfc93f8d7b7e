"""Units by the other names that people call them."""

from __future__ import annotations

from typing import Final

_NAMES: Final = {
    "mm": "millimeter millimetre", "cm": "centimeter centimetre", "m": "meter metre", "km": "kilometer kilometre",
    "mg": "milligram", "g": "gram", "kg": "kilogram kilo", "ml": "milliliter millilitre", "l": "liter litre",
    "s": "second", "min": "minute", "h": "hour", "km/h": "kph", "celsius": "°c", "fahrenheit": "°f",
    "us_gallon": "gallon", "us_cup": "cup",
}  # fmt: skip


def unit_names(unit: str) -> list[str]:
    """The other names of a unit, in the singular; none for any other text."""
    return _NAMES.get(unit.lower(), "").split()
