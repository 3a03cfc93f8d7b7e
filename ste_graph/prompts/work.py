"""The work of rendering a template: passes of loops, and the size of the values that are gone through."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from types import GeneratorType
from typing import Any, Final

from jinja2 import TemplateRuntimeError

MOST_STEPS: Final = 1_000_000
"""The steps of one rendering: passes of loops, and values that an operation goes through."""
_CHARACTERS: Final = 20
"""The characters of a text that count as one step."""


class StepCounter:
    """Counts the steps of one rendering."""

    def __init__(self) -> None:
        self.count = 0

    def spend(self, steps: int) -> None:
        """Counts steps. Raises `TemplateRuntimeError` where there were too many."""
        self.count += steps
        if self.count > MOST_STEPS:
            raise TemplateRuntimeError(f"the template takes more than {MOST_STEPS:,} steps")

    def pass_on(self, items: Iterable[Any]) -> Iterator[Any]:
        """The items, a step each. Raises `TemplateRuntimeError` where there were too many."""
        for item in items:
            self.spend(1)
            yield item

    def charge(self, value: Any) -> Any:
        """The value, after all that it holds is counted: what a list holds twice counts twice, as it is printed twice.

        What is made one by one is counted as it comes. Raises `TemplateRuntimeError` where there was too much.
        """
        if isinstance(value, str):  # as most are
            self.spend(1 + len(value) // _CHARACTERS)
            return value
        if isinstance(value, GeneratorType):
            return self._charge_items(value)
        waiting = [value]
        while waiting:
            part = waiting.pop()
            if isinstance(part, str):
                self.spend(1 + len(part) // _CHARACTERS)
            elif isinstance(part, list | tuple):
                self.spend(1 + len(part))
                waiting += part
            elif isinstance(part, dict):
                self.spend(1 + len(part))
                waiting += part
                waiting += part.values()
        return value

    def _charge_items(self, items: Iterable[Any]) -> Iterator[Any]:
        for item in items:
            self.spend(1)
            yield self.charge(item)
