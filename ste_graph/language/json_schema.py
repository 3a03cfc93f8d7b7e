"""The JSON Schema of the language, with the settings of every installed `use:` class, for editors (`ste schema`)."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any, cast

from pydantic import BaseModel

from ste_graph.language.choices import choose_block, choose_bound, choose_entry
from ste_graph.language.hover import add_hover_texts
from ste_graph.language.sections.entries import WIRING, find, find_marker, plugin_classes, settings_shape
from ste_graph.language.sections.schema import (
    GROUPS,
    IDENTIFIER,
    NAME,
    REQUIRED,
    MapShape,
    RepeatShape,
    Section,
    WhenShape,
    WorkflowShape,
)
from ste_graph.registry import find_entry_points
from ste_graph.settings import AddressMarker, SecretMarker, VariableMarker

ENVIRONMENT = {
    "type": "object",
    "properties": {
        "env": {"type": "string", "description": "The environment variable that has the value."},
        "default": {"type": "string", "description": "The value where the variable is not set."},
    },
    "required": ["env"],
    "additionalProperties": False,
}


NUMBERS = ("Budget", "Limits", "ModelBudget", "Prices")
"""The mappings whose numbers environment variables may give."""


def json_schema(plugins: Mapping[str, ModuleType] | None = None) -> dict[str, Any]:
    """The JSON Schema of a workflow file.

    With the `plugins` of one file, by stem, their classes are described too, and no others are accepted.
    """
    MapShape.model_rebuild()
    RepeatShape.model_rebuild()
    WhenShape.model_rebuild()
    schema = WorkflowShape.model_json_schema(by_alias=True)
    add_hover_texts(schema, WorkflowShape)
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
    schema["description"] = "One workflow file. A file with `extends` may leave out what its base says."
    defs = schema["$defs"]
    for wiring in filter(None, WIRING.values()):
        engine = wiring.model_json_schema(by_alias=True)
        add_hover_texts(engine, wiring)
        defs.update(engine.get("$defs", {}))
    for name in NUMBERS:
        _allow_variables(defs[name])
    for section, group in GROUPS.items():
        target = schema["properties"][section]
        uses = sorted([*find_entry_points(group), *plugin_classes(section, plugins or {})])
        for use in uses:
            _hoist(_entry_schema(section, use, find(section, use, plugins or {})), f"{section}.{use}", defs)
        if section == "models":
            defs["LikeEntry"] = _like_schema(defs)
        about = {use: defs[f"{section}.{use}"]["description"] for use in uses}
        entry = choose_entry(section, about, with_plugins=plugins is None)
        target["items" if section == "tools" else "additionalProperties"] = entry
        target.pop("patternProperties", None)
    for name, values in schema["properties"].items():
        if "patternProperties" in values:
            values["additionalProperties"] = next(iter(values.pop("patternProperties").values()))
        if values.get("type") == "object" and name != "set":
            values["propertyNames"] = {"pattern": NAME if name == "variants" else IDENTIFIER}
    defs["UnitMapShape"] = {**defs["MapShape"]}
    defs["MapShape"] = {**defs["MapShape"], "required": [*defs["MapShape"]["required"], "at_most"]}
    defs["RepeatShape"] = {**defs["RepeatShape"], **choose_bound()}
    defs["Block"] = choose_block()
    schema = _with_blocks(schema)
    defs = schema["$defs"]
    # The items of the map at the top level are the units, of which there may be any number.
    schema["properties"]["graph"]["items"] = choose_block({"map": "UnitMapShape"})
    for unused in ("UseShape", "Json"):
        defs.pop(unused, None)
    del schema["required"]
    schema["anyOf"] = [{"required": list(REQUIRED)}, {"required": ["extends"]}]
    return cast(dict[str, Any], _rewrite(schema, lambda reference: reference))


def _allow_variables(schema: dict[str, Any]) -> None:
    """Let environment variables give the numbers of a mapping."""
    for key, value in schema["properties"].items():
        forms = value.get("anyOf", [value])
        if any(form.get("type") in ("integer", "number") for form in forms):
            kept = {name: value[name] for name in ("description", "default") if name in value}
            bare = [{name: own for name, own in form.items() if name not in kept} for form in forms]
            schema["properties"][key] = {**kept, "anyOf": [*bare, ENVIRONMENT]}


def _with_blocks(schema: Any) -> Any:
    """A schema in which every list of blocks has its items from `Block`."""
    match schema:
        case {"oneOf": [*forms]} if {"$ref": "#/$defs/RepeatShape"} in forms:
            return {"$ref": "#/$defs/Block"}
        case dict():
            return {key: _with_blocks(value) for key, value in schema.items()}
        case list():
            return [_with_blocks(value) for value in schema]
    return schema


def _entry_schema(section: Section, use: str, cls: type[BaseModel]) -> dict[str, Any]:
    """The JSON Schema of one entry: its own settings and the engine's keys."""
    own = settings_shape(cls).model_json_schema(by_alias=True)
    add_hover_texts(own, cls)
    for name, info in cls.model_fields.items():
        if isinstance(find_marker(info), SecretMarker | AddressMarker | VariableMarker):
            text = own["properties"][name].pop("description", "")
            own["properties"][name] = {"description": text, "anyOf": [own["properties"][name], ENVIRONMENT]}
    wiring = WIRING[section]
    keys = wiring.model_json_schema(by_alias=True)["properties"] if wiring else {}
    has_lifetime = section == "memory" and getattr(cls, "holds", None) != "values"
    about = (inspect.getdoc(cls) or "").partition("\n")[0]
    return {
        **own,
        "description": about,
        "properties": {**keys, **own.get("properties", {}), "use": {"const": use, "description": about}},
        "required": ["use", *own.get("required", [])],
        "additionalProperties": False,
        # A memory that is read from an earlier run has no lifetime in this one; one of values lives as long as the run.
        **({"anyOf": [{"required": ["lives"]}, {"required": ["from"]}]} if has_lifetime else {}),
    }


