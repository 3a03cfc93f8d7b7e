"""Entries made by a `use:` class: finding the class, and the shape of its settings in YAML."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, Literal, TypeAlias, get_args

from pydantic import BaseModel, ConfigDict, create_model
from pydantic.fields import FieldInfo

from ste_graph.contracts import ExemplarView, LessonView, Model, RecordView, SimilarityView
from ste_graph.language.schema import GROUPS, MemoryWiring, NodeWiring, Section, Shape
from ste_graph.language.tree import Mapping as MappingTree
from ste_graph.language.tree import Scalar, Sequence, Tree
from ste_graph.node import Node
from ste_graph.prompt import Prompt
from ste_graph.records import Record
from ste_graph.registry import Group, known, load
from ste_graph.settings import AddressMarker, ModuleMarker, PathMarker, SecretMarker, SourcesMarker

Resolved = Literal["model", "prompt", "recall"]
"""Fields of a node that hold a name or a path in YAML, and an object when the node runs."""

Offered: TypeAlias = Section | Literal["records"]
"""What a plugin may offer classes for: entries of a section, and the types of the graph's records."""

WIRING: Mapping[str, type[Shape] | None] = {
    "data": None,
    "models": None,
    "tools": None,
    "memory": MemoryWiring,
    "nodes": NodeWiring,
}


class UnknownUseError(LookupError):
    """No class of that name; `choices` are the names that there are."""

    def __init__(self, choices: list[str]) -> None:
        super().__init__()
        self.choices = choices


def find(section: Offered, use: str, plugins: Mapping[str, ModuleType]) -> Any:
    """The class that `use` or `record` names. Raises `UnknownUseError`; an entry point's own import may raise anything."""
    group: Group = "records" if section == "records" else GROUPS[section]
    if use in known(group):
        return load(group, use)
    module, _, name = use.partition(".")
    cls = getattr(plugins.get(module), name, None) if name.isidentifier() else None
    if _offers(section, cls):
        return cls
    raise UnknownUseError(sorted([*known(group), *offered(section, plugins)]))


def offered(section: Offered, plugins: Mapping[str, ModuleType]) -> list[str]:
    """What the workflow's plugins offer to a section, as `use:` or `record:` writes it."""
    return [
        f"{stem}.{name}"
        for stem, module in plugins.items()
        for name, value in vars(module).items()
        if _offers(section, value) and value.__module__ == module.__name__
    ]


def _offers(section: Offered, cls: object) -> bool:
    """Whether a class of a plugin does what the entries of a section are for, or is a type of record."""
    if not isinstance(cls, type) or not issubclass(cls, BaseModel):
        return False
    match section:
        case "nodes":
            return issubclass(cls, Node)
        case "memory":
            return getattr(cls, "holds", None) in ("records", "messages")
        case "data":
            return callable(getattr(cls, "items", None))
        case "tools":
            return callable(getattr(cls, "open", None)) and hasattr(cls, "starts")
        case "models":
            return callable(getattr(cls, "reply", None)) or callable(getattr(cls, "open_client", None))
        case "records":
            return issubclass(cls, Record) and cls is not Record


def resolved_kind(field: FieldInfo) -> Resolved | None:
    """Whether a node's field is a `Model`, a `Prompt` or a `RecordView` (None within a union allowed)."""
    for annotation in (field.annotation, *get_args(field.annotation)):
        if annotation is Model:
            return "model"
        if annotation is Prompt:
            return "prompt"
        if annotation in (RecordView, ExemplarView, SimilarityView, LessonView):
            return "recall"
    return None


Marker: TypeAlias = PathMarker | ModuleMarker | SecretMarker | AddressMarker | SourcesMarker


def marker(field: FieldInfo) -> Marker | None:
    """What a settings field may hold in YAML beyond its type, see `ste_graph.settings`. A `Path` is a path unsaid."""
    return next((mark for mark in field.metadata if isinstance(mark, Marker)), None) or _marked(field.annotation)


