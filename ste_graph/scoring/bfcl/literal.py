"""Calls of BFCL's multi-turn answers, which are written as Python."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ste_graph.contracts import Json
from ste_graph.errors import WorkflowError
from ste_graph.protocols.python_calls import NotALiteralCallError, parse_expression, parse_python_call


@dataclass(frozen=True, slots=True)
class LiteralCall:
    """A call that is expected as it stands: its values are the only right ones, but for defaults."""

    name: str
    arguments: Mapping[str, Json]
    defaults: Mapping[str, Json] = field(default_factory=dict)
    """The values of arguments that may be left out."""

    @property
    def gold_arguments(self) -> dict[str, Json]:
        """The arguments as the gold call states them."""
        return dict(self.arguments)

    def find_problem(self, arguments: Mapping[str, Json]) -> str | None:
        """The reason why the arguments are wrong; None if they are those of the call. Texts must be the same."""
        expected, given = {**self.defaults, **self.arguments}, {**self.defaults, **arguments}
        for name, value in given.items():
            if name not in expected:
                return f"`{name}` is not expected"
            if value != expected[name]:
                return f"`{name}` is {value!r}, expected {expected[name]!r}"
        return next((f"`{name}` is missing" for name in expected if name not in given), None)


def parse_literal_call(question: str, text: str, functions: Mapping[str, Mapping[str, Json]]) -> LiteralCall:
    """The call in an answer's text. Raises `WorkflowError`, with the question, if it calls none of the functions."""
    try:
        name, positional, arguments = parse_python_call(parse_expression(text))
    except NotALiteralCallError as error:
        raise WorkflowError(f"{question}: {text!r} is not a call ({error})") from error
    if name not in functions:
        raise WorkflowError(f"{question}: the answer calls `{name}`, which is not offered: {', '.join(functions)}")
    properties: Mapping[str, Mapping[str, Json]] = functions[name]["parameters"].get("properties", {})
    defaults = {key: schema["default"] for key, schema in properties.items() if "default" in schema}
    return LiteralCall(name, {**dict(zip(properties, positional, strict=False)), **arguments}, defaults)
