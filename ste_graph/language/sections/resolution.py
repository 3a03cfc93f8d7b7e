"""Entries of `data`, `models`, `tools`, `memory` and `nodes`: from YAML to their classes, with settings resolved."""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from ste_graph.contracts import Json
from ste_graph.diagnostics import Span
from ste_graph.language.sections.entries import (
    WIRING,
    UnknownUseError,
    find,
    find_marker,
    inner_markers,
    installed_classes,
    settings_shape,
)
from ste_graph.language.sections.plugins import describe_exception, import_plugins, plugin_files
from ste_graph.language.sections.schema import ModelWiring, Section
from ste_graph.language.sections.setting_values import resolve_value
from ste_graph.language.sections.shape import CheckedShape, keys_of, list_errors, report_shape_error, report_unknown_key
from ste_graph.language.source.findings import Findings, one_of
from ste_graph.language.source.tree import MappingNode, ScalarNode, SequenceNode
from ste_graph.node import Node, NodeInputs, NodeOutputs
from ste_graph.suggest import closest


class UnloadedNode(Node):
    """The class of a plugin's node that was not loaded (`--no-plugins`): its inputs and outputs are not checked."""


@dataclass(frozen=True, slots=True)
class ResolvedEntry:
    """One entry with a `use`: its class, its validated settings, and the engine's keys (`wiring`)."""

    name: str
    cls: Any
    settings: BaseModel
    wiring: Any
    tree: MappingNode
    span: Span


@dataclass(slots=True)
class ResolvedEntries:
    """All entries of a workflow that are right, by section and name; tools by their index."""

    data: dict[str, ResolvedEntry] = field(default_factory=dict)
    models: dict[str, ResolvedEntry] = field(default_factory=dict)
    tools: dict[str, ResolvedEntry] = field(default_factory=dict)
    memory: dict[str, ResolvedEntry] = field(default_factory=dict)
    nodes: dict[str, ResolvedEntry] = field(default_factory=dict)
    off: dict[str, Span] = field(default_factory=dict)
    """The nodes and memories that are off, each with the place of the word."""
    faulty: set[tuple[str, str]] = field(default_factory=set)
    """Section and name of the entries that are wrong, as was reported."""
    plugins: Mapping[str, ModuleType] = field(default_factory=dict)
    """The imported plugins, by the name that `use:` knows them by."""
    plugins_skipped: bool = False
    """True if plugins were left alone (`--no-plugins`)."""
    failed_plugins: Set[str] = frozenset()
    """The plugins that could not be imported, as was reported."""

    def section(self, name: Section) -> dict[str, ResolvedEntry]:
        """The entries of one section."""
        entries: dict[str, ResolvedEntry] = getattr(self, name)
        return entries

    def faulty_names(self, section: Section) -> set[str]:
        """The names in a section whose entries are wrong."""
        return {name for owner, name in self.faulty if owner == section}


