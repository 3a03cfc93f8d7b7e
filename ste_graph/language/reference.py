"""The reference of the language in Markdown, made from its JSON Schema: every key, what it takes, and what it means."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from types import ModuleType
from typing import Any, Final

from ste_graph.language.json_schema import json_schema
from ste_graph.language.sections.entries import WIRING
from ste_graph.language.sections.schema import BLOCKS, GROUPS
from ste_graph.language.sections.shape import keys_of

HEAD: Final = """# Every key

Made by `ste schema --format markdown` from the classes themselves; [the language](language.md) explains how they go
together. A path is relative to the file that holds it."""
TITLES: Final = {"data": "Data", "models": "Models", "tools": "Tools", "memory": "Memories", "nodes": "Nodes"}
MAPPINGS: Final = {
    "limits": "ToolLimits", "budget": "Budget", "cassette": "CassetteShape", "reset": "ResetShape",
    "budget.per": "Limits", "models.NAME.budget": "ModelBudget", "models.NAME.prices": "Prices",
    "{each: …}": "EachShape",
}  # fmt: skip
"""Mappings of the file that are not made by a class, by the key that holds them."""

WORDS: Final = {
    "string": "text", "integer": "whole number", "number": "number", "boolean": "`true`, `false`", "object": "mapping"
}  # fmt: skip


def reference(plugins: Mapping[str, ModuleType] | None = None) -> str:
    """The whole page; with the `plugins` of a file, their classes too."""
    schema = _inline_choices(json_schema(plugins))
    defs: Mapping[str, Any] = schema["$defs"]
    parts = [HEAD, "## The file", _table(schema, ())]
    parts.append("## Blocks of the graph")
    parts += _section([(f"`{key}`", defs[shape.__name__]) for key, shape in BLOCKS.items()], ())
    parts.append("## Smaller mappings")
    parts += _section([(f"`{key}`", defs[name]) for key, name in MAPPINGS.items()], ())
    for section in GROUPS:
        wiring = WIRING[section]
        common = tuple(keys_of(wiring)) if wiring else ("use",)
        parts.append(f"## {TITLES[section]}")
        if wiring:
            shared = wiring.model_json_schema(by_alias=True)
            parts += [f"Each entry of `{section}` has a `use`, and may have:", _table(shared, ("use",))]
        entries = [(name, form) for name, form in defs.items() if name.startswith(f"{section}.")]
        kinds = [(f"`{name.removeprefix(f'{section}.')}`", form) for name, form in entries if "properties" in form]
        parts += _section(kinds, common)
    return "\n\n".join(parts)


def _inline_choices(schema: Mapping[str, Any]) -> Any:
    """The schema, with the definition of a list of choices wherever there was a reference to it."""
    defs = schema["$defs"]

    def inline(value: Any) -> Any:
        if isinstance(value, list):
            return [inline(item) for item in value]
        if not isinstance(value, Mapping):
            return value
        target = defs.get(str(value.get("$ref")).removeprefix("#/$defs/"), {})
        return {key: inline(inner) for key, inner in (target | value if "enum" in target else value).items()}

    return inline(schema)


def _section(entries: Sequence[tuple[str, Mapping[str, Any]]], common: Sequence[str]) -> Iterator[str]:
    """A heading, the description and the table of each entry, without the keys that all have."""
    for title, form in entries:
        yield f"### {title}"
        yield " ".join(str(form.get("description", "")).partition("\n\n")[0].split())
        if table := _table(form, common):
            yield table


def _table(form: Mapping[str, Any], without: Sequence[str]) -> str:
    required = form.get("required", ())
    rows = [
        f"| `{key}` | {_kind(value)} | {_default(value, key in required)} | {_cell(value.get('description', ''))} |"
        for key, value in form.get("properties", {}).items()
        if isinstance(value, Mapping) and key not in without
    ]
    return "\n".join(["| key | takes | default | |", "|---|---|---|---|", *rows]) if rows else ""


def _kind(value: Mapping[str, Any]) -> str:
    """The kinds of values that are allowed, in a few words."""
    if "const" in value:
        return f"`{value['const']}`"
    if "enum" in value:
        return ", ".join(f"`{each}`" for each in value["enum"])
    if "$ref" in value:
        return "mapping"
    if forms := value.get("anyOf") or value.get("oneOf"):
        kinds = [_kind(form) for form in forms if form.get("type") != "null"]
        return " or ".join(dict.fromkeys(kinds))
    if isinstance(value.get("type"), list):
        return "an expression"
    if value.get("type") == "array":
        items = value.get("items")
        return f"list of {_kind(items)}" if isinstance(items, Mapping) and items else "list"
    return WORDS.get(str(value.get("type")), "any value")


def _default(value: Mapping[str, Any], is_required: bool) -> str:
    if is_required:
        return "*required*"
    default = value.get("default")
    if default in (None, "", [], {}) or isinstance(default, Mapping):
        return ""
    return f"`{default if isinstance(default, str) else json.dumps(default)}`"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", r"\|")
