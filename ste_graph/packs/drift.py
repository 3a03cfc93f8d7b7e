"""Drift: what has changed about tools since a gain was measured with them, and what that touches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ste_graph.contracts import Json, Tool
from ste_graph.errors import WorkflowError
from ste_graph.json_values import canonical_json
from ste_graph.packs.pack import Pack, ToolDefinition
from ste_graph.text import count_noun

SHOWN = 4
"""Changes of one tool that a sentence names; the rest is counted."""

_LONG = 60


@dataclass(frozen=True, slots=True)
class Drift:
    """The drift of one tool. `fields` are what changed, in words, each beginning with the field's name."""

    tool: str
    fields: tuple[str, ...]
    gone: bool = False
    """True if the tool is no longer there."""

    @property
    def text(self) -> str:
        """The tool with its changes, in one phrase."""
        if self.gone:
            return f"`{self.tool}` is no longer there"
        more = f", and {len(self.fields) - SHOWN} more" if len(self.fields) > SHOWN else ""
        return f"`{self.tool}`: {', '.join(self.fields[:SHOWN])}{more}"


@dataclass(slots=True)
class DriftReport:
    """The tools of a pack compared with the tools as they are now."""

    changed: list[Drift] = field(default_factory=list)
    """Tools that are gone or defined otherwise, in the pack's order."""
    same: list[str] = field(default_factory=list)
    """Tools that are as they were: all that the pack has of them still holds."""
    new: list[str] = field(default_factory=list)
    """Tools that the pack does not know, as nothing was measured with them."""

    @property
    def stale(self) -> frozenset[str]:
        """The names of the changed tools."""
        return frozenset(drift.tool for drift in self.changed)


def compare_tools(definitions: Mapping[str, ToolDefinition], tools: Sequence[Tool]) -> DriftReport:
    """Compares the tools of a pack with those that there are."""
    now = {tool.name: ToolDefinition.of(tool) for tool in tools}
    report = DriftReport(new=sorted(now.keys() - definitions.keys()))
    for name, before in definitions.items():
        if name not in now:
            report.changed.append(Drift(name, (), gone=True))
        elif now[name].fingerprint != before.fingerprint:
            fields = tuple(find_changed_fields(before, now[name]))
            report.changed.append(Drift(name, fields or ("its definition differs",)))
        else:
            report.same.append(name)
    return report


def require_current(pack: Pack, tools: Sequence[Tool]) -> None:
    """Requires that the tools which a pack was adopted for, as far as they are among `tools`, are as they were.

    Raises `WorkflowError` that names what has changed and the command that verifies the pack, or if no tool of the
    pack is there.
    """
    own = {name: definition for name, definition in pack.definitions.items() if name in pack.manifest.tools}
    report = compare_tools(own, tools)
    if own and len(report.changed) == len(own) and all(drift.gone for drift in report.changed):
        there = ", ".join(f"`{name}`" for name in report.new) or "none"
        raise WorkflowError(
            f"{pack.path}: this pack is about other tools: {', '.join(f'`{name}`' for name in own)}; there are: {there}"
        )
    if outdated := [drift for drift in report.changed if not drift.gone]:
        raise WorkflowError(
            f"{pack.path}: this pack is outdated, since {count_noun(len(outdated), 'tool')} changed after its gain was "
            f"measured: {'; '.join(drift.text for drift in outdated)}. See what still holds: ste pack verify "
            f"{pack.path} --tools FILE; then measure again: ste run gain"
        )


def find_changed_fields(before: ToolDefinition, now: ToolDefinition) -> Iterator[str]:
    """The fields in which two definitions of a tool differ, in words."""
    if before.effect is not None and before.effect != now.effect:
        yield f"effect is {now.effect}, was {before.effect}"
    if before.description != now.description:
        yield "description has other words"
    yield from _changed_parameters(before.parameters, now.parameters)
    yield from (f"schema: {change}" for change in _changed_keywords(before.parameters, now.parameters, _NAMED))


