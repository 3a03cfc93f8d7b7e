"""What a reply is taken for when it is scored: the released code's reading, or the tolerant one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import lru_cache

from ste_graph.protocols import paper, react
from ste_graph.protocols.react import Action, Step
from ste_graph.scoring.parser import Parser


@dataclass(frozen=True, slots=True)
class Reading:
    """What a reply says, with the tool's legal name where it could be told, and what was mended for that."""

    step: Step
    repairs: tuple[str, ...] = ()


def read(text: str, tools: Sequence[str], parser: Parser = Parser.tolerant, *, closest: bool = False) -> Reading:
    """What a reply says.

    Args:
        text: The reply.
        tools: The legal names.
        parser: Who reads it.
        closest: Whether a name that is not legal stands for the one that is spelt most like it, as in the released
            test: with few tools, nearly any name is then one of them. The tolerant reading names this among what was
            mended; a host would refuse such a call.
    """
    names = tuple(tools)
    if parser is Parser.paper:
        return Reading(paper.parse(text.strip(), tools=names, closest=closest, tokens=True))
    step = react.parse(text)
    if not isinstance(step, Action) or step.name in names:
        return Reading(step, step.repairs if isinstance(step, Action) else ())
    bare = step.name.removeprefix("tool_")  # a fine-tuned model's token, `<tool_NAME>`, already without its brackets
    if bare in names:
        return Reading(replace(step, name=bare), tuple(one for one in step.repairs if one != "decorated name"))
    meant = _closest(bare, names) if closest else None
    if meant is None:
        return Reading(step, step.repairs)
    return Reading(replace(step, name=meant), (*step.repairs, "closest name"))


@lru_cache(maxsize=4096)
def _closest(name: str, names: tuple[str, ...]) -> str | None:
    return next(iter(get_close_matches(name, names, n=1, cutoff=0.001)), None)
