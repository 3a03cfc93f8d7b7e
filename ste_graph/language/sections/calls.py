"""The sections about calls besides `tools`: `allow`, `redact`, `cassette` and `reset`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel

from ste_graph.contracts import Json
from ste_graph.language.sections.entries import iter_marked
from ste_graph.language.sections.setting_values import is_environment, resolve_value
from ste_graph.language.source.files import find_path_fault, resolve_path
from ste_graph.language.source.findings import Findings, one_of
from ste_graph.language.source.tree import MappingNode, SequenceNode, Tree
from ste_graph.language.workflow import CassetteSpec, ResetSpec
from ste_graph.redaction import find_secrets, secret_parts
from ste_graph.settings import SecretMarker
from ste_graph.suggest import closest


@dataclass(frozen=True, slots=True)
class CallSections:
    """The parts of a `Workflow` that are about calls."""

    allow: tuple[str, ...] | Literal["ask"] = ()
    secrets: frozenset[str] = frozenset()
    cassette: CassetteSpec | None = None
    reset: ResetSpec | None = None


def read_call_sections(
    tree: MappingNode,
    entries: Iterable[tuple[BaseModel, MappingNode]],
    loops: Iterable[str],
    unit: str,
    findings: Findings,
) -> CallSections:
    """The sections `allow`, `redact`, `cassette` and `reset`, checked.

    `entries` are the `use:` entries of all sections: their settings, and the tree of these.
    """
    allow = tree.at(["allow"])
    stated = allow.to_plain() if allow else None
    return CallSections(
        allow="ask" if stated == "ask" else tuple(stated or ()),
        secrets=frozenset(_secrets(entries)) | _read_redact(tree, findings),
        cassette=_read_cassette(tree, findings),
        reset=_read_reset(tree, {*loops, unit}, findings),
    )


def _secrets(entries: Iterable[tuple[BaseModel, MappingNode]]) -> Iterator[str]:
    for settings, tree in entries:
        yield from find_secrets(settings)
        for value, mark in iter_marked(type(settings), tree):
            if isinstance(mark, SecretMarker):
                yield from _environment_values(value, mark)


def _environment_values(tree: Tree, mark: SecretMarker) -> Iterator[str]:
    """Every value of an environment variable in a setting that may be secret."""
    if is_environment(tree):
        value = resolve_value(tree, mark, Findings())
        yield from secret_parts(value) if isinstance(value, str) and value.strip() else ()
        return
    for inner in tree.items if isinstance(tree, SequenceNode) else ():
        yield from _environment_values(inner, mark)
    for entry in tree.entries.values() if isinstance(tree, MappingNode) else ():
        yield from _environment_values(entry.value, mark)


def _read_redact(tree: MappingNode, findings: Findings) -> frozenset[str]:
    section = tree.at(["redact"])
    if not isinstance(section, SequenceNode):
        return frozenset()
    found = [resolve_value(item, SecretMarker(), findings) for item in section.items]
    return frozenset(value for value in found if isinstance(value, str) and value.strip())


def _read_cassette(tree: MappingNode, findings: Findings) -> CassetteSpec | None:
    section = tree.at(["cassette"])
    if not isinstance(section, MappingNode):
        return None
    stated: dict[str, Json] = section.to_plain()
    span = section.span_of(["path"])
    path = resolve_path(stated["path"], span)
    if fault := find_path_fault(path, stated["path"]):
        findings.error("E506", fault, span, expected="a folder")
    return CassetteSpec(path, stated["mode"])


def _read_reset(tree: MappingNode, loops: set[str], findings: Findings) -> ResetSpec | None:
    section = tree.at(["reset"])
    if not isinstance(section, MappingNode):
        return None
    stated: dict[str, Json] = section.to_plain()
    before, tool, command = stated["before"], stated.get("tool"), stated.get("command")
    if before not in loops:
        message = f"unknown loop `{before}` in `reset`"
        findings.error(
            "E251", message, section.span_of(["before"]), expected=one_of(loops, ""), suggestion=closest(before, loops)
        )
    if (tool is None) == (command is None):
        message = f"`reset` has {'neither `tool` nor `command`' if tool is None else 'both `tool` and `command`'}"
        findings.error("E252", message, section.span, expected="`tool: NAME` or `command: [PROGRAM, …]`")
    if command is not None and "arguments" in stated:
        message = "`arguments` belong to `tool`, not to `command`"
        findings.error("E252", message, section.span_of(["arguments"]), expected="the arguments in `command` itself")
    return ResetSpec(before, tool, stated.get("arguments") or {}, tuple(command or ()), section.span)