_NAMED = frozenset({"properties", "required"})


def _changed_parameters(before: Mapping[str, Any], now: Mapping[str, Any], within: str = "") -> Iterator[str]:
    """The changes of the parameters of a tool, or of those `within` one of them."""
    old, new = _mapping(before.get("properties")), _mapping(now.get("properties"))
    needed, needs = _names(before.get("required")), _names(now.get("required"))
    gone, added = [name for name in old if name not in new], [name for name in new if name not in old]
    for name in list(gone):
        if (other := _find_new_name(name, old, new, added)) is not None:
            gone.remove(name)
            added.remove(other)
            yield f"parameter `{within}{name}` is now called `{within}{other}`"
            if (name in needed) != (other in needs):
                yield f"parameter `{within}{other}` is {'now' if other in needs else 'no longer'} required"
    yield from (f"parameter `{within}{name}` is gone" for name in gone)
    for name in added:
        yield f"parameter `{within}{name}` is new{' and required' if name in needs else ''}"
    for name in (name for name in old if name in new):
        if (name in needed) != (name in needs):
            yield f"parameter `{within}{name}` is {'now' if name in needs else 'no longer'} required"
        yield from _changed_schema(old[name], new[name], f"{within}{name}")


def _find_new_name(name: str, old: Mapping[str, Json], new: Mapping[str, Json], added: Sequence[str]) -> str | None:
    """The only new parameter that is defined as the one that went."""
    alike = [other for other in added if canonical_json(new[other]) == canonical_json(old[name])]
    return alike[0] if len(alike) == 1 else None


def _changed_schema(old: Json, new: Json, path: str) -> Iterator[str]:
    """The changes of the schema of a parameter, and of the parameters and entries within it."""
    if not (isinstance(old, Mapping) and isinstance(new, Mapping)):
        if canonical_json(old) != canonical_json(new):
            yield f"parameter `{path}`: is {_shorten(new)}, was {_shorten(old)}"
        return
    inner: frozenset[str] = frozenset()
    if isinstance(old.get("properties"), Mapping) and isinstance(new.get("properties"), Mapping):
        yield from _changed_parameters(old, new, f"{path}.")
        inner |= _NAMED
    if isinstance(old.get("items"), Mapping) and isinstance(new.get("items"), Mapping):
        yield from _changed_schema(old["items"], new["items"], f"{path}[]")
        inner |= {"items"}
    yield from (f"parameter `{path}`: {change}" for change in _changed_keywords(old, new, inner))


def _changed_keywords(old: Mapping[str, Json], new: Mapping[str, Json], without: frozenset[str]) -> Iterator[str]:
    """The keywords in which two schemas differ, but for those that are looked into elsewhere."""
    for key in sorted((old.keys() | new.keys()) - without):
        before, now = old.get(key), new.get(key)
        if canonical_json(before) == canonical_json(now) and (key in old) == (key in new):
            continue
        if key == "description":
            yield "description has other words"
        elif key == "enum" and isinstance(before, list) and isinstance(now, list):
            gone = [value for value in before if value not in now]
            more = [value for value in now if value not in before]
            parts = [
                f"without {', '.join(map(_shorten, gone))}" if gone else "",
                f"with {', '.join(map(_shorten, more))}" if more else "",
            ]
            yield f"enum is now {' and '.join(filter(None, parts)) or 'in another order'}"
        elif (shown := _shorten(now)) != (was := _shorten(before)):
            yield f"{key} is {shown}, was {was}"
        else:
            yield f"{key} differs"


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _names(value: Any) -> frozenset[str]:
    return frozenset(map(str, value)) if isinstance(value, list | tuple) else frozenset()


def _shorten(value: Json) -> str:
    if value is None:
        return "unset"
    text = canonical_json(value)
    return text if len(text) <= _LONG else f"{text[: _LONG - 1]}…"
