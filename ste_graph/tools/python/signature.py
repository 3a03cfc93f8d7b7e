"""From a Python function to a JSON Schema: type hints, defaults and docstring, read once."""

from __future__ import annotations

import functools
import inspect
import re
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Annotated, Any, NotRequired

from pydantic import ConfigDict, TypeAdapter
from pydantic.errors import PydanticUserError
from pydantic.fields import FieldInfo
from pydantic_core import PydanticSerializationError, to_jsonable_python
from typing_extensions import TypedDict

from ste_graph.contracts import Json
from ste_graph.errors import WorkflowError

ARGUMENTS: Any = TypedDict

SECTIONS = re.compile(
    r"(args|arguments|attributes|(keyword )?arg(ument)?s|examples?|notes?|raises|references|returns|see also|warnings?"
    r"|yields?):",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Signature:
    """The arguments of a function: their JSON Schema, and the Python values that are made of JSON."""

    function: Callable[..., Any]
    name: str

    @cached_property
    def parameters(self) -> dict[str, Json]:
        """The JSON Schema (draft 2020-12) of the arguments; no further arguments are allowed."""
        schema: dict[str, Json] = remove_titles(self._adapter.json_schema())
        described = parse_docstring(self.function)[1]
        for name, entry in schema.setdefault("properties", {}).items():
            parameter = self._parameters[name]
            if name in described:
                entry.setdefault("description", described[name])
            if "default" not in entry and not is_required(parameter) and not isinstance(parameter.default, FieldInfo):
                try:
                    entry["default"] = to_jsonable_python(parameter.default)
                except PydanticSerializationError:
                    continue  # a default that JSON cannot say is still the function's own
        schema.pop("description", None)
        return schema

    def bind(self, arguments: Mapping[str, Json]) -> tuple[list[Any], dict[str, Any]]:
        """The positional and keyword arguments of the call, as Python values. Raises pydantic's `ValidationError`."""
        values = self._adapter.validate_python(dict(arguments))
        parameters = self._parameters.values()
        only_positional = [
            p.name for p in parameters if p.kind is inspect.Parameter.POSITIONAL_ONLY and p.name in values
        ]
        return [values.pop(name) for name in only_positional], values

    @cached_property
    def _parameters(self) -> dict[str, inspect.Parameter]:
        variadic = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
        parameters = inspect.signature(self.function).parameters.values()
        return {parameter.name: parameter for parameter in parameters if parameter.kind not in variadic}

    @cached_property
    def _adapter(self) -> TypeAdapter[dict[str, Any]]:
        try:
            hints = typing.get_type_hints(self._annotated_function, include_extras=True)
            fields = {name: field_type(parameter, hints.get(name, Any)) for name, parameter in self._parameters.items()}
            # A TypedDict rather than a model: a parameter may then have any name, `copy` and `_x` included.
            shape = ARGUMENTS("Arguments", fields)
            shape.__pydantic_config__ = ConfigDict(extra="forbid")
            adapter: TypeAdapter[dict[str, Any]] = TypeAdapter(shape)
            adapter.json_schema()
        except (NameError, TypeError, SyntaxError, PydanticUserError) as error:
            raise WorkflowError(
                f"tool `{self.name}`: no JSON Schema can be made of its type hints: {str(error).splitlines()[0]}; "
                "expected types that pydantic knows; change the hints or leave the function out with `exclude:`"
            ) from error
        return adapter

    @property
    def _annotated_function(self) -> Callable[..., Any]:
        function = inspect.unwrap(self.function)
        if isinstance(function, functools.partial):
            return function.func
        return function if inspect.isroutine(function) else type(function).__call__


def field_type(parameter: inspect.Parameter, hint: Any) -> Any:
    """The hint of one field of the arguments; `= Field(…)` as a default counts as part of the hint."""
    if isinstance(parameter.default, FieldInfo):
        hint = Annotated[hint, parameter.default]
    return hint if is_required(parameter) else NotRequired[hint]


def is_required(parameter: inspect.Parameter) -> bool:
    """True if a call must give the parameter."""
    if isinstance(parameter.default, FieldInfo):
        return parameter.default.is_required()
    return parameter.default is inspect.Parameter.empty


def parse_docstring(function: Callable[..., Any]) -> tuple[str, dict[str, str]]:
    """The text of a docstring before its first section, and the descriptions in its `Args:` section (Google style)."""
    lines = (inspect.getdoc(function) or "").splitlines()
    starts = [i for i, line in enumerate(lines) if SECTIONS.fullmatch(line.rstrip())]
    text = "\n".join(lines[: starts[0] if starts else len(lines)]).strip()
    described: dict[str, str] = {}
    for start, end in pairwise([*starts, len(lines)]):
        if lines[start].lower().startswith(("arg", "keyword")):
            described |= parse_arguments(lines[start + 1 : end])
    return text, described


def parse_arguments(lines: list[str]) -> dict[str, str]:
    """The descriptions in lines `name (type): description`; a line indented further goes on with the one before."""
    found: dict[str, str] = {}
    indent, name = None, None
    for line in lines:
        depth = len(line) - len(line.lstrip())
        if indent is None and line.strip():
            indent = depth
        match = re.match(r"\s*\*{0,2}(\w+)\s*(?:\([^)]*\))?\s*:\s*(.*)", line) if depth == indent else None
        if match:
            name = match[1]
            found[name] = match[2].strip()
        elif name and line.strip():
            found[name] = f"{found[name]} {line.strip()}".strip()
    return found


def remove_titles(schema: Json) -> Json:
    """The schema without the titles that pydantic adds: they say nothing that the names do not."""
    if isinstance(schema, list):
        return [remove_titles(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    as_they_are = ("default", "examples", "const", "enum")
    return {
        key: part if key in as_they_are else remove_titles(part)
        for key, part in schema.items()
        if not (key == "title" and isinstance(part, str))
    }
