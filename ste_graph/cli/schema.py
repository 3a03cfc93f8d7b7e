"""`ste schema`: the language for editors, and its reference for people."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Annotated

import typer

from ste_graph.command_line import OutFile, write_result


class SchemaFormat(StrEnum):
    """A JSON Schema for editors, or Markdown for people."""

    json = "json"
    markdown = "markdown"


def schema(
    out: OutFile = None,
    format: Annotated[
        SchemaFormat, typer.Option("--format", help="A JSON Schema for editors, or a reference of every key.")
    ] = SchemaFormat.json,
) -> None:
    """Print the JSON Schema of the language, with everything that is installed; or a reference in Markdown."""
    write_result(schema_text() if format is SchemaFormat.json else reference_text(), out)


def schema_text() -> str:
    """The JSON Schema, as it is written to files."""
    from ste_graph.language.json_schema import json_schema

    return json.dumps(json_schema(), indent=2, ensure_ascii=False)


def reference_text() -> str:
    """The reference of every key."""
    from ste_graph.language.reference import reference

    return reference()
