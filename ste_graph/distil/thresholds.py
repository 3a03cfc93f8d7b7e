"""Cosines at which two requests count as the same, or as related; measured for all-MiniLM-L6-v2 (docs/distil.md)."""

from __future__ import annotations

from typing import Annotated, Final, TypeAlias

from pydantic import Field

Cosine: TypeAlias = Annotated[float, Field(ge=0, le=1)]

DUPLICATE: Final = 0.97
"""From here on, two requests for the same call are duplicates."""

RELATED: Final = 0.96
"""From here on, two requests belong together and may not be on two sides of a split."""
