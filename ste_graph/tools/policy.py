"""The policy of a run: the tools that it may call, how often and for how long."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import get_args

from pydantic import Field

from ste_graph.contracts import Effect, Json, Tool
from ste_graph.errors import WorkflowError
from ste_graph.suggest import did_you_mean, list_choices
from ste_graph.tools.forwarded import effect_note
from ste_graph.tools.limits import ToolLimits


class ToolPolicy(ToolLimits):
    """The rules for every tool call of a run. Tools whose effect is `read` may always be called."""

    allow: tuple[str, ...] = Field(
        default=(),
        description="Effects (write, destructive) or names of tools that may be called besides the read ones.",
    )
    ask: bool = Field(default=False, description="A person is asked before each call that is neither read nor allowed.")

    def allows(self, tool: Tool) -> bool:
        """True if the tool may be called at all, perhaps after a person was asked."""
        return self.ask or self._allows_unasked(tool)

    def asks(self, tool: Tool) -> bool:
        """True if a person decides about each call of the tool."""
        return self.ask and not self._allows_unasked(tool)

    def _allows_unasked(self, tool: Tool) -> bool:
        return tool.effect == "read" or tool.effect in self.allow or tool.name in self.allow


def check_allowed(policy: ToolPolicy, tools: Sequence[Tool]) -> None:
    """Raise `WorkflowError` if the policy allows what is neither an effect nor a tool."""
    names = sorted(tool.name for tool in tools)
    known = sorted({*get_args(Effect), *names})
    for entry in policy.allow:
        if entry not in known:
            raise WorkflowError(
                f"`allow` names `{entry}`, which is neither an effect nor a tool; {did_you_mean(entry, known)}"
                f"effects: {', '.join(sorted(get_args(Effect)))}; tools: {list_choices(names)}"
            )


@dataclass(frozen=True, slots=True)
class SkippedTool:
    """A tool that is not explored because the run may not call it.

    `remedy` is the line of the workflow that would allow it; `note` says why the effect is not the one that the
    tool's source states, if so, with the line that would state it.
    """

    name: str
    effect: Effect
    remedy: str
    note: str | None = None

    def to_json(self) -> dict[str, Json]:
        """The tool for other programs, without its name."""
        return {"effect": self.effect, "remedy": self.remedy, **({"note": self.note} if self.note else {})}

    def __str__(self) -> str:
        return f"{self.name} ({self.effect})  {self.way}"

    @property
    def way(self) -> str:
        """The text to write to have it called; a tool that counts as destructive may just not be declared to read."""
        correct = f"; or {effects_line(self.name)} in its entry of `tools:`, if it only reads"
        return self.note or f"{self.remedy}{correct if self.effect == 'destructive' else ''}"


def list_skipped(tools: Sequence[Tool], policy: ToolPolicy) -> list[SkippedTool]:
    """The tools that the policy does not let a run call."""
    return [
        SkippedTool(tool.name, tool.effect, allow_line(tool.name, policy), effect_note(tool))
        for tool in tools
        if not policy.allows(tool)
    ]


def allow_line(name: str, policy: ToolPolicy) -> str:
    """The line of the workflow that allows one more tool."""
    return f"allow: [{', '.join(yaml_scalar(entry) for entry in (*policy.allow, name))}]"


def effects_line(name: str) -> str:
    """The setting of a source that says that one of its tools only reads."""
    return f"effects: {{{yaml_scalar(name)}: read}}"


def effects_block(tools: Sequence[Tool]) -> str:
    """An `effects:` block to paste under the tools' entry in YAML, and to correct: one line per tool."""
    keys = {tool.name: f"  {yaml_scalar(tool.name)}: {tool.effect}" for tool in tools}
    width = max((len(key) for key in keys.values()), default=0)
    lines = [f"{keys[tool.name]:{width}}  # {effect_note(tool) or first_line(tool.description)}" for tool in tools]
    head = "effects:  # write `read` for a tool that only reads: a run calls no other, unless `allow` names it"
    return "\n".join([head, *(line.rstrip(" #") for line in lines)]) + "\n"


def note_doubt(doubt: str, name: str) -> str:
    """The note of a tool whose effect counts as unsaid: the doubt, and the setting of its source that says it."""
    return f"{doubt}; not called unless `{effects_line(name)}`"


def first_line(text: str) -> str:
    """The first line of a text, at most 100 characters of it."""
    return text.strip().partition("\n")[0][:100].strip()


def yaml_scalar(text: str) -> str:
    """The text as a YAML string, quoted only where it must be."""
    plain = re.fullmatch(r"[A-Za-z_][\w-]*", text, re.ASCII) and text.lower() not in ("true", "false", "null")
    return text if plain else json.dumps(text, ensure_ascii=False)
