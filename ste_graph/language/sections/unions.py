"""Pydantic's errors about a union: one for the value, instead of one per branch that did not fit."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import groupby
from typing import Final

from pydantic_core import ErrorDetails

from ste_graph.language.source.tree import MappingNode, Step, Tree
from ste_graph.suggest import closest

_WORDS: Final = (
    ("object", "mapping"), ("dictionary", "mapping"), ("array", "list"), ("integer", "whole number"),
    ("boolean", "bool"), ("string", "text"),
)  # fmt: skip
"""Pydantic's words for the values of YAML, and ours."""


def merge_union_errors(details: Iterable[ErrorDetails], tree: Tree) -> list[ErrorDetails]:
    """The errors that help: of each union, those of the branch that the value comes closest to.

    If no branch is closest, they become one error that names the values of all branches.
    """
    found: list[ErrorDetails] = []
    for at, group in groupby(details, key=lambda detail: _branch_index(detail, tree)):
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
            continue
        first = branches[best[0]][0]
        of_its_kind = [branch for branch in branches if not distances[branch][0]]
        forms = _list_forms(dict.fromkeys(_describe_branch(branches[branch]) for branch in of_its_kind or best))
        value = tree.at([step for step in first["loc"][:at] if not _is_tag(step)])
        if (typo := _find_typo([branches[branch] for branch in of_its_kind], value)) is not None:
            key, near = typo
            context = {"suggestion": near, "expected": forms}
            found.append({**first, "type": "mistyped_key", "loc": (*first["loc"][:at], key), "ctx": context})
        else:
            found.append({**first, "type": "union", "loc": first["loc"][:at], "msg": f"must be {forms}"})
    return found


def _find_typo(branches: list[list[ErrorDetails]], value: Tree | None) -> tuple[str, str] | None:
    """The first key of a mapping that resembles one which a branch misses, and that key; None without such a key."""
    missing = {str(error["loc"][-1]) for errors in branches for error in errors if error["type"] == "missing"}
    for name in value.entries if isinstance(value, MappingNode) else ():
        if (near := closest(name, missing)) is not None:
            return name, near
    return None


def _list_forms(forms: Iterable[str]) -> str:
    """`a mapping with `a`, with `b` and `c`, or with `d``; forms of other kinds are joined by `or`."""
    first, *others = forms
    start = "a mapping "
    if not others or not all(form.startswith(f"{start}with ") for form in (first, *others)):
        return " or ".join([first, *others])
    *middle, last = [form.removeprefix(start) for form in others]
    return ", ".join([first, *middle, f"or {last}"])


def _describe_branch(errors: list[ErrorDetails]) -> str:
    """The value that a branch needs, by its errors: the keys that are missing, or another kind of value."""
    if missing := [f"`{error['loc'][-1]}`" for error in errors if error["type"] == "missing"]:
        return f"a mapping with {' and '.join(missing)}"
    return rephrase(errors[0]["msg"]).removeprefix("must be ")


def rephrase(message: str) -> str:
    """Pydantic's sentence in our words, to follow a name: `must be a whole number`."""
    text = message.removeprefix("Value error, ").removeprefix("Input ").partition(" or instance of")[0]
    text = text.replace(" after validation,", ",").replace("a valid ", "a ").replace("should ", "must ")
    for word, ours in _WORDS:
        text = re.sub(rf"\ban? (valid )?{word}\b", f"a {ours}", text)
        text = re.sub(rf"\b{word}\b", ours, text)
    text = re.sub(r"^List must have", "must have", text)
    return text if text.startswith("must") else f"is wrong: {text[:1].lower()}{text[1:]}"


def _branch_index(detail: ErrorDetails, tree: Tree) -> int | None:
    """The index in an error's location of the name of a union's branch, which is not a key of the file, or None."""
    location = detail["loc"]
    for at, part in enumerate(location):
        if tree.at([step for step in location[: at + 1] if not _is_tag(step)]) is None and not _is_tag(part):
            return at if part != "[key]" and (at < len(location) - 1 or detail["type"] != "missing") else None
    return None


def _is_tag(part: Step) -> bool:
    """True if a part of a location is a tag of our own shapes."""
    return isinstance(part, str) and part.startswith("<")


def _distance(errors: list[ErrorDetails], at: int) -> tuple[bool, int, int]:
    """The distance of a value from a branch: another kind of value, keys missing or too many, errors in all."""
    other_kind = any(len(error["loc"]) == at + 1 for error in errors)
    return other_kind, sum(error["type"] in ("missing", "extra_forbidden") for error in errors), len(errors)
