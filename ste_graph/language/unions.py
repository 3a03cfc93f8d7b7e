"""Pydantic's errors about a union: one for the value, where pydantic has one per branch that did not fit."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import groupby
from typing import Final

from pydantic_core import ErrorDetails

from ste_graph.language.tree import Step, Tree

_WORDS: Final = (
    ("object", "mapping"), ("dictionary", "mapping"), ("array", "list"), ("integer", "whole number"),
    ("boolean", "bool"), ("string", "text"),
)  # fmt: skip
"""Pydantic's words for what YAML holds, and ours."""


def one_per_value(details: Iterable[ErrorDetails], tree: Tree) -> list[ErrorDetails]:
    """The errors that help: of each union, those of the branch that the value comes closest to.

    Where no branch is closer than another, they become one error that names what each wants.
    """
    found: list[ErrorDetails] = []
    for at, group in groupby(details, key=lambda detail: _union_at(detail, tree)):
        if at is None:
            found += group
            continue
        branches: dict[Step, list[ErrorDetails]] = {}
        for detail in group:
            branches.setdefault(detail["loc"][at], []).append(detail)
        distances = {branch: _distance(errors, at) for branch, errors in branches.items()}
        best = [branch for branch in branches if distances[branch] == min(distances.values())]
        if len(best) == 1:
            found += branches[best[0]]
        else:
            first = branches[best[0]][0]
            wanted = dict.fromkeys(_wanted(branches[branch]) for branch in best)
            message = f"should be {' or '.join(wanted)}"
            found.append({**first, "type": "union", "loc": first["loc"][:at], "msg": message})
    return found


def _wanted(errors: list[ErrorDetails]) -> str:
    """What a branch wants, from what is wrong with the value: the keys that it misses, or another kind of value."""
    if missing := [f"`{error['loc'][-1]}`" for error in errors if error["type"] == "missing"]:
        return f"a mapping with {' and '.join(missing)}"
    return sentence(errors[0]["msg"]).removeprefix("should be ")


def sentence(message: str) -> str:
    """Pydantic's sentence in our words, to follow a name: `should be a valid whole number`."""
    text = message.removeprefix("Value error, ").removeprefix("Input ").partition(" or instance of")[0]
    text = text.replace(" after validation,", ",").replace("a valid ", "a ")
    for word, ours in _WORDS:
        text = re.sub(rf"\ban? (valid )?{word}\b", f"a {ours}", text)
        text = re.sub(rf"\b{word}\b", ours, text)
    return text if text.startswith("should") else f"is wrong: {text[:1].lower()}{text[1:]}"


def _union_at(detail: ErrorDetails, tree: Tree) -> int | None:
    """Where in an error's location a branch of a union is named, which is no part of the file; None if nowhere."""
    location = detail["loc"]
    for at, part in enumerate(location):
        if tree.at([step for step in location[: at + 1] if not _is_tag(step)]) is None and not _is_tag(part):
            return at if part != "[key]" and (at < len(location) - 1 or detail["type"] != "missing") else None
    return None


def _is_tag(part: Step) -> bool:
    """Whether a part of a location is a tag of our own shapes."""
    return isinstance(part, str) and part.startswith("<")


def _distance(errors: list[ErrorDetails], at: int) -> tuple[bool, int, int]:
    """How far a value is from a branch: another kind of value, keys that are missing or too many, errors in all."""
    other_kind = any(len(error["loc"]) == at + 1 for error in errors)
    return other_kind, sum(error["type"] in ("missing", "extra_forbidden") for error in errors), len(errors)
