"""Entries of `data`, `models`, `tools`, `memory` and `nodes`: from YAML to their classes, with settings resolved."""

from __future__ import annotations

import json
from collections.abc import Mapping as ReadOnly
from collections.abc import Set
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from ste_graph.contracts import Json
from ste_graph.language.diagnostics import Span
from ste_graph.language.entries import WIRING, UnknownUseError, find, inner_markers, marker, settings_shape
from ste_graph.language.findings import Findings, one_of
from ste_graph.language.plugins import fault, imported, plugin_files
from ste_graph.language.schema import Section
from ste_graph.language.shape import Shaped, errors_of, report, report_unknown_key
from ste_graph.language.tree import Mapping, Scalar, Sequence
from ste_graph.language.values import resolved_value
from ste_graph.node import Node, NodeInputs, NodeOutputs
from ste_graph.suggest import closest


class Unloaded(Node):
    """Stands for a plugin's node that was not loaded (`--no-plugins`): what it reads and gives is not checked."""


@dataclass(frozen=True, slots=True)
class Resolved:
    """One entry with a `use`: its class, its validated settings, and the engine's keys (`wiring`)."""

    name: str
    cls: Any
    settings: BaseModel
    wiring: Any
    tree: Mapping
    span: Span


@dataclass(slots=True)
class Entries:
    """All entries of a workflow that are right, by section and name; tools by their index."""

    data: dict[str, Resolved] = field(default_factory=dict)
    models: dict[str, Resolved] = field(default_factory=dict)
    tools: dict[str, Resolved] = field(default_factory=dict)
    memory: dict[str, Resolved] = field(default_factory=dict)
    nodes: dict[str, Resolved] = field(default_factory=dict)
    off: dict[str, Span] = field(default_factory=dict)
    """The nodes and memories that are off, with the place that says so."""
    faulty: set[tuple[str, str]] = field(default_factory=set)
    """Section and name of the entries that are there but wrong, as has been reported."""
    modules: ReadOnly[str, ModuleType] = field(default_factory=dict)
    """The imported plugins, by the name that `use:` knows them by."""
    unloaded: bool = False
    """Whether plugins were left alone (`--no-plugins`)."""
    failed: Set[str] = frozenset()
    """The plugins that could not be imported, as was reported."""

    def are(self, section: Section) -> dict[str, Resolved]:
        """The entries of one section."""
        found: dict[str, Resolved] = getattr(self, section)
        return found

    def broken(self, section: Section) -> set[str]:
        """The names in a section whose entries are wrong."""
        return {name for of, name in self.faulty if of == section}


def resolve(shaped: Shaped, plugins: bool, findings: Findings) -> Entries:
    """Resolve all entries; one that is wrong is reported and left out."""
    listed = shaped.tree.entries.get("plugins")
    modules = imported(listed.value if listed else None, findings, run=plugins)
    files = plugin_files(listed.value if listed else None) if plugins else {}
    failed = {path.stem for path, _ in files.values()} - modules.keys()
    entries = Entries(faulty=set(shaped.faulty), modules=modules, unloaded=not plugins, failed=failed)
    for section in get_args(Section):
        entry = shaped.tree.entries.get(section)
        resolver = _Resolver(section, modules, plugins, findings, failed)
        match entry.value if entry else None:
            case Mapping(entries=named):
                given = {name: (one.key_span, one.value) for name, one in named.items()}
            case Sequence(items=items):
                given = {str(index): (item.span, item) for index, item in enumerate(items)}
            case _:
                given = {}
        for name, (span, tree) in given.items():
            if not isinstance(tree, Mapping):
                entries.off[name] = tree.span
            elif (made := resolver.entry(name, tree, span)) is not None:
                entries.are(section)[name] = made
            else:
                entries.faulty.add((section, name))
    return entries


def when_on(section: Section, name: str, before: Mapping, entries: Entries) -> Resolved | None:
    """An entry as it was in the tree `before` it was turned off; None if it was off there too, or is wrong."""
    tree, use = before.at([section, name]), before.at([section, name, "use"])
    if not isinstance(tree, Mapping) or not isinstance(use, Scalar) or not isinstance(use.value, str):
        return None
    return _Resolver(section, entries.modules, True, Findings()).entry(name, tree, tree.span)


