"""`ste schema`: the language for editors, and its reference for people."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from contextlib import redirect_stdout
from enum import StrEnum
from pathlib import Path
from types import ModuleType
from typing import Annotated

import typer

from ste_graph.command_line import OutFile, write_result
from ste_graph.diagnostics import DiagnosticsError


class SchemaFormat(StrEnum):
    """A JSON Schema for editors, or Markdown for people."""

    json = "json"
    markdown = "markdown"


def schema(
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="FILE",
            help="A workflow file, whose plugins are described too; this runs their code.",
            show_default=False,
        ),
    ] = None,
    out: OutFile = None,
    format: Annotated[
        SchemaFormat, typer.Option("--format", help="A JSON Schema for editors, or a reference of every key.")
    ] = SchemaFormat.json,
) -> None:
    """Print the JSON Schema of the language, with everything that is installed; or a reference in Markdown."""
    plugins = None if file is None else read_plugins(file)
    write_result(schema_text(plugins) if format is SchemaFormat.json else reference_text(plugins), out)


def read_plugins(file: Path) -> Mapping[str, ModuleType]:
    """The plugins of a workflow file and of its bases. Raises `WorkflowError` where they cannot be read or imported."""
    from ste_graph.language.composition import compose
    from ste_graph.language.sections.plugins import import_plugins
    from ste_graph.language.source.findings import Findings

    findings = Findings()
    with redirect_stdout(sys.stderr):  # stdout is for the result, whatever the code of plugins prints
        plugins = import_plugins(compose(file, findings).at(["plugins"]), findings, run=True)
    if findings.has_errors:
        raise DiagnosticsError(findings.diagnostics)
    return plugins


def schema_text(plugins: Mapping[str, ModuleType] | None = None) -> str:
    """The JSON Schema, as it is written to files."""
    from ste_graph.language.json_schema import json_schema

    return json.dumps(json_schema(plugins), indent=2, ensure_ascii=False)


def reference_text(plugins: Mapping[str, ModuleType] | None = None) -> str:
    """The reference of every key."""
    from ste_graph.language.reference import reference

    return reference(plugins)
