"""Settings that every source of tools has: which of its tools to take, and what calling them may do."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Literal

from pydantic import Field

from ste_graph.contracts import Effect, Frozen
from ste_graph.errors import WorkflowError
from ste_graph.suggest import did_you_mean, list_choices

SEVERITY: Sequence[Effect] = ("read", "write", "destructive")


def strictest(*effects: Effect) -> Effect:
    """The most severe of the effects."""
    return max(effects, key=SEVERITY.index)


@dataclass(frozen=True, slots=True)
class ToolNames:
    """The names of a source's tools, position by position: those that the source gives, and those that are shown.

    `source` is the source as messages call it.
    """

    source: str
    own: Sequence[str]
    shown: Sequence[str]

    def find(self, setting: str, name: str) -> int:
        """The position of the one tool that a setting names. Raises `WorkflowError` for none or several.

        A name that the source itself gives comes before one that is merely shown.
        """
        found = [at for at, own in enumerate(self.own) if own == name] or [
            at for at, shown in enumerate(self.shown) if shown == name
        ]
        if not found:
            raise self.unknown(setting, name)
        if len(found) > 1:
            raise WorkflowError(
                f"tools: `{setting}` names `{name}`, which is the name of {len(found)} tools of {self.source}; "
                f"name the one that is meant: {list_choices(self.shown[at] for at in found)}"
            )
        return found[0]

    def matches(self, at: int, patterns: Iterable[str]) -> bool:
        """True if one of the patterns fits either name of a tool."""
        return any(fnmatchcase(name, pattern) for pattern in patterns for name in (self.own[at], self.shown[at]))

    def unknown(self, setting: str, name: str) -> WorkflowError:
        """The error for a setting that names what the source does not have."""
        return WorkflowError(
            f"tools: `{setting}` names `{name}`, which {self.source} does not have; "
            f"{did_you_mean(name, self.shown)}it has: {list_choices(self.shown)}"
        )

    def nothing_left(self, settings: str, what: str = "tools") -> WorkflowError:
        """The error for settings that leave out all that the source has."""
        has = list_choices(self.shown)
        return WorkflowError(f"tools: {self.source} gives no tool: {settings} leave none of its {what}; it has: {has}")


class ToolChoice(Frozen):
    """The settings of every source: which of its tools to take, and what their effects and their answers mean."""

    include: tuple[str, ...] | None = Field(
        default=None,
        description="Take only tools whose name matches one of these; * and ? stand for any characters. "
        "The order stays that of the source.",
    )
    exclude: tuple[str, ...] = Field(default=(), description="Leave out tools whose name matches one of these.")
    effects: Mapping[str, Effect] = Field(
        default={},
        description="Per tool what calling it may do (read, write or destructive), where the source does not say so.",
    )
    errors: tuple[re.Pattern[str], ...] | Literal["off"] = Field(
        default=(),
        description="Regular expressions: an answer that starts with one of them reports a failure, as do objects with "
        "an `error`, and texts that start with `Error:`, `Failed to` and the like. `off`: no answer does.",
        examples=[["No results", "(?i)sold out"]],
    )

    def choose(self, names: ToolNames) -> list[int]:
        """The positions of the tools to take. Raises `WorkflowError` if a setting names a tool that is not there."""
        positions = range(len(names.own))
        for setting, patterns in (("include", self.include or ()), ("exclude", self.exclude)):
            for pattern in patterns:
                if not any(names.matches(at, (pattern,)) for at in positions):
                    raise names.unknown(setting, pattern)
        return [
            at
            for at in positions
            if (self.include is None or names.matches(at, self.include)) and not names.matches(at, self.exclude)
        ]

    def state_effects(self, names: ToolNames) -> dict[int, Effect]:
        """The effects that the workflow states, by the position of the one tool that each is about.

        Raises `WorkflowError` if a name is that of no tool, or of several, or if a tool is named twice.
        """
        stated: dict[int, Effect] = {}
        for name, effect in self.effects.items():
            at = names.find("effects", name)
            if stated.get(at, effect) != effect:
                raise WorkflowError(f"tools: `effects` says two things of `{names.shown[at]}` of {names.source}")
            stated[at] = effect
        return stated
