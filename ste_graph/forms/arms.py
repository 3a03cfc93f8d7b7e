"""Guidelines and descriptions as one arm of a test shows them, as far as there is room for them in a prompt."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any

from ste_graph.forms.description import ToolWording, apply_wording
from ste_graph.text import approximate_tokens


def offer_described(
    tools: Sequence[Mapping[str, Any]],
    descriptions: Sequence[Mapping[str, Any]],
    *,
    nearest: Sequence[str] = (),
    room: int | None = None,
) -> list[dict[str, Any]]:
    """The tools with their rewritten descriptions, where these were kept and the tool is as it was.

    Args:
        tools: Those on offer.
        descriptions: Those of `ste_graph.inputs.forms.RunDescriptions`.
        nearest: The tools of the nearest exemplars, the most similar last: these are described first.
        room: The most tokens that the tools may be longer by, about; None: no bound.
    """
    known = {str(each["tool"]): each for each in descriptions if each["kept"]}
    described = {str(tool["name"]): _describe(tool, known.get(str(tool["name"]))) for tool in tools}
    chosen, left = set[str](), room
    for name in rank_tools([str(tool["name"]) for tool in tools], nearest):
        before = next(tool for tool in tools if tool["name"] == name)
        more = max(0, added_tokens([before], [described[name]]))
        if left is None or more <= left:
            chosen.add(name)
            left = None if left is None else left - more
    return [described[tool["name"]] if tool["name"] in chosen else dict(tool) for tool in tools]


def added_tokens(before: Sequence[Mapping[str, Any]], after: Sequence[Mapping[str, Any]]) -> int:
    """About how many tokens longer some tools are than others."""
    first, second = (json.dumps(list(tools), ensure_ascii=False) for tools in (before, after))
    return approximate_tokens(second) - approximate_tokens(first)


def fit_first(texts: Sequence[str], room: int | None) -> int:
    """The number of texts, from the first, that fit into `room` tokens; None: all. The first that does not ends it."""
    tokens = accumulate(map(approximate_tokens, texts))
    return len(texts) if room is None else sum(total <= room for total in tokens)


def fit_last(texts: Sequence[str], room: int | None) -> int:
    """The number of texts, from the last one backwards, that fit into `room` tokens; None: all."""
    return fit_first(texts[::-1], room)


def rank_tools(names: Sequence[str], nearest: Sequence[str]) -> list[str]:
    """The tools in the order in which their guidelines and descriptions are shown, while there is room.

    First those of the nearest exemplars, of which the most similar is the last of `nearest`; then the others as they
    are offered.
    """
    offered = set(names)
    return list(dict.fromkeys([*(name for name in reversed(nearest) if name in offered), *names]))


def shuffle_guidelines(texts: Mapping[str, str]) -> dict[str, str]:
    """A placebo: each tool gets the text of another, so that all together are as long, and say nothing that is true.

    A single guideline has no other: its words come in reverse.
    """
    names = list(texts)
    if len(names) == 1:
        return {names[0]: " ".join(reversed(texts[names[0]].split()))}
    by_length = sorted(names, key=lambda name: (len(texts[name]), name))
    return {name: texts[by_length[place - 1]] for place, name in enumerate(by_length)}


def is_of_same_tool(written: Mapping[str, Any], tool: Mapping[str, Any]) -> bool:
    """True unless the tool is known to have changed since something was written about it."""
    return tool.get("fingerprint") in (None, written.get("fingerprint"))


def _describe(tool: Mapping[str, Any], known: Mapping[str, Any] | None) -> dict[str, Any]:
    if known is None or not is_of_same_tool(known, tool):
        return dict(tool)
    return apply_wording(tool, ToolWording(description=known["description"], parameters=known["parameters"]))
