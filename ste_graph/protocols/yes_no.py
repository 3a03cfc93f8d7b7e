"""Verdicts in a reply: yes, no, or unclear."""

from __future__ import annotations

import re


def parse_yes_no(text: str) -> bool | None:
    """True for yes, False for no, None for unclear.

    The verdict is the word that a reply opens with, or a word alone between two stops, as in `So: yes.` A "no" that
    belongs to a noun ("No errors occurred") is not a verdict. A reply whose verdicts contradict one another is unclear.

    Differs: the released code takes every text without the letters "No" for a success, and so "Not sure", "Nothing"
    and "Now" for failures.
    """
    verdicts = {word for part in _STOPS.split(text.lower()) if (word := part.strip(_EDGES)) in ("yes", "no")}
    match _WORD.findall(text.lower())[:3]:
        case ["yes", "and" | "but" | "or", "no"] | ["no", "and" | "but" | "or", "yes"]:
            return None
        case ["yes", *_]:
            verdicts.add("yes")
        case ["no", following, *_] if following in _STARTS:
            verdicts.add("no")
    return "yes" in verdicts if len(verdicts) == 1 else None


_WORD = re.compile(r"[^\W\d_]++(?:['\u2019][^\W\d_]++)?")
_STOPS = re.compile(r"[.!?,;:()/\n\u2013\u2014]|\s-\s")
_EDGES = " \t\r\"'`*_[]<>#-\u201c\u201d"
_STARTS = frozenset(
    ["as", "because", "i", "it", "my", "not", "since", "that", "the", "there", "they", "this", "we", "you"]
)
"""Words that begin a clause, so that a "no" in front of them is a verdict."""
