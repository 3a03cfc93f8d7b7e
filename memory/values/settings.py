"""The settings of a memory of values, as YAML has them (`use: values`)."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field

from ste_graph.contracts import Frozen, ReadResult, Tool
from ste_graph.memory.values.fields import Scalar
from ste_graph.memory.values.pool import ValuePool
from ste_graph.settings import RelativePath


class KnownValues(Frozen):
    """Values that exist, by the parameter that they fit: what read-only tools gave, and what the workflow names.

    Of an earlier run (`since`, `run`), that is what those gave that are as they were: their definition is the same.

    Units then run in waves. First come the tools that need no value of this kind, then those for which what they need
    was found; a unit sees what the waves before its own have found, and never what one side by side with it finds, so
    that no result depends on timing.
    """

    holds: ClassVar[Literal["values"]] = "values"

    given: dict[str, list[Scalar]] = Field(
        default_factory=dict,
        description="Values that exist, by parameter: `order_id: [A-17]`, or `get_order.id: [A-17]` for one tool.",
    )

    since: RelativePath | None = None
    """A pack that this run goes on from. What its exemplars show is known from the start, but for pseudonyms."""
    run: RelativePath | None = None
    """A run of `explore.yaml` or `gain.yaml`. What its trials show is known from the start."""

    def check_use(self, tools: Sequence[Tool], models: Collection[str]) -> list[str]:
        """Say if the pack tells no values though some tool needs them.

        Raises `WorkflowError` if the pack or the run cannot be read.
        """
        from ste_graph.memory.values.earlier import explain_silence, list_explorations

        if self.run is not None:
            list_explorations(self.run)
        if self.since is None:
            return []
        why = explain_silence(self.since, tools)
        return [why] if why and self.run is None else []

    def read_earlier(self, tools: Sequence[Tool]) -> Iterator[ReadResult]:
        """The results in `since` and `run` of those `tools` that only read and are as they were."""
        from ste_graph.memory.values.earlier import read_pack_results, read_run_results

        if self.since is not None:
            yield from read_pack_results(self.since, tools)
        if self.run is not None:
            yield from read_run_results(self.run, tools)

    def open(self, name: str, folder: Path) -> ValuePool:
        """The store of memory `name`, which keeps in `folder` what each wave began with."""
        return ValuePool(self.given, folder)

    def carry_over(self, origin: Path, folder: Path, *, changed: Collection[str]) -> None:
        """Copy what each wave began with: a fork sees the values that the forked run saw.

        Nothing is copied where the fork knows another earlier run.
        """
        if {"since", "run"}.isdisjoint(changed):
            shutil.copytree(origin, folder, dirs_exist_ok=True)
