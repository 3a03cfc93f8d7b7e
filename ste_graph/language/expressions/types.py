"""Small types of values: enough to report before a run that an expression or a binding cannot work."""

from __future__ import annotations

import types
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel

TypeKind = Literal["bool", "int", "float", "str", "list", "object", "any"]

_ORDER: Final = ("bool", "int", "float", "str", "list", "object", "any")
_SHOWN: Final = {"float": "number"}
_PLAIN: Final[Mapping[Any, TypeKind]] = {bool: "bool", int: "int", float: "float", str: "str", dict: "object"}
_WORDS: Final[Mapping[str, Any]] = {"str": str, "int": int, "float": float, "bool": bool}


@dataclass(frozen=True, slots=True)
class Type:
    """The kinds a value may have, and `nullable`: True if it may be null. Null alone has no kinds."""

    kinds: frozenset[TypeKind]
    nullable: bool = False

    @classmethod
    def from_annotation(cls, annotation: Any) -> Type:
        """The type of a Python annotation; `any` unless that is known to be plain data."""
        annotation = _strip_annotated(annotation)
        if annotation is None or annotation is type(None):
            return NULL
        if get_origin(annotation) in {Union, types.UnionType}:
            return union(cls.from_annotation(part) for part in get_args(annotation))
        if get_origin(annotation) is Literal:
            return union(cls.from_annotation(type(value)) for value in get_args(annotation))
        if isinstance(annotation, TypeVar):
            return cls.from_annotation(annotation.__bound__) if annotation.__bound__ else ANY
        origin = get_origin(annotation) or annotation
        if origin in _PLAIN:
            return cls(frozenset({_PLAIN[origin]}))
        if not isinstance(origin, type) or origin is object:
            return ANY
        for plain in (str, bool, int, float):  # enumerations and other narrower classes
            if issubclass(origin, plain):
                return cls(frozenset({_PLAIN[plain]}))
        if issubclass(origin, BaseModel | Mapping) or getattr(origin, "_is_protocol", False):
            return OBJECT
        return LIST if issubclass(origin, Iterable) else ANY

    def __str__(self) -> str:
        """The type in the words of YAML: `maybe str`, `int or list`."""
        if not self.kinds:
            return "null"
        kinds = [kind for kind in _ORDER if kind in self.kinds and not (kind == "int" and "float" in self.kinds)]
        words = " or ".join(_SHOWN.get(kind, kind) for kind in kinds)
        return f"maybe {words}" if self.nullable and "any" not in self.kinds else words

    @property
    def without_null(self) -> Type:
        """The same type with null ruled out."""
        return Type(self.kinds)

    @property
    def with_null(self) -> Type:
        """The same type for a value that may be null."""
        return Type(self.kinds, nullable=True)


BOOL: Final = Type(frozenset({"bool"}))
INT: Final = Type(frozenset({"int"}))
NUMBER: Final = Type(frozenset({"int", "float"}))
STR: Final = Type(frozenset({"str"}))
LIST: Final = Type(frozenset({"list"}))
OBJECT: Final = Type(frozenset({"object"}))
ANY: Final = Type(frozenset({"any"}))
NULL: Final = Type(frozenset(), nullable=True)


def union(parts: Iterable[Type]) -> Type:
    """The type of a value that has one of these types."""
    members = list(parts)
    kinds = frozenset[TypeKind]().union(*(member.kinds for member in members))
    return Type(frozenset({"any"}) if "any" in kinds else kinds, any(member.nullable for member in members))


def accepts(expected: Type, actual: Type) -> bool:
    """True if every value of type `actual` may be used as `expected`.

    A whole number is a number; `any` is trusted both ways; a nullable type fits only another nullable one.
    """
    if "any" in expected.kinds:
        return True
    if actual.nullable and not expected.nullable:
        return False
    legal = expected.kinds | ({"int"} if "float" in expected.kinds else set())
    return "any" in actual.kinds or actual.kinds <= legal


def fields(annotation: Any) -> dict[str, Any]:
    """The annotations inside a pydantic model (or a model that may be None), by field name; empty for all else."""
    model = _model_class(annotation)
    return {name: field.annotation for name, field in model.model_fields.items()} if model else {}


def nested_types(
    prefix: str, annotation: Any, *, nullable: bool = False, above: frozenset[type[BaseModel]] = frozenset()
) -> dict[str, Type]:
    """The dotted names under which a value and everything inside it can be read, with their types.

    If a value may be null (`nullable`, or by its annotation), so may everything inside it. A model inside itself (the
    models `above`) is not opened again.
    """
    own = Type.from_annotation(annotation)
    nullable = nullable or own.nullable
    found = {prefix: own.with_null if nullable else own}
    model = _model_class(annotation)
    if model is not None and model not in above:
        for name, part in fields(model).items():
            found |= nested_types(f"{prefix}.{name}", part, nullable=nullable, above=above | {model})
    return found


def type_from_word(word: object) -> Any:
    """The annotation of a type word of YAML: `str`, `maybe bool`, `[str]`. Raises `ValueError` for others."""
    if isinstance(word, list) and len(word) == 1 and not isinstance(word[0], list):
        return list[type_from_word(word[0])]  # type: ignore[misc]  # the item's type is known only now
    if isinstance(word, str):
        plain = word.removeprefix("maybe ")
        if plain in _WORDS:
            return _WORDS[plain] | None if word != plain else _WORDS[plain]
    legal = ", ".join(sorted(_WORDS))
    raise ValueError(
        f"{word!r} is not a type: write one of {legal}, perhaps after `maybe`, or a list of one, as in [str]"
    )


def _model_class(annotation: Any) -> type[BaseModel] | None:
    annotation = _strip_annotated(annotation)
    if get_origin(annotation) in {Union, types.UnionType}:
        members = [part for part in get_args(annotation) if part is not type(None)]
        return _model_class(members[0]) if len(members) == 1 else None
    return annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else None


def _strip_annotated(annotation: Any) -> Any:
    while get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    return annotation