@dataclass(frozen=True, slots=True)
class _Resolver:
    """Resolves the entries of one section."""

    section: Section
    modules: ReadOnly[str, ModuleType]
    plugins: bool
    findings: Findings
    failed: Set[str] = frozenset()
    """The plugins that could not be imported, as was reported."""

    def entry(self, name: str, tree: Mapping, span: Span) -> Resolved | None:
        use, use_span = str(tree.entries["use"].value.plain()), tree.span_of(["use"])
        wiring, settings = self._wiring(tree), None
        try:
            cls = find(self.section, use, self.modules)
            settings = self._settings(cls, tree)
        except UnknownUseError as unknown:
            if not self.plugins and self.section == "nodes" and "." in use:
                cls, settings = Unloaded, Unloaded()
                what = f"`{use}` was not loaded: what it reads and gives is not checked"
                self.findings.warning("W502", what, use_span)
            elif use.partition(".")[0] not in self.failed:
                self.findings.error(
                    "E210",
                    f"unknown `use: {use}` in `{self.section}`",
                    use_span,
                    expected=one_of(unknown.choices, "nothing: no class for it is installed"),
                    suggestion=closest(use, unknown.choices),
                )
        except (Exception, SystemExit) as error:  # a class of somebody else's: whatever its code does
            self.findings.error("E502", f"`use: {use}` cannot be used: {fault(error)}", use_span)
        if settings is None or (wiring is None and WIRING[self.section] is not None):
            return None
        return Resolved(name, cls, settings, wiring, tree, span)

    def _wiring(self, tree: Mapping) -> BaseModel | None:
        """The engine's keys of an entry."""
        shape = WIRING[self.section]
        if shape is None:
            return None
        given = Mapping({key: one for key, one in tree.entries.items() if key in shape.model_fields}, tree.span)
        return self._validated(shape, given.plain(), given, list(shape.model_fields))

    def _settings(self, cls: type[BaseModel], tree: Mapping) -> BaseModel | None:
        """The settings of the class, with paths, secrets and addresses resolved."""
        _refuse_unfit(cls)
        wiring = WIRING[self.section]
        engine = set(wiring.model_fields) if wiring else {"use"}
        shape = settings_shape(cls)
        own = Mapping({key: one for key, one in tree.entries.items() if key not in engine}, tree.span)
        legal = sorted({*shape.model_fields, *engine})
        values: dict[str, Json] = {}
        before = len(self.findings.diagnostics)
        for key, one in own.entries.items():
            if key in shape.model_fields:
                info = cls.model_fields.get(key)
                mark, inside = (marker(info), inner_markers(info)) if info else (None, {})
                values[key] = resolved_value(one.value, mark, self.findings, inside)
            else:
                owner = f"`{tree.entries['use'].value.plain()}`"
                report_unknown_key(key, one.key_span, legal, owner, self.findings)
        unresolved = len(self.findings.diagnostics) > before
        return None if unresolved else self._validated(shape, values, own, legal)

    def _validated(self, shape: type[BaseModel], values: Json, tree: Mapping, legal: list[str]) -> BaseModel | None:
        """The settings as an object, by JSON's rules: a text is no number, but may be a path."""
        try:
            return shape.model_validate_json(json.dumps(values), strict=True)
        except ValidationError as error:
            for detail in errors_of(error, tree):
                report(detail, tree, self.findings, within=self.section, keys=legal)
            return None


def _refuse_unfit(cls: type[BaseModel]) -> None:
    """Raise `TypeError` for a node whose class does not keep the contract of nodes."""
    if issubclass(cls, Node):
        for name, kind in (("Inputs", NodeInputs), ("Outputs", NodeOutputs)):
            inner = getattr(cls, name)
            if not isinstance(inner, type) or not issubclass(inner, kind):
                raise TypeError(f"`{cls.__name__}.{name}` is no subclass of `{kind.__name__}`")