def inner_markers(field: FieldInfo) -> dict[str, Marker]:
    """The markers of keys inside a settings field, where it is, or may be, a model of its own."""
    models = [one for one in (field.annotation, *get_args(field.annotation)) if isinstance(one, type)]
    found = {
        name: marker(info) for one in models if issubclass(one, BaseModel) for name, info in one.model_fields.items()
    }
    return {name: mark for name, mark in found.items() if mark is not None}


def source_class(use: object) -> type[BaseModel] | None:
    """The class of an installed source of tools; None for what is none."""
    found: type[BaseModel] | None = load("tools", use) if isinstance(use, str) and use in known("tools") else None
    return found


def marked(cls: type[BaseModel], tree: MappingTree) -> Iterator[tuple[Tree, Marker]]:
    """Every setting of an entry that has a marker, those of sources inside it included."""
    for name, info in cls.model_fields.items():
        if name not in tree.entries or (mark := marker(info)) is None:
            continue
        value = tree.entries[name].value
        yield value, mark
        for inner in value.items if isinstance(mark, SourcesMarker) and isinstance(value, Sequence) else ():
            if (source := use_class(inner)) is not None and isinstance(inner, MappingTree):
                yield from marked(source, inner)


def use_class(tree: Tree) -> type[BaseModel] | None:
    """The class of the source of tools that a mapping describes; None for what is none."""
    use = tree.at(["use"])
    return source_class(use.value) if isinstance(use, Scalar) else None


def _marked(annotation: Any) -> Marker | None:
    if annotation is Path:
        return PathMarker()
    own = getattr(annotation, "__metadata__", ())
    inner = (_marked(argument) for argument in get_args(annotation))
    return next((mark for mark in (*own, *inner) if isinstance(mark, Marker)), None)


@cache
def settings_shape(cls: type[BaseModel]) -> type[BaseModel]:
    """The class's settings as YAML writes them: names and paths where the object holds what they stand for."""
    if not issubclass(cls, Node):
        return cls
    fields: dict[str, Any] = {}
    for name, info in cls.model_fields.items():
        if resolved_kind(info) is None:
            fields[name] = (info.annotation, info)
        else:
            optional = type(None) in get_args(info.annotation)
            fields[name] = (str | None if optional else str, ... if info.is_required() else info.default)
    return create_model(f"{cls.__name__}Settings", __config__=ConfigDict(extra="forbid", frozen=True), **fields)


def entry_schemas() -> dict[Section, list[dict[str, Any]]]:
    """Per section, the JSON Schemas of its installed entries."""
    return {section: [entry_schema(section, use) for use in sorted(known(group))] for section, group in GROUPS.items()}


def entry_schema(section: Section, use: str) -> dict[str, Any]:
    """The JSON Schema of one installed entry: its own settings and the engine's keys."""
    cls = load(GROUPS[section], use)
    own = settings_shape(cls).model_json_schema(by_alias=True)
    for name, info in cls.model_fields.items():
        if isinstance(marker(info), SecretMarker | AddressMarker):
            own["properties"][name] = {"anyOf": [own["properties"][name], ENV_SCHEMA]}
    wiring = WIRING[section]
    keys = wiring.model_json_schema()["properties"] if wiring else {}
    return {
        **own,
        "description": (cls.__doc__ or "").strip().splitlines()[0] if cls.__doc__ else "",
        "properties": {**keys, **own.get("properties", {}), "use": {"const": use}},
        "required": ["use", *own.get("required", [])],
        "additionalProperties": False,
        # A memory that lends what is kept elsewhere has no lifetime in the run.
        **({"anyOf": [{"required": ["lives"]}, {"required": ["from"]}]} if section == "memory" else {}),
    }


ENV_SCHEMA = {
    "type": "object",
    "properties": {"env": {"type": "string"}, "default": {"type": "string"}},
    "required": ["env"],
    "additionalProperties": False,
}