@dataclass(frozen=True, slots=True)
class EntryResolver:
    """Resolves the entries of one section."""

    section: Section
    modules: Mapping[str, ModuleType]
    plugins: bool
    findings: Findings
    failed: Set[str] = frozenset()
    """The plugins that could not be imported, as was reported."""

    @classmethod
    def resolve_all(
        cls, shape: CheckedShape, plugins: bool, findings: Findings, differing: Mapping[str, Set[str]] = {}
    ) -> ResolvedEntries:
        """Resolve all entries; one that is wrong is reported and left out.

        `differing` are the settings of models that are like another one, whose kind may not have all of them.
        """
        section = shape.tree.at(["plugins"])
        modules = import_plugins(section, findings, run=plugins)
        files = plugin_files(section) if plugins else {}
        failed = {path.stem for path, _ in files.values()} - modules.keys()
        entries = ResolvedEntries(
            faulty=set(shape.faulty), plugins=modules, plugins_skipped=not plugins, failed_plugins=failed
        )
        lacking: dict[tuple[str, str], dict[str, Span]] = {}
        for name in get_args(Section):
            resolver = cls(name, modules, plugins, findings, failed)
            for key, (span, tree) in _section_items(shape.tree, name).items():
                if name == "models" and key in differing:
                    tree = resolver.without_unknown(key, tree, differing[key], lacking)
                if not isinstance(tree, MappingNode):
                    entries.off[key] = tree.span
                elif (entry := resolver.resolve(key, tree, span)) is not None:
                    entries.section(name)[key] = entry
                else:
                    entries.faulty.add((name, key))
        _report_lacking(lacking, findings)
        return entries

    def resolve(self, name: str, tree: MappingNode, span: Span) -> ResolvedEntry | None:
        """The entry; None if it is wrong, as is reported."""
        use, use_span = str(tree.entries["use"].value.to_plain()), tree.span_of(["use"])
        wiring, settings = self._wiring(tree), None
        try:
            cls = find(self.section, use, self.modules)
            settings = self._settings(cls, tree)
        except UnknownUseError as error:
            if not self.plugins and self.section == "nodes" and "." in use:
                cls, settings = UnloadedNode, UnloadedNode()
                message = f"`{use}` was not loaded: its inputs and outputs are not checked"
                self.findings.warning("W502", message, use_span)
            elif use.partition(".")[0] not in self.failed:
                self._report_unknown_use(use, use_span, error.choices)
        except NodeContractError as error:
            self.findings.error("E502", str(error), use_span, help="docs/nodes.md describes the contract of nodes")
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # a class of somebody else's: whatever its code does
            self.findings.error("E502", f"`use: {use}` fails: {describe_exception(error)}", use_span)
        if settings is None or (wiring is None and WIRING[self.section] is not None):
            return None
        return ResolvedEntry(name, cls, settings, wiring, tree, span)

    def without_unknown(
        self, name: str, tree: MappingNode, keys: Set[str], lacking: dict[tuple[str, str], dict[str, Span]]
    ) -> MappingNode:
        """A model without those settings of `keys` that its kind does not have, but another kind has.

        `lacking` gets those that matter: by kind and setting, the models and where they state it.
        """
        use = str(tree.entries["use"].value.to_plain())
        try:
            cls = find(self.section, use, self.modules)
        except Exception:  # as is reported when the entry is resolved
            return tree
        for key in sorted(keys - cls.model_fields.keys() - {*keys_of(ModelWiring)}):
            if not any(key in other.model_fields for other in installed_classes(self.section)):
                continue
            if getattr(cls, "sampling", True):
                lacking.setdefault((use, key), {})[name] = tree.entries[key].key_span
            tree = tree.without([key])
        return tree

    def _report_unknown_use(self, use: str, span: Span, choices: list[str]) -> None:
        stem, dot, name = use.partition(".")
        near = closest(use, choices)
        if stem in self.modules:
            message = f"plugin `{stem}.py` has no class `{name}` for `{self.section}`"
            nothing = f"a class in `{stem}.py` that fits `{self.section}`"
            self.findings.error("E210", message, span, expected=one_of(choices, nothing), suggestion=near)
        elif dot and stem.isidentifier() and name.isidentifier() and near is None:
            message = f"unknown `use: {use}` in `{self.section}`: no plugin is called `{stem}`"
            self.findings.error("E210", message, span, help=f"add `plugins: [{stem}.py]`, the path of the file")
        else:
            message = f"unknown `use: {use}` in `{self.section}`"
            nothing = "an installed package that has a class for it"
            self.findings.error("E210", message, span, expected=one_of(choices, nothing), suggestion=near)

    def _wiring(self, tree: MappingNode) -> BaseModel | None:
        """The engine's keys of an entry."""
        shape = WIRING[self.section]
        if shape is None:
            return None
        keys = keys_of(shape)
        own = MappingNode({key: entry for key, entry in tree.entries.items() if key in keys}, tree.span)
        return self._validate(shape, own.to_plain(), own, keys)

    def _settings(self, cls: type[BaseModel], tree: MappingNode) -> BaseModel | None:
        """The settings of the class, with paths, secrets and addresses resolved."""
        if issubclass(cls, Node):
            check_node_class(cls)
        wiring = WIRING[self.section]
        engine = set(keys_of(wiring)) if wiring else {"use"}
        shape = settings_shape(cls)
        own = MappingNode({key: entry for key, entry in tree.entries.items() if key not in engine}, tree.span)
        legal = sorted({*shape.model_fields, *engine})
        values: dict[str, Json] = {}
        before = len(self.findings.diagnostics)
        for key, entry in own.entries.items():
            if key in shape.model_fields:
                info = cls.model_fields.get(key)
                mark, inside = (find_marker(info), inner_markers(info)) if info else (None, {})
                values[key] = resolve_value(entry.value, mark, self.findings, inside)
            else:
                owner = f"`{tree.entries['use'].value.to_plain()}`"
                report_unknown_key(key, entry.key_span, legal, owner, self.findings)
        has_faults = len(self.findings.diagnostics) > before
        return None if has_faults else self._validate(shape, values, own, legal)

    def _validate(self, shape: type[BaseModel], values: Json, tree: MappingNode, legal: list[str]) -> BaseModel | None:
        """The settings as an object, by JSON's rules: a text is not a number, but may be a path."""
        try:
            return shape.model_validate_json(json.dumps(values), strict=True)
        except ValidationError as error:
            for detail in list_errors(error, tree):
                report_shape_error(detail, tree, self.findings, section=self.section, keys=legal)
            return None


