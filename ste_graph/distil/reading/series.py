"""Series of a request (`solar, storage or grid`): their members besides the values that a call takes from them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from ste_graph.distil.leaves import Leaf
from ste_graph.distil.reading.request import Request, TextSpan
from ste_graph.text import word_set

_NEXT = re.compile(
    r"[\"'`]?,? (?P<word>and|or) (?:the |an? |in |from |of |by |for |tagged |tag )?[\"'`]?(?P<next>[^\W\d][\w'-]*)"
)
_ASSIGNED = re.compile(
    r"[\"'`]?(?:, and|,| and) (?:the |its |his |her )?(?P<next>[a-z][\w-]*)(?: [a-z]+)? (?:to|=|as|becomes) "
)
_MORE = re.compile(r"[\"'`]?, [\"'`]?(?P<next>[^\W\d][\w'-]*(?: [\w'-]+)?)[\"'`]?,? (?:and|or) ")
_JOIN = re.compile(r"\b(?:and|or)\b")
_OBJECT = re.compile(r" (?:it|me|them|the|this|these|that|an?|my|our|all|every|each|how|what|us|him|her)\b")
_LISTED = re.compile(r"(?i)\b(?:comma|separated|lists? of)\b")
_NO_ITEM = word_set(
    "then also that this these those it its they them he she we i you my our their his her how what which who when "
    "where why whether tell show give list set put send say return get find make do does did please is are was were "
    "has have had can could should would will must may not no only so in on at to from for of with without by as "
    "before after since until between if let add remove mark change sort order limit count keep use skip leave want "
    "need more less later earlier above below over under sorted ordered search look fetch open load read check "
    "compare divide multiply subtract take round compute rename call move switch turn bring "
    "assign convert translate according such as"
)


class Series(NamedTuple):
    """The places of values that are alike; `is_list`: they are the items of a list, so that there may be more."""

    spans: tuple[TextSpan, ...]
    is_list: bool


def is_list(leaf: Leaf) -> bool:
    """True if a value is an item of a list, or a list that is written as a text."""
    name = leaf.parameter
    plural = name.endswith("s") and not name.endswith(("ss", "us", "is"))
    return isinstance(leaf.path[-1], int) or plural or bool(_LISTED.search(str(leaf.schema.get("description") or "")))


def find_unlisted(request: Request, series: Sequence[Series], used: Sequence[TextSpan]) -> Iterator[str]:
    """Yields the members of a series between or after values of a call that no call uses.

    `used` are the places of all values.
    """
    for group in series:
        spans = sorted(group.spans)
        gaps = [request.plain[a.end : b.start] for a, b in pairwise(spans)]
        if not spans or any(len(gap) > 60 for gap in gaps):
            continue
        ends = [spans[-1]] if not any(map(_JOIN.search, gaps)) else []
        for span, pattern in [
            *((span, _NEXT) for span in ends),
            *((span, form) for form in (_MORE, _ASSIGNED) for span in spans),
        ]:
            match = pattern.match(request.plain, span.end)
            if match is None or match["next"].split()[0] in _NO_ITEM or match["next"].split()[0].endswith("ing"):
                continue
            place = TextSpan(*match.span("next"))
            if pattern is _ASSIGNED and any(match.end() <= other.start < match.end() + 5 for other in used):
                continue  # its value is used
            if _OBJECT.match(request.plain, match.end("next")):
                continue  # `and archive it`
            both_names = all(request.cased[at.start].isupper() for at in (span, place))
            listed = (
                pattern is _ASSIGNED
                or group.is_list
                or len(spans) > 1
                or match.groupdict().get("word") == "or"
                or both_names
            )
            if listed and not any(place.overlaps(other) for other in used) and not request.is_negated(place):
                yield request.cased[place.start : place.end]
