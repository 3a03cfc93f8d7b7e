"""The likeliest meaning of a mistyped word, and its wording in messages."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

SHOWN = 25
"""Choices that a message lists at most."""


def closest(word: str, choices: Iterable[str]) -> str | None:
    """The choice that a mistyped word most likely meant, or None if nothing is near.

    A choice whose last part is the word comes first: `shout` means `node.Shout`.
    """
    by_case = {choice.casefold(): choice for choice in sorted(choices, reverse=True)}
    inner = [choice for low, choice in by_case.items() if low.endswith(f".{word.casefold()}")]
    if len(inner) == 1 and word and word.casefold() not in by_case:
        return inner[0]
    found = difflib.get_close_matches(word.casefold(), by_case, n=1)
    return by_case[found[0]] if found else None


def nearest(word: str, choices: Iterable[str]) -> str | None:
    """The choice that is spelt most like a word, however far it is; None only if nothing is alike at all."""
    return next(iter(difflib.get_close_matches(word, list(choices), n=1, cutoff=0.001)), None)


def did_you_mean(word: str, choices: Iterable[str]) -> str:
    """The question `did you mean …? ` with the closest choice, see `render_hint`."""
    return render_hint(closest(word, choices))


def render_hint(choice: str | None) -> str:
    """The question `did you mean …? `, with the space before what follows; empty without a choice."""
    return f"did you mean `{choice}`? " if choice else ""


def list_choices(choices: Iterable[str]) -> str:
    """The choices sorted and separated by commas, at most `SHOWN` of them; `none` for an empty list."""
    names = sorted(choices)
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more or "none"
