"""Rewritten descriptions: proposals, which change nothing but descriptions, and the record of their test."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import Field

from ste_graph.contracts import Frozen, Json
from ste_graph.distil.reading.normalisation import words
from ste_graph.forms.written import WrittenRecord

_CLAUSE = re.compile(r"(?<=[.;])\s+")


class ToolWording(Frozen):
    """The descriptions of a tool and of its parameters, by name."""

    description: str
    parameters: dict[str, str] = Field(default={})


class WordingTest(Frozen):
    """The test of a wording: the number of requests that were set aside, and of right replies with either wording."""

    cases: int
    before: int
    after: int


class RefusedWording(Frozen):
    """A proposal that was not tested or not kept, with the reason."""

    description: str
    reason: str


class DescriptionRecord(WrittenRecord):
    """The descriptions of a tool after rewriting; those from before where no proposal was kept."""

    tool: str
    description: str
    parameters: dict[str, str]
    """The descriptions of the parameters that have one, by name."""
    previous: ToolWording
    kept: bool
    reason: str
    """The reason that the rewritten descriptions, or those from before, were kept."""
    validation: WordingTest | None = None
    """The test of the kept proposal, or of the last one; None without any."""
    refused: tuple[RefusedWording, ...] = ()
    fingerprint: str | None = None
    """The tool's, as it was."""
    source_id: str | None = None
    """The id of the run of `distil.yaml` whose training side it was written from."""
    model: str | None = None
    simulated: bool = False

    @property
    def text(self) -> str:
        return self.description


def read_tool_wording(tool: Mapping[str, Any]) -> ToolWording:
    """The descriptions of a tool and of its parameters, as its definition has them."""
    described = {name: part["description"] for name, part in _properties(tool).items() if part.get("description")}
    return ToolWording(description=str(tool.get("description") or ""), parameters=described)


def apply_wording(tool: Mapping[str, Any], wording: ToolWording) -> dict[str, Any]:
    """The tool with other descriptions; its name, its parameters, their types and all else stay as they are.

    Raises `ValueError` for a parameter that the tool does not have.
    """
    known = _properties(tool)
    if unknown := [name for name in wording.parameters if name not in known]:
        raise ValueError(f"the tool `{tool['name']}` has no parameter {', '.join(f'`{name}`' for name in unknown)}")
    changed = {"description": wording.description or tool.get("description") or ""}
    if not wording.parameters:
        return {**tool, **changed}
    schema = tool["parameters"]
    described = {name: {**schema["properties"][name], "description": text} for name, text in wording.parameters.items()}
    return {**tool, **changed, "parameters": {**schema, "properties": {**schema["properties"], **described}}}


def proposal_schema(tool: Mapping[str, Any]) -> dict[str, Json]:
    """The JSON Schema of a proposal: a description, and one for each parameter of the tool."""
    text: dict[str, Json] = {"type": "string"}  # without `maxLength`, which is slow or refused at some servers
    names = list(_properties(tool))
    parameters = {"type": "object", "properties": dict.fromkeys(names, text), "required": names}
    properties = {"description": text, "parameters": {**parameters, "additionalProperties": False}}
    return {"type": "object", "properties": properties, "required": [*properties], "additionalProperties": False}


def read_proposal(data: Json, tool: Mapping[str, Any]) -> ToolWording | None:
    """The wording in a reply; None if it has none. What it leaves out or leaves empty stays as it was."""
    if not isinstance(data, Mapping):
        return None
    now = read_tool_wording(tool)
    description = data.get("description")
    given = data.get("parameters")
    texts = given.items() if isinstance(given, Mapping) else ()
    parameters = {str(name): _cut_repetition(text) for name, text in texts if isinstance(text, str) and text.strip()}
    if not isinstance(description, str) and not parameters:
        return None
    own = _cut_repetition(description) if isinstance(description, str) else ""
    return ToolWording(description=own or now.description, parameters={**now.parameters, **parameters})


def wording_texts(wording: ToolWording) -> Sequence[str]:
    """The texts of a wording, that of the tool first."""
    return [wording.description, *wording.parameters.values()]


def _cut_repetition(text: str) -> str:
    """The text in one line, up to the first clause that was said before: a small model may repeat itself."""
    clauses = _CLAUSE.split(" ".join(text.split()))
    normalised = [words(clause) for clause in clauses]
    end = next((n for n, clause in enumerate(normalised) if clause in normalised[:n]), None)
    return " ".join(clauses) if end is None else f"{' '.join(clauses[:end]).rstrip('.;')}."


def _properties(tool: Mapping[str, Any]) -> Mapping[str, Mapping[str, Json]]:
    found = (tool.get("parameters") or {}).get("properties") or {}
    return {name: part for name, part in found.items() if isinstance(part, Mapping)}
