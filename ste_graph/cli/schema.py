"""`ste schema`: the language for editors."""

from __future__ import annotations

import json

from ste_graph.command_line import OutFile, write_result


def schema(out: OutFile = None) -> None:
    """Print the JSON Schema of the language, with everything that is installed."""
    write_result(schema_text(), out)


def schema_text() -> str:
    """The JSON Schema, as it is written to files."""
    from ste_graph.language.json_schema import json_schema

    return json.dumps(json_schema(), indent=2, ensure_ascii=False)
