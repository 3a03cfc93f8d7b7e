"""Names of tools: what a model server accepts as a function's name, and no two alike."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ste_graph.contracts import Tool
from ste_graph.tools.forwarded import ForwardedTool

LONGEST = 64
"""OpenAI-compatible servers accept `[a-zA-Z0-9_-]{1,64}`."""


@dataclass(frozen=True)
class RenamedTool(ForwardedTool):
    """A tool under another name."""

    new_name: str

    @property
    def name(self) -> str:
        return self.new_name


def legal_name(name: str) -> str:
    """The name with `_` for every character that a model server would refuse, at most 64 long."""
    return re.sub(r"[^a-zA-Z0-9_-]", "_", name)[:LONGEST] or "tool"


def legal_names(names: Sequence[str], legalise: Callable[[str], str] = legal_name) -> list[str]:
    """A legal name for each name of a source, no two alike, in their order.

    A legal name that occurs once is kept, so that no tool is shown under the name of another.
    """
    wanted = [legalise(name) for name in names]
    own = {name for name, shown in zip(names, wanted, strict=True) if name == shown}
    first_legal = sorted(range(len(names)), key=lambda at: names[at] not in own)
    numbered = number_repeats([wanted[at] for at in first_legal])
    return [name for _, name in sorted(zip(first_legal, numbered, strict=True))]


def number_repeats(names: Sequence[str]) -> list[str]:
    """The names in their order, no two alike: the first keeps its own, the next are `name_2`, `name_3` and so on."""
    taken = set(names)
    distinct: dict[str, None] = {}
    for name in names:
        number, numbered = 1, name
        while numbered in distinct or (number > 1 and numbered in taken):
            number += 1
            numbered = f"{name[: LONGEST - len(str(number)) - 1]}_{number}"
        distinct[numbered] = None
    return list(distinct)


def rename_repeats(tools: Sequence[Tool]) -> list[Tool]:
    """The tools in their order, no two of one name: the first keeps it, the next are `name_2`, `name_3` and so on.

    The order is that of the workflow's `tools:`, so the names are the same in every run of it.
    """
    names = number_repeats([tool.name for tool in tools])
    return [tool if name == tool.name else RenamedTool(tool, name) for name, tool in zip(names, tools, strict=True)]
