"""Entries made by a `use:` class: finding the class, and the shape of its settings in YAML."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, Final, Literal, TypeAlias, get_args

from pydantic import BaseModel, ConfigDict, create_model
from pydantic.fields import FieldInfo

from ste_graph.contracts import Model, RecordView, ValueView
from ste_graph.language.sections.schema import GROUPS, MemoryWiring, ModelWiring, NodeWiring, Section, Shape
from ste_graph.language.source.tree import MappingNode, ScalarNode, SequenceNode, Tree
from ste_graph.node import Node
from ste_graph.prompts.prompt import Prompt
from ste_graph.records import Record
from ste_graph.registry import Group, find_entry_points, load_entry_point
from ste_graph.settings import AddressMarker, ModuleMarker, PathMarker, SecretMarker, SourcesMarker, VariableMarker

ReferenceKind = Literal["model", "prompt", "recall"]
"""The kinds of a node's fields that hold a name or a path in YAML, and an object when the node runs."""

PluginSection: TypeAlias = Section | Literal["records"]
"""The things that a plugin may have classes for: entries of a section, and the graph's record types."""

WIRING: Mapping[str, type[Shape] | None] = {
    "data": None,
    "models": ModelWiring,
    "tools": None,
    "memory": MemoryWiring,
    "nodes": NodeWiring,
}


class UnknownUseError(LookupError):
    """No class has that name; `choices` are the legal names."""

    def __init__(self, choices: list[str]) -> None:
        super().__init__()
        self.choices = choices


def find(section: PluginSection, use: str, plugins: Mapping[str, ModuleType]) -> Any:
    """The class that `use` or `record` names.

    Raises `UnknownUseError`, whose choices are those of the plugin if `use` names one; an entry point's own import may
    raise anything.
    """
    group: Group = "records" if section == "records" else GROUPS[section]
    if use in find_entry_points(group):
        return load_entry_point(group, use)
    stem, _, name = use.partition(".")
    cls = getattr(plugins.get(stem), name, None) if name.isidentifier() else None
    if _fits(section, cls):
        return cls
    own = {stem: plugins[stem]} if stem in plugins else {}
    raise UnknownUseError(
        sorted(plugin_classes(section, own) if own else [*find_entry_points(group), *plugin_classes(section, plugins)])
    )


def installed_classes(section: Section) -> Iterator[type[BaseModel]]:
    """The classes of the installed packages that entries of a section name."""
    return (load_entry_point(GROUPS[section], use) for use in find_entry_points(GROUPS[section]))


def plugin_classes(section: PluginSection, plugins: Mapping[str, ModuleType]) -> list[str]:
    """The classes of plugins that a section can use, as `use:` or `record:` writes them."""
    return [
        f"{stem}.{name}"
        for stem, module in plugins.items()
        for name, value in vars(module).items()
        if _fits(section, value) and value.__module__ == module.__name__
    ]


def _fits(section: PluginSection, cls: object) -> bool:
    """True if a class of a plugin has the methods that the entries of a section need, or is a record type."""
    if not isinstance(cls, type) or not issubclass(cls, BaseModel):
        return False
    match section:
        case "nodes":
            return issubclass(cls, Node)
        case "memory":
            return getattr(cls, "holds", None) in ("records", "messages", "values")
        case "data":
            return callable(getattr(cls, "items", None))
        case "tools":
            return callable(getattr(cls, "open", None)) and hasattr(cls, "starts")
        case "models":
            return callable(getattr(cls, "reply", None)) or callable(getattr(cls, "open_client", None))
        case "records":
            return issubclass(cls, Record) and cls is not Record


def reference_kind(field: FieldInfo) -> ReferenceKind | None:
    """The kind of a node's field of type `Model`, `Prompt` or a view of a memory, or optionally so; None for others."""
    for annotation in (field.annotation, *get_args(field.annotation)):
        if annotation is Model:
            return "model"
        if annotation is Prompt:
            return "prompt"
        if isinstance(annotation, type) and any(
            view in annotation.__mro__ for view in VIEWS
        ):  # or one with more methods
            return "recall"
    return None


VIEWS: Final[Mapping[type, str]] = {RecordView: "records", ValueView: "values"}
"""The content that a memory must have for each kind of view."""


def held_by_view(field: FieldInfo) -> str:
    """The content that a memory must have if a node's field, a view, names it."""
    types = (
        annotation for annotation in (field.annotation, *get_args(field.annotation)) if isinstance(annotation, type)
    )
    return next(holds for cls in types for view, holds in VIEWS.items() if view in cls.__mro__)


Marker: TypeAlias = PathMarker | ModuleMarker | VariableMarker | SecretMarker | AddressMarker | SourcesMarker


def find_marker(field: FieldInfo) -> Marker | None:
    """The marker of a settings field, see `ste_graph.settings`; a field of type `Path` is a path without one."""
    return next((mark for mark in field.metadata if isinstance(mark, Marker)), None) or _inner_marker(field.annotation)


def inner_markers(field: FieldInfo) -> dict[str, Marker]:
    """The markers of the keys inside a settings field that is, or may be, a model of its own."""
    kinds = [kind for kind in (field.annotation, *get_args(field.annotation)) if isinstance(kind, type)]
    found = {
        name: find_marker(info)
        for kind in kinds
        if issubclass(kind, BaseModel)
        for name, info in kind.model_fields.items()
    }
    return {name: mark for name, mark in found.items() if mark is not None}


def source_class(use: object) -> type[BaseModel] | None:
    """The class of an installed source of tools; None if no source has that name."""
    found: type[BaseModel] | None = (
        load_entry_point("tools", use) if isinstance(use, str) and use in find_entry_points("tools") else None
    )
    return found


def iter_marked(cls: type[BaseModel], tree: MappingNode) -> Iterator[tuple[Tree, Marker]]:
    """Every setting of an entry that has a marker, those of sources inside it included."""
    for name, info in cls.model_fields.items():
        if name not in tree.entries or (mark := find_marker(info)) is None:
            continue
        value = tree.entries[name].value
        yield value, mark
        for inner in value.items if isinstance(mark, SourcesMarker) and isinstance(value, SequenceNode) else ():
            if (source := use_class(inner)) is not None and isinstance(inner, MappingNode):
                yield from iter_marked(source, inner)


def use_class(tree: Tree) -> type[BaseModel] | None:
    """The class of the source of tools that a mapping describes; None for any other value."""
    use = tree.at(["use"])
    return source_class(use.value) if isinstance(use, ScalarNode) else None


def _inner_marker(annotation: Any) -> Marker | None:
    if annotation is Path:
        return PathMarker()
    own = getattr(annotation, "__metadata__", ())
    inner = (_inner_marker(argument) for argument in get_args(annotation))
    return next((mark for mark in (*own, *inner) if isinstance(mark, Marker)), None)


@cache
def settings_shape(cls: type[BaseModel]) -> type[BaseModel]:
    """The class's settings as YAML writes them: names and paths for fields that hold the objects they stand for."""
    if not issubclass(cls, Node):
        return cls
    fields: dict[str, Any] = {}
    for name, info in cls.model_fields.items():
        if reference_kind(info) is None:
            fields[name] = (info.annotation, info)
        else:
            optional = type(None) in get_args(info.annotation)
            fields[name] = (str | None if optional else str, ... if info.is_required() else info.default)
    return create_model(f"{cls.__name__}Settings", __config__=ConfigDict(extra="forbid", frozen=True), **fields)