def _like_schema(defs: dict[str, Any]) -> dict[str, Any]:
    """The JSON Schema of a model that is like another one: any setting of any kind of model, plugins' included."""
    settings: dict[str, list[dict[str, Any]]] = {}
    for name in sorted(defs):
        if name.startswith("models.") and "properties" in defs[name]:
            for key in defs[name]["properties"]:
                settings.setdefault(key, []).append({"$ref": f"#/$defs/{name}/properties/{key}"})
    del settings["use"]
    return {
        "type": "object",
        "description": "a copy of another model with what differs",
        "properties": {
            "like": {"type": "string", "pattern": IDENTIFIER, "description": "the model to copy"},
            "use": False,
            **{key: {"anyOf": forms, "description": _about(forms, defs)} for key, forms in sorted(settings.items())},
        },
        "required": ["like"],
    }


def _about(forms: list[dict[str, Any]], defs: dict[str, Any]) -> str:
    """The description of a setting by the first kind of model that has it."""
    name, key = forms[0]["$ref"].removeprefix("#/$defs/").split("/properties/")
    text: str = defs[name]["properties"][key].get("description", "")
    return text


def _hoist(form: dict[str, Any], name: str, defs: dict[str, Any]) -> dict[str, str]:
    """Put an entry's schema, and the definitions inside it, among the file's definitions; returns the reference."""
    own = form.pop("$defs", {})

    def rename(reference: str) -> str:
        inner = reference.removeprefix("#/$defs/")
        return f"#/$defs/{name}.{inner}" if inner in own else reference  # others are the engine's, for all entries

    defs[name] = _rewrite(form, rename)
    defs.update({f"{name}.{key}": _rewrite(schema, rename) for key, schema in own.items()})
    return {"$ref": f"#/$defs/{name}"}


def _rewrite(schema: Any, rename: Callable[[str], str]) -> Any:
    """A schema with other references, and without the titles that pydantic makes of Python names."""
    match schema:
        case dict():
            pairs = {key: value for key, value in schema.items() if not (key == "title" and isinstance(value, str))}
            return {
                key: rename(value) if key == "$ref" and isinstance(value, str) else _rewrite(value, rename)
                for key, value in pairs.items()
            }
        case list():
            return [_rewrite(item, rename) for item in schema]
    return schema
