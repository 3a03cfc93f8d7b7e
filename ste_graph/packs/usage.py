"""The uses of a pack: the commands that fit the forms that it carries."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ste_graph.packs.manifest import Manifest


class Use(NamedTuple):
    """A command, and what it is for."""

    command: str
    purpose: str


def list_proofs(manifest: Manifest, place: str) -> list[Use]:
    """The commands that tell whether the pack at a place still is what it says."""
    check = Use(f"ste pack check {place}", "is it whole, and is nothing in it that should not be?")
    if not manifest.adopted:
        return [check]
    return [
        check,
        Use(f"ste pack verify {place} --tools FILE", "are the tools still those, and do their calls still work?"),
        Use(f"ste pack verify {place} --model NAME", "does it still gain, or does another model gain too?"),
    ]


def list_uses(manifest: Manifest, place: str) -> list[Use]:
    """The commands that put what a pack carries to use; none for one that was not adopted."""
    if not manifest.adopted:
        return []
    forms, uses = frozenset(manifest.forms), list[Use]()
    if "descriptions" in forms:
        uses.append(Use(f"ste pack serve {place} -- COMMAND", "its descriptions over those of an MCP server"))
    if served := [form for form in ("exemplars", "lessons", "guideline") if form in forms]:
        uses.append(Use(f"ste memory serve {place}", f"its {_join(served)} to any MCP client"))
    if "exemplars" in forms:
        uses.append(Use(f"ste memory search 'REQUEST' --from {place}", "the exemplars for a request"))
    return uses


def _join(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
