"""The report on runs that were really made: an MCP server with a simulated model."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

import ste_graph

pytest.importorskip("mcp_types", reason="the mcp extra is not installed")

RAW = Path(__file__).parents[1] / "servers" / "raw.py"
LONG = "9.files/" + "look_" * 12
ERROR = {"content": [{"type": "text", "text": "there is no file of that name"}], "isError": True}
ANSWER = f'{{"jsonrpc": "2.0", "id": ID, "result": {json.dumps(ERROR)}}}'


def test_a_tool_is_reported_by_the_name_that_its_server_gives_it_with_what_it_could_not_find(ste, tmp_path):
    schema = {"type": "object", "properties": {"name": {"type": "string", "minLength": 1}}, "required": ["name"]}
    tool = {"name": LONG, "description": "Look.", "inputSchema": schema, "annotations": {"readOnlyHint": True}}
    script = tmp_path / "script.json"
    script.write_text(json.dumps({"listing": [{"tools": [tool]}], "answers": {LONG: ANSWER}}), "utf-8")
    source = {"use": "mcp", "command": sys.executable, "args": [str(RAW), str(script)]}
    own = {"tools": [source], "models.main": {"use": "simulated"}, "params.episodes": 1, "params.trials": 2}
    summary = ste_graph.load("explore", set=own).run(out=tmp_path / "run")
    assert summary.complete, summary.failed
    found = json.loads(ste("tools", "report", tmp_path / "run", "--format", "json").out)
    assert (found["simulated"], found["trials"], len(found["tools"])) == (True, 2, 1)
    assert f"its name has {len(LONG)} characters; at most 64" in {entry["what"] for entry in found["refusals"]}
    assert any("does not begin with a letter" in entry["what"] for entry in found["refusals"])
    assert found["missing_values"]
    assert {name for entry in found["missing_values"] for name in entry["values"]} == {"name"}
    text = ste("tools", "report", tmp_path / "run").out
    assert "A simulated model was asked" in text
