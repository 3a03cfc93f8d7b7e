"""The settings of a memory of values, as YAML has them (`use: values`)."""

from __future__ import annotations

import shutil
from collections.abc import Collection
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field

from ste_graph.contracts import Frozen
from ste_graph.memory.values.fields import Scalar
from ste_graph.memory.values.pool import ValuePool


class KnownValues(Frozen):
    """Values that exist, by the parameter that they fit: what read-only tools gave, and what the workflow names.

    Units then run in waves. First come the tools that need no value of this kind, then those for which what they need
    was found; a unit sees what the waves before its own have found, and never what one side by side with it finds, so
    that no result depends on timing.
    """

    holds: ClassVar[Literal["values"]] = "values"

    given: dict[str, list[Scalar]] = Field(
        default_factory=dict,
        description="Values that exist, by parameter: `order_id: [A-17]`, or `get_order.id: [A-17]` for one tool.",
    )

    def open(self, name: str, folder: Path) -> ValuePool:
        """The store of memory `name`, which keeps in `folder` what each wave began with."""
        return ValuePool(self.given, folder)

    def carry_over(self, origin: Path, folder: Path, *, changed: Collection[str]) -> None:
        """Copy what each wave began with: a fork sees the values that the forked run saw."""
        shutil.copytree(origin, folder, dirs_exist_ok=True)
