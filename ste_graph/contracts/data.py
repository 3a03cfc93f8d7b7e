"""The contract of data: what a loop can go over."""

from __future__ import annotations

from typing import Protocol

from ste_graph.contracts.values import Json


class DataSource(Protocol):
    """One entry of a workflow's `data:` section: a frozen pydantic object whose fields are its YAML settings."""

    def items(self) -> list[Json]:
        """The items, always in the same order: units of a run, or what a loop goes over.

        An item that has a `name` or an `id` is known by it. Raises `WorkflowError` if the items cannot be had.
        """