def resolve_when_on(section: Section, name: str, base: MappingNode, entries: ResolvedEntries) -> ResolvedEntry | None:
    """An entry as it is in the tree `base`, before it was turned off; None if it is off there too, or wrong."""
    tree, use = base.at([section, name]), base.at([section, name, "use"])
    if not isinstance(tree, MappingNode) or not isinstance(use, ScalarNode) or not isinstance(use.value, str):
        return None
    return EntryResolver(section, entries.plugins, True, Findings()).resolve(name, tree, tree.span)


def _report_lacking(lacking: Mapping[tuple[str, str], Mapping[str, Span]], findings: Findings) -> None:
    """Warn once of each setting that a kind of model lacks: with all its models, where the first one states it."""
    for (use, key), places in lacking.items():
        names = [f"`{name}`" for name in places]
        text = f"model {names[0]} goes" if len(names) == 1 else f"models {', '.join(names[:-1])} and {names[-1]} go"
        message = f"{text} without `{key}`: `{use}` has no such setting"
        findings.warning("W227", message, next(iter(places.values())))


def _section_items(tree: MappingNode, section: Section) -> dict[str, tuple[Span, Any]]:
    """The place and the tree of each entry of a section, by name; those of a list by index."""
    match tree.at([section]):
        case MappingNode(entries=entries):
            return {name: (entry.key_span, entry.value) for name, entry in entries.items()}
        case SequenceNode(items=items):
            return {str(index): (item.span, item) for index, item in enumerate(items)}
    return {}


class NodeContractError(TypeError):
    """A class of a node that does not keep the contract of nodes."""


def check_node_class(cls: type[Node]) -> None:
    """Raise `NodeContractError` for a class that does not keep the contract of nodes, see `ste_graph.node`."""
    for name, kind in (("Inputs", NodeInputs), ("Outputs", NodeOutputs)):
        inner = getattr(cls, name)
        if not isinstance(inner, type) or not issubclass(inner, kind):
            raise NodeContractError(f"`{cls.__name__}.{name}` must be a subclass of `{kind.__name__}`")
        for other, value in vars(cls).items():
            if name not in vars(cls) and isinstance(value, type) and issubclass(value, kind):
                raise NodeContractError(f"`{cls.__name__}.{other}` must be called `{name}`")
    method = cls.__call__
    if method is Node.__call__:
        raise NodeContractError(f"`{cls.__name__}` must have a method `async def __call__(self, inputs, ctx)`")
    if not inspect.iscoroutinefunction(method):
        raise NodeContractError(f"`{cls.__name__}.__call__` must be `async def __call__(self, inputs, ctx)`")
    try:
        inspect.signature(method).bind(None, None, None)
    except TypeError:
        raise NodeContractError(f"`{cls.__name__}.__call__` must take `(self, inputs, ctx)`") from None
