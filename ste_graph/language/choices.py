"""The choices of the JSON Schema: of an entry by its `use`, of a block by its key.

Each choice is made by `if` and `then`. An editor then shows the keys of the chosen kind and no others, and a validator
names the fault in that kind; `anyOf` and `oneOf` would say of every kind why it is not that one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from ste_graph.language.sections.schema import BLOCKS, IDENTIFIER, PLUGIN_USE, Section

ABOUT_BLOCKS: Final = {
    "map": "The name of a loop over the items of a list.",
    "repeat": "The name of a loop that is bounded by `times`, or by `at_most` with `while` or `until`.",
    "when": "A condition, with the blocks to run where it holds, and where it does not.",
    "record": "The type of a record to make.",
    "run": "Another workflow to run as a part of this one.",
}


def choose_entry(section: Section, uses: Mapping[str, str], *, with_plugins: bool) -> dict[str, Any]:
    """The schema of an entry: that of its `use`; `with_plugins` for classes of files that are not known.

    `uses` has a sentence about each kind.
    """
    kinds = [
        {
            "if": {"properties": {"use": {"const": use}}, "required": ["use"]},
            "then": {"$ref": f"#/$defs/{section}.{use}"},
        }
        for use in uses
    ]
    entry: dict[str, Any] = {
        "type": "object",
        "properties": {"use": _use(uses, with_plugins)},
        "required": ["use"],
        "allOf": kinds,
    }
    if section == "models":
        like = {"type": "string", "description": "The model to copy; the other keys say what differs."}
        entry["properties"] = {**entry["properties"], "like": like}
        return {"if": _has("like"), "then": {"$ref": "#/$defs/LikeEntry"}, "else": entry}
    if section in ("memory", "nodes"):
        return {"if": {"type": "string"}, "then": {"const": "off", "description": "left out"}, "else": entry}
    return entry


def choose_block(other: Mapping[str, str] = {}) -> dict[str, Any]:
    """The schema of a block: the name of a node, or the shape of the key that it has; `other` shapes for some keys."""
    shapes = {key: shape.__name__ for key, shape in BLOCKS.items()} | dict(other)
    choice: dict[str, Any] = {
        "type": "object",
        "properties": {key: {"description": ABOUT_BLOCKS[key]} for key in shapes},
        "additionalProperties": False,
        "minProperties": 1,
    }
    for key, shape in reversed(shapes.items()):
        choice = {"if": _has(key), "then": {"$ref": f"#/$defs/{shape}"}, "else": choice}
    return {
        "if": {"type": "string"},
        "then": {"pattern": IDENTIFIER, "description": "the name of a node to run"},
        "else": choice,
    }


def choose_bound() -> dict[str, Any]:
    """The ways to bound a `repeat`: exactly one of `times`, `while` with `at_most`, and `until` with `at_most`."""
    return {
        "if": _has("while"),
        "then": {"required": ["at_most"], "properties": _none("times", "until", "parallel")},
        "else": {
            "if": _has("until"),
            "then": {"required": ["at_most"], "properties": _none("times", "parallel")},
            "else": {"required": ["times"], "properties": _none("at_most")},
        },
    }


def _has(key: str) -> dict[str, Any]:
    return {"type": "object", "required": [key]}


def _none(*keys: str) -> dict[str, bool]:
    return dict.fromkeys(keys, False)


def _use(uses: Mapping[str, str], with_plugins: bool) -> dict[str, Any]:
    about = "The kind of this entry" + (", or `plugin_file.ClassName`." if with_plugins else ".")
    if not with_plugins:
        return {**_one_of(list(uses), uses), "description": about}
    dotted = [use for use in uses if "." in use]
    plugin: dict[str, Any] = {"pattern": PLUGIN_USE}
    if dotted:
        plugin = {"anyOf": [_one_of(dotted, uses), plugin]}
    return {
        "type": "string",
        "description": about,
        "if": {"pattern": r"\."},
        "then": plugin,
        "else": _one_of([use for use in uses if "." not in use], uses),
    }


def _one_of(names: Sequence[str], about: Mapping[str, str]) -> dict[str, Any]:
    """One of these names. Editors show the descriptions; validators pass over them."""
    return {"enum": list(names), "enumDescriptions": [about[name] for name in names]}
