"""The statements of the words around a value: that it is excluded, that more or less is meant, that it goes on."""

from __future__ import annotations

import re

from ste_graph.distil.composed.composition import Atom
from ste_graph.distil.reading.normalisation import identifier_words
from ste_graph.distil.reading.request import Request, TextSpan
from ste_graph.text import word_set

_UP = (
    r"more|over|above|after|since|at least|greater|larger|bigger|higher|later|newer|exceed\w*|beyond|from|minimum"
    r"|longer|older than|starting|costlier"
)
_DOWN = (
    r"less|under|below|before|until|at most|fewer|smaller|lower|earlier|up to|within|maximum|shorter|cheaper|younger"
    r"|till|no later"
)
_SIDE = re.compile(rf"(?:.*\b|^)(?:(?P<up>{_UP})|(?P<down>{_DOWN}))\b(?: [\w'-]+){{0,3}} [\"'`]?$")
_SIDE_AFTER = re.compile(
    r"(?: [a-z%]+)? (?:or|and) (?:(?P<up>more|above|later|over|higher)|(?P<down>less|below|earlier|under|fewer))\b"
)
_BOUNDS = (
    (
        re.compile(r"\b(?:no|not|nothing) (?:more|later|over|above|greater|higher|larger|longer|after|older)\b"),
        "at most",
    ),
    (re.compile(r"\b(?:no|not|nothing) (?:less|earlier|fewer|before|under|lower|smaller|below|younger)\b"), "at least"),
)
"""Bounds that are said by a negation, which negates nothing else."""
_NOT = re.compile(
    r"(?:\b|(?<=\w))(?:not|n't|no|none|never|neither|nor|without|except(?: for)?|exclud\w+|other than|but not"
    r"|leav\w+ out|skip\w*|ignor\w+|outside)(?: [\w'-]+){0,3} [\"'`]?$"
)
_DETERMINED = re.compile(
    r"\b(?:(?:the|an?|my|our|this|that) |how many (?=[\w'-]+ $))(?P<between>"
    r"(?:(?!(?:of|in|for|from|at|to|with|is|are|was|were|be|still"
    r"|do|does|did|has|have|cost) )[^\W\d][\w'-]* ){1,3})$"
)
_NAMING = word_set(
    "word words topic name called named tag tagged label category folder keyword term status state type kind all"
)


def allows(request: Request, atom: Atom, span: TextSpan) -> bool:
    """True if the words at a place do not speak against what the form says: that it is excluded, more, less."""
    before = request.plain[max(request.clause_start(span.start), span.start - 80) : span.start]
    for bound, plain in _BOUNDS:
        before = bound.sub(plain, before)
    if bool(_NOT.search(before)) != atom.is_negated and not (request.is_negated(span) and atom.is_negated):
        return False
    if atom.is_exact and _is_cut(request, atom, span):
        return False
    match = _SIDE_AFTER.match(request.plain, span.end) or _SIDE.search(before)
    return atom.direction is None or match is None or match.lastgroup == atom.direction


def _is_cut(request: Request, atom: Atom, span: TextSpan) -> bool:
    """True if words before a common noun belong to it: `iron pan` in `the cast iron pan`."""
    if not request.cased[span.start : span.start + 1].islower():
        return False
    match = _DETERMINED.search(request.plain[: span.start])
    label = {*identifier_words(atom.label)}
    return match is not None and not all(part in label or part in _NAMING for part in match["between"].split())
