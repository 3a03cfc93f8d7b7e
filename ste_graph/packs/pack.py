"""A pack, opened for reading."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, Field, ValidationError

from ste_graph.contracts import Effect, Frozen, Json, Selection, Tool
from ste_graph.distil.example import ExampleKind
from ste_graph.errors import WorkflowError
from ste_graph.files.document import read_json, read_values
from ste_graph.packs.manifest import REMAKE, Manifest, advise, find_changes, read_manifest
from ste_graph.scoring.case import GoldCall
from ste_graph.tools.fingerprint import describe_tool
from ste_graph.trials.lessons import Lesson

EXEMPLARS, LESSONS, CASES = "exemplars.jsonl", "lessons.jsonl", "cases.jsonl"
GUIDELINE, DESCRIPTIONS = "guideline.json", "descriptions.json"
EVIDENCE, FINGERPRINTS, SKILL, README = "evidence.json", "fingerprints.json", "SKILL.md", "README.md"

_Read = TypeVar("_Read", bound=BaseModel)


class ToolDescription(Frozen):
    """The rewritten description of a tool; None and a parameter that is not named stay as they were."""

    description: str | None = None
    parameters: dict[str, str] = Field(default={})
    """The descriptions of parameters, by name."""


class ToolDefinition(Frozen):
    """A tool as it was when the gain was measured."""

    name: str
    description: str
    parameters: dict[str, Json]
    effect: Effect | None
    """The effect that a call may have; None if the run did not keep it."""
    fingerprint: str

    @classmethod
    def of(cls, tool: Tool) -> ToolDefinition:
        """The definition of a tool as it is now."""
        return cls.model_validate(describe_tool(tool))


class PackCase(Frozen):
    """A request that was held out: what is right, and what was on offer.

    `kind` says what is right: the call `gold`; to ask back, or no call, where `gold` only names the tool at hand.
    """

    query: str
    gold: GoldCall
    kind: ExampleKind = "call"
    reference: str | None = None
    """The result of the right call."""


@dataclass(frozen=True)
class Pack:
    """A pack whose files are those of its manifest."""

    path: Path
    manifest: Manifest

    @cached_property
    def definitions(self) -> dict[str, ToolDefinition]:
        """The tools of the test, by name, as they were."""
        found = self._read_mapping(FINGERPRINTS, "tools")
        return {
            name: self._parse(ToolDefinition, {"name": name, **value}, FINGERPRINTS) for name, value in found.items()
        }

    @cached_property
    def descriptions(self) -> dict[str, ToolDescription]:
        """The rewritten descriptions that were adopted, by tool."""
        found = self._read_mapping(DESCRIPTIONS, "descriptions")
        return {name: self._parse(ToolDescription, value, DESCRIPTIONS) for name, value in found.items()}

    @cached_property
    def guideline(self) -> dict[str, str]:
        """The guideline that was adopted, by tool."""
        return {str(name): str(text) for name, text in self._read_mapping(GUIDELINE, "guideline").items()}

    @cached_property
    def evidence(self) -> dict[str, Any]:
        """The evidence: decision, arms, gains, model, runs."""
        found: dict[str, Any] = read_json(self.path / EVIDENCE)
        return found

    @cached_property
    def lessons(self) -> list[Lesson]:
        """The lessons that were adopted."""
        return list(self._read_lines(Lesson, LESSONS))

    @cached_property
    def cases(self) -> list[PackCase]:
        """The requests that were held out."""
        return list(self._read_lines(PackCase, CASES))

    @property
    def selection(self) -> Selection:
        """The selection of exemplars in the test that showed the gain."""
        settings = self.evidence.get("settings") or {}
        recall = (settings.get("nodes") or {}).get("recall") or {}
        found = {name: recall[name] for name in ("k", "observations") if name in recall}
        try:
            return Selection(**found, tokens=settings.get("room"))
        except ValidationError:
            raise self._damage_error(EVIDENCE) from None

    @property
    def exemplars_file(self) -> Path:
        """The exemplars that were adopted, as JSON lines."""
        return self.path / EXEMPLARS

    @property
    def run_id(self) -> str:
        """The id of the run that holds the cases out."""
        return str(self.evidence.get("runs", {}).get("distil"))

    def _read_mapping(self, name: str, key: str) -> dict[str, Any]:
        value = read_json(self.path / name)
        found = value.get(key) if isinstance(value, dict) else None
        if not isinstance(found, dict):
            raise self._damage_error(name)
        return found

    def _read_lines(self, kind: type[_Read], name: str) -> Iterator[_Read]:
        return (self._parse(kind, value, f"{name}:{number}") for number, value in read_values(self.path / name))

    def _parse(self, kind: type[_Read], value: Json, where: str) -> _Read:
        try:
            return kind.model_validate(value)
        except ValidationError:
            raise self._damage_error(where) from None

    def _damage_error(self, where: str) -> WorkflowError:
        return WorkflowError(f"{self.path / where}: is damaged; {REMAKE} {self.path}")


def open_pack(path: str | os.PathLike[str]) -> Pack:
    """The pack in a folder, if it is whole.

    Raises `WorkflowError` if it is missing, torn, edited by hand, or of another version of the format.
    """
    place = Path(path)
    manifest = read_manifest(place)
    if problems := find_changes(place, manifest):
        how = "is torn" if any(problem.endswith("is missing") for problem in problems) else "was edited"
        raise WorkflowError(f"{place}: this pack {how}: {', '.join(problems)}; {advise(place, problems)}")
    return Pack(place, manifest)


def open_adopted_pack(path: str | os.PathLike[str]) -> Pack:
    """`open_pack`, for use. Raises `WorkflowError` too if the evaluation did not adopt what is in the pack."""
    pack = open_pack(path)
    if not pack.manifest.adopted:
        raise WorkflowError(
            f"{pack.path}: nothing in this pack was adopted, so it is only to be looked at; its README.md says why. "
            "To use its exemplars all the same, on your own judgement: "
            f"ste memory import {pack.exemplars_file} --into FOLDER"
        )
    return pack


def mcp_tools(
    definitions: dict[str, ToolDefinition], descriptions: dict[str, ToolDescription]
) -> list[dict[str, Json]]:
    """The rewritten descriptions in the form of the tools of MCP's `tools/list`, with only what is overridden."""
    found: list[dict[str, Json]] = []
    for name, own in descriptions.items():
        entry: dict[str, Json] = {"name": name}
        if own.description is not None:
            entry["description"] = own.description
        known = definitions[name].parameters.get("properties", {}) if name in definitions else {}
        if texts := {key: {"description": text} for key, text in own.parameters.items() if key in known}:
            entry["inputSchema"] = {"type": "object", "properties": texts}
        found.append(entry)
    return found


def json_bytes(value: Json) -> bytes:
    """A value as an indented JSON file."""
    return (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode("utf-8", "surrogatepass")


def jsonl_bytes(values: list[dict[str, Json]]) -> bytes:
    """Values as a file of JSON lines."""
    lines = (json.dumps(value, ensure_ascii=False, separators=(",", ":")) + "\n" for value in values)
    return "".join(lines).encode("utf-8", "surrogatepass")
