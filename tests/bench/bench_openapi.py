"""The time and memory that it takes to read a spec of 1,000 operations; each reading in a process of its own."""

from __future__ import annotations

import asyncio
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

OPERATIONS = 1000
SCHEMAS = 400


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        spec = synthetic()
        folder = Path(name)
        (folder / "spec.json").write_text(json.dumps(spec), encoding="utf-8")
        (folder / "spec.yaml").write_text(yaml.dump(spec, Dumper=yaml.CSafeDumper, sort_keys=False), encoding="utf-8")
        for path in (folder / "spec.json", folder / "spec.yaml"):
            words = [sys.executable, "-m", "tests.bench.bench_openapi", str(path)]
            print(f"  {path.name}: {subprocess.run(words, check=True, capture_output=True, text=True).stdout.strip()}")


def read(path: str) -> None:
    """Read a spec and print what it took; memory is the whole process's, Python and imports included."""
    started = time.perf_counter()
    from ste_graph.tools.openapi.source import OpenAPITools

    imported = time.perf_counter()
    tools = asyncio.run(OpenAPITools(spec=path).open())
    ended = time.perf_counter()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    largest = max(len(json.dumps(dict(tool.parameters))) for tool in tools)
    print(
        f"{len(tools)} tools of {Path(path).stat().st_size / 1e6:.1f} MB in {ended - imported:.2f} s (to reach: 5; "
        f"imports {imported - started:.2f} s before), peak {peak:.0f} MiB (to reach: 300), "
        f"largest schema {largest:,} characters"
    )


def synthetic() -> dict:
    """A spec in which schemas refer to one another, some in circles, as large public ones do."""
    schemas = {
        f"Thing{n}": {
            "type": "object",
            "description": f"The thing of kind {n}, as it is kept in the register of things.",
            "properties": {
                "id": {"type": "integer", "readOnly": True},
                **{f"field_{k}": {"type": "string", "description": f"Field {k} of thing {n}."} for k in range(8)},
                "state": {"type": "string", "enum": ["new", "open", "closed"], "nullable": True},
                "parts": {"type": "array", "items": to(n * 2 + 1)},
                "owner": to(n * 2 + 2),
                **({"parent": to(n)} if n % 10 == 0 else {}),
            },
            "required": ["id", "field_0"],
        }
        for n in range(SCHEMAS)
    }
    paths: dict = {}
    for n in range(OPERATIONS // 4):
        shared = {"name": "id", "in": "path", "required": True, "schema": {"type": "integer"}}
        queries = [
            {"name": f"filter_{k}", "in": "query", "description": "Keep what has it.", "schema": {"type": "string"}}
            for k in range(6)
        ]
        body = {"required": True, "content": {"application/json": {"schema": to(n % SCHEMAS)}}}
        answer = {"200": {"description": "Good.", "content": {"application/json": {"schema": to(n % SCHEMAS)}}}}
        said = {"description": "Does what its name says, to one thing or to several of them.", "responses": answer}
        paths[f"/things{n}"] = {
            "get": {"operationId": f"listThings{n}", "summary": "List", "parameters": queries, **said},
            "post": {"operationId": f"addThing{n}", "summary": "Add", "requestBody": body, **said},
        }
        paths[f"/things{n}/{{id}}"] = {
            "parameters": [shared],
            "get": {"operationId": f"getThing{n}", "summary": "Get", **said},
            "put": {"operationId": f"setThing{n}", "summary": "Set", "requestBody": body, **said},
        }
    return {
        "openapi": "3.0.3",
        "info": {"title": "Things", "version": "1"},
        "servers": [{"url": "https://things.example.com"}],
        "paths": paths,
        "components": {"schemas": schemas},
    }


def to(number: int) -> dict:
    """A reference to a schema; those beyond the last lead to a plain value."""
    return {"$ref": f"#/components/schemas/Thing{number}"} if number < SCHEMAS else {"type": "string"}


if __name__ == "__main__":
    if len(sys.argv) > 1:
        read(sys.argv[1])
    else:
        main()
