"""Which tools a run may call, how often and for how long."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import get_args

from pydantic import Field

from ste_graph.contracts import Effect, Frozen, Tool


class ToolPolicy(Frozen):
    """What holds for every tool call of a run. Tools whose effect is `read` may always be called."""

    allow: tuple[str, ...] = Field(
        default=(),
        description="Effects (write, destructive) or names of tools that may be called beside the read ones.",
    )
    timeout_s: float = Field(default=30.0, gt=0, description="Seconds after which a call counts as failed.")
    limit: int = Field(
        default=8192, ge=100, description="Characters of a result that are kept, half of them from its end."
    )
    at_most: int | None = Field(default=None, ge=1, description="Calls of each tool at most; no cap if not set.")

    def allows(self, tool: Tool) -> bool:
        """Whether the tool may be called at all."""
        return tool.effect == "read" or tool.effect in self.allow or tool.name in self.allow


def skipped(tools: Sequence[Tool], policy: ToolPolicy) -> list[tuple[str, Effect, str]]:
    """The tools that may not be called: name, effect, and the YAML line that would allow it."""
    return [(tool.name, tool.effect, allowing(tool.name, policy)) for tool in tools if not policy.allows(tool)]


def allowing(name: str, policy: ToolPolicy) -> str:
    """The line of the workflow that lets the run call one tool more."""
    return f"allow: [{', '.join(scalar(entry) for entry in (*policy.allow, name))}]"


def effects_block(tools: Sequence[Tool]) -> str:
    """An `effects:` block to paste under the tools' entry in YAML, and to correct: one line per tool."""
    keys = {tool.name: f"  {scalar(tool.name)}: {tool.effect}" for tool in tools}
    width = max((len(key) for key in keys.values()), default=0)
    lines = [f"{keys[tool.name]:{width}}  # {first_line(tool.description)}".rstrip(" #") for tool in tools]
    return "\n".join([f"effects:  # one of {', '.join(get_args(Effect))}", *lines]) + "\n"


def first_line(text: str) -> str:
    """The first line of a text, at most 100 characters of it."""
    return text.strip().partition("\n")[0][:100].strip()


def scalar(text: str) -> str:
    """The text as a YAML string, quoted only where it must be."""
    plain = re.fullmatch(r"[A-Za-z_][\w-]*", text, re.ASCII) and text.lower() not in ("true", "false", "null")
    return text if plain else json.dumps(text, ensure_ascii=False)
