"""From a Python function to a JSON Schema: type hints, defaults and docstring, read once."""

from __future__ import annotations

import functools
import inspect
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, NotRequired

from pydantic import ConfigDict, TypeAdapter
from pydantic.errors import PydanticUserError
from pydantic.fields import FieldInfo
from pydantic_core import PydanticSerializationError, to_jsonable_python
from typing_extensions import TypedDict

from ste_graph.contracts import Json
from ste_graph.errors import WorkflowError
from ste_graph.tools.python.docstring import parse_docstring

ARGUMENTS: Any = TypedDict


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
        return [values.pop(name) for name in self._only_positional if name in values], values

    @cached_property
    def is_coroutine(self) -> bool:
        """True if a call gives a coroutine."""
        return inspect.iscoroutinefunction(inspect.unwrap(self.function))

    @cached_property
    def _only_positional(self) -> list[str]:
        parameters = self._parameters.values()
        return [parameter.name for parameter in parameters if parameter.kind is inspect.Parameter.POSITIONAL_ONLY]

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
