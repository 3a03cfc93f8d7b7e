"""What a model is called in records, and what that name tells."""

from __future__ import annotations

from typing import Final

SIMULATED: Final = "simulated"
"""How the labels begin of models that only simulate one, and of what such a model had a part in."""


def is_simulated(label: object) -> bool:
    """Whether a label, if there is one, is that of a simulated model: what it yields proves plumbing only."""
    return isinstance(label, str) and label.startswith(SIMULATED)
