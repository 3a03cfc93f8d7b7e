"""Hover texts for editors: what a setting's description says, or the docstring below it."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any, Final, get_args

from pydantic import BaseModel

from ste_graph.language.sections.entries import ReferenceKind, reference_kind

REFERENCES: Final[Mapping[ReferenceKind, str]] = {
    "model": "The model that the node asks, by its name in `models`.",
    "prompt": "The file of the prompt, relative to this file: Markdown with Jinja.",
    "recall": "The memory that the node reads, by its name in `memory`.",
}


def add_hover_texts(schema: dict[str, Any], cls: type[BaseModel]) -> None:
    """Describe the properties of a class's JSON Schema, and of the classes of its fields, as the classes do."""
    _describe(schema, cls)
    inner = {found.__name__: found for found in _inner_models(cls, set())}
    for name, definition in schema.get("$defs", {}).items():
        if name in inner:
            _describe(definition, inner[name])


def hover_texts(cls: type[BaseModel]) -> dict[str, str]:
    """The descriptions of a class's settings, by the name that YAML has for them."""
    written: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        if issubclass(base, BaseModel) and base is not BaseModel:
            written.update(_docstrings(base))
    texts = {}
    for name, info in cls.model_fields.items():
        kind = reference_kind(info)
        text = info.description or written.get(name) or (REFERENCES[kind] if kind else None)
        if text:
            texts[info.alias or name] = text
    return texts


def _describe(schema: dict[str, Any], cls: type[BaseModel]) -> None:
    texts = hover_texts(cls)
    for key, value in schema.get("properties", {}).items():
        if isinstance(value, dict) and key in texts:
            value["description"] = texts[key]


def _inner_models(cls: type[BaseModel], seen: set[type]) -> Iterator[type[BaseModel]]:
    """The models that the fields of a model hold, at any depth."""
    for info in cls.model_fields.values():
        for found in _types(info.annotation):
            if found not in seen and issubclass(found, BaseModel):
                seen.add(found)
                yield found
                yield from _inner_models(found, seen)


def _types(annotation: object) -> Iterator[type]:
    if isinstance(annotation, type) and not get_args(annotation):
        yield annotation
    for argument in get_args(annotation):
        yield from _types(argument)


def _docstrings(cls: type) -> dict[str, str]:
    """The docstrings below a class's fields, on one line each; none where its source is not there."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(cls)))
    except (OSError, TypeError, SyntaxError):
        return {}
    body = next((node.body for node in tree.body if isinstance(node, ast.ClassDef)), [])
    found: dict[str, str] = {}
    for field, below in pairwise(body):
        match field, below:
            case (
                ast.AnnAssign(target=ast.Name(id=name)),
                ast.Expr(value=ast.Constant(value=str(text))),
            ):
                found[name] = " ".join(text.split())
    return found
