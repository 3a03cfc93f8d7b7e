"""Plain JSON values and immutable records: the ground of all contracts."""

from __future__ import annotations

from typing import Any, TypeAlias

from pydantic import BaseModel, ConfigDict

Json: TypeAlias = Any
"""A plain JSON value. `Any` because a recursive alias costs more at every edge than it catches."""


class Frozen(BaseModel):
    """A value: immutable, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")
