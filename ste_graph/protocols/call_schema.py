"""The JSON Schema of a reply that calls one of some tools, for models with structured output."""

from __future__ import annotations

from collections.abc import Mapping

from ste_graph.contracts import Json


def call_schema(tools: Mapping[str, Mapping[str, Json]], *, answer: bool = True) -> dict[str, Json]:
    """The schema of `{"action": NAME, "arguments": {…}}` for each tool, or of `{"final_answer": TEXT}`.

    Args:
        tools: The JSON Schemas of the tools' arguments, by name. What they define under `$defs` is kept.
        answer: False if the reply has to be a call.
    """
    definitions: dict[str, Json] = {}
    choices: list[Json] = []
    for name, schema in tools.items():
        own = {key: value for key, value in schema.items() if key not in _DEFINITIONS}
        for section in _DEFINITIONS:
            for word, defined in (schema.get(section) or {}).items():
                definitions[f"{name}.{word}"] = _point_to(defined, name)
        arguments = {"type": "object", **_point_to(own, name)}
        choices.append(_object({"action": {"const": name}, "arguments": arguments}))
    if answer:
        choices.append(_object({"final_answer": {"type": "string"}}))
    found = choices[0] if len(choices) == 1 else {"anyOf": choices}
    return {**found, "$defs": definitions} if definitions else found


def _object(properties: dict[str, Json]) -> dict[str, Json]:
    return {"type": "object", "properties": properties, "required": [*properties], "additionalProperties": False}


def _point_to(schema: Json, tool: str) -> Json:
    """The schema with each reference to a definition of its own pointing to where that is now."""
    if isinstance(schema, Mapping):
        return {
            key: _move_reference(value, tool) if key == "$ref" and isinstance(value, str) else _point_to(value, tool)
            for key, value in schema.items()
        }
    return [_point_to(value, tool) for value in schema] if isinstance(schema, list) else schema


def _move_reference(reference: str, tool: str) -> str:
    for section in _DEFINITIONS:
        if reference.startswith(f"#/{section}/"):
            return f"#/$defs/{tool}.{reference.removeprefix(f'#/{section}/')}"
    return reference


_DEFINITIONS = ("$defs", "definitions")
