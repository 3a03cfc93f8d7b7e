"""What a workflow says about calling beyond its tools: who may, what is secret, cassette and reset."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel

from ste_graph.contracts import Json
from ste_graph.language.diagnostics import Span
from ste_graph.language.entries import marked
from ste_graph.language.findings import Findings
from ste_graph.language.tree import Mapping, Sequence, Tree
from ste_graph.language.values import is_environment, relative, resolved_value
from ste_graph.language.workflow import CassetteSpec, ResetSpec
from ste_graph.redaction import find_secrets, secret_parts
from ste_graph.settings import SecretMarker
from ste_graph.suggest import closest


@dataclass(frozen=True, slots=True)
class Calling:
    """The parts of a `Workflow` that have to do with calling."""

    allow: tuple[str, ...] | Literal["ask"]
    secrets: frozenset[str]
    cassette: CassetteSpec | None
    reset: ResetSpec | None


def calling(
    tree: Mapping, entries: Iterable[tuple[BaseModel, Mapping]], loops: Iterable[str], unit: str, findings: Findings
) -> Calling:
    """The sections `allow`, `redact`, `cassette` and `reset`, checked.

    `entries` are the `use:` entries of all sections: their settings, and where these stand.
    """
    allow = _section(tree, "allow")
    stated = allow.plain() if allow else None
    return Calling(
        allow="ask" if stated == "ask" else tuple(stated or ()),
        secrets=frozenset(_secrets(entries)) | _redacted(tree, findings),
        cassette=_cassette(tree),
        reset=_reset(tree, {*loops, unit}, findings),
    )


def _secrets(entries: Iterable[tuple[BaseModel, Mapping]]) -> Iterator[str]:
    for settings, tree in entries:
        yield from find_secrets(settings)
        for given, mark in marked(type(settings), tree):
            if isinstance(mark, SecretMarker):
                yield from _from_environment(given, mark)


def _from_environment(tree: Tree, mark: SecretMarker) -> Iterator[str]:
    """Every value of an environment variable in a setting that may be secret."""
    if is_environment(tree):
        value = resolved_value(tree, mark, Findings())
        yield from secret_parts(value) if isinstance(value, str) and value.strip() else ()
        return
    for inner in tree.items if isinstance(tree, Sequence) else ():
        yield from _from_environment(inner, mark)
    for entry in tree.entries.values() if isinstance(tree, Mapping) else ():
        yield from _from_environment(entry.value, mark)


def _section(tree: Mapping, name: str) -> Tree | None:
    entry = tree.entries.get(name)
    return entry.value if entry else None


def _redacted(tree: Mapping, findings: Findings) -> frozenset[str]:
    listed = _section(tree, "redact")
    if not isinstance(listed, Sequence):
        return frozenset()
    found = [resolved_value(item, SecretMarker(), findings) for item in listed.items]
    return frozenset(value for value in found if isinstance(value, str) and value.strip())


def _cassette(tree: Mapping) -> CassetteSpec | None:
    section = _section(tree, "cassette")
    if not isinstance(section, Mapping):
        return None
    stated: dict[str, Json] = section.plain()
    return CassetteSpec(relative(stated["path"], section.span_of(["path"])), stated["mode"])


def _reset(tree: Mapping, loops: set[str], findings: Findings) -> ResetSpec | None:
    section = _section(tree, "reset")
    if not isinstance(section, Mapping):
        return None
    stated: dict[str, Json] = section.plain()
    span: Span = section.span
    before, tool, command = stated["before"], stated.get("tool"), stated.get("command")
    if before not in loops:
        findings.error(
            "E251",
            f"there is no loop `{before}` to reset before",
            section.span_of(["before"]),
            expected=f"one of: {', '.join(sorted(loops))}",
            suggestion=closest(before, sorted(loops)),
        )
    if (tool is None) == (command is None):
        said = "neither a tool nor a command" if tool is None else "both a tool and a command"
        findings.error("E252", f"`reset` names {said}", span, expected="`tool: NAME` or `command: [PROGRAM, …]`")
    if command is not None and "arguments" in stated:
        where = section.span_of(["arguments"])
        findings.error("E252", "`arguments` belong to a tool", where, expected="them in `command` itself")
    return ResetSpec(before, tool, stated.get("arguments") or {}, tuple(command or ()), span)
