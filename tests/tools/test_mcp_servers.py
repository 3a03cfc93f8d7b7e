"""The MCP source against real servers of both SDK majors and of another language, see `tests/servers/install`."""

import os
import shutil
import subprocess
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

import ste_graph as ste
from ste_graph.registry import find_entry_points
from ste_graph.tools.mcp.source import MCPTools
from ste_graph.tools.policy import ToolPolicy, effects_block
from ste_graph.tools.toolbox import Toolbox

pytest.importorskip("mcp_types", reason="the mcp extra is not installed")

ROOT = Path(__file__).parents[2]
PYTHON_1 = ROOT / ".venv-mcp1" / "bin"
NODE = ROOT / "build" / "mcp-node" / "node_modules" / ".bin"


def program(name: str, folder: Path) -> str:
    """A server's program; the test is skipped where it is not installed."""
    if not (folder / name).exists():
        pytest.skip(f"{name} is not installed; tests/servers/install does it where it can")
    if folder == NODE and shutil.which("node") is None:
        pytest.skip("node is not installed")
    return str(folder / name)


@asynccontextmanager
async def opened(source: MCPTools, *allow: str):
    try:
        yield Toolbox(await source.open(), ToolPolicy(allow=allow))
    finally:
        await source.close()


async def test_mcp_server_time_converts_and_explains_unknown_zones():
    source = MCPTools(command=program("mcp-server-time", PYTHON_1), args=["--local-timezone", "UTC"])
    async with opened(source) as box:
        assert list(box.tools) == ["get_current_time", "convert_time"]
        right = {"source_timezone": "Asia/Tokyo", "time": "09:30", "target_timezone": "Asia/Kathmandu"}
        seen = await box.call("convert_time", right)
        assert (seen.kind, '"time_difference": "-3.25h"' in seen.text) == ("ok", True)
        seen = await box.call("convert_time", {**right, "time": "25:00"})
        assert (seen.ok, seen.kind) == (False, "tool_error")
        assert "Invalid time format" in seen.text


@pytest.mark.skipif(
    "mcp" not in find_entry_points("tools"), reason="the installed package does not know `use: mcp` yet"
)
def test_the_shipped_workflow_explores_mcp_server_time(monkeypatch, tmp_path):
    program("mcp-server-time", PYTHON_1)
    monkeypatch.setenv("PATH", str(PYTHON_1), prepend=os.pathsep)
    workflow = ste.load(ROOT / "workflows" / "mcp-time.yaml", set={"params.episodes": 1, "params.trials": 2})
    workflow.run(out=tmp_path / "run")
    trials = ste.open_run(tmp_path / "run").trials()
    assert {trial.tool for trial in trials} == {"get_current_time", "convert_time"}
    assert len(trials) == 4
    assert any(step.observation.ok for trial in trials for step in trial.steps if step.observation)


async def test_errors_that_mcp_server_sqlite_reports_as_success_count_as_errors(tmp_path):
    command = program("mcp-server-sqlite", PYTHON_1)
    source = MCPTools(command=command, args=["--db-path", str(tmp_path / "shop.db")], effects={"read_query": "read"})
    async with opened(source, "create_table", "write_query") as box:
        assert (await box.call("create_table", {"query": "create table city (name text)"})).ok
        assert (await box.call("write_query", {"query": "insert into city values ('Ulm')"})).ok
        assert (await box.call("read_query", {"query": "select * from city"})).text == "[{'name': 'Ulm'}]"
        assert [
            (seen.ok, seen.kind, seen.text)
            for query in ("select * from town", "drop table city")
            for seen in [await box.call("read_query", {"query": query})]
        ] == [
            (False, "tool_error", "Database error: no such table: town"),
            (False, "tool_error", "Error: Only SELECT queries are allowed for read_query"),
        ]
        assert (await box.call("append_insight", {"insight": "x"})).kind == "refused"


async def test_mcp_server_git_states_what_its_tools_may_do(tmp_path):
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    (tmp_path / "new.txt").write_text("new", encoding="utf-8")
    source = MCPTools(command=program("mcp-server-git", PYTHON_1), args=["--repository", str(tmp_path)])
    async with opened(source) as box:
        effects = {name: tool.effect for name, tool in box.tools.items()}
        assert (effects["git_status"], effects["git_add"], effects["git_reset"]) == ("read", "write", "destructive")
        assert "new.txt" in (await box.call("git_status", {"repo_path": str(tmp_path)})).text
        assert (await box.call("git_add", {"repo_path": str(tmp_path), "files": ["new.txt"]})).kind == "refused"
        assert not (await box.call("git_status", {"repo_path": str(tmp_path / "missing")})).ok


async def test_a_filesystem_server_of_node_keeps_to_its_folder(tmp_path):
    (tmp_path / "note.txt").write_text("remember", encoding="utf-8")
    source = MCPTools(
        command=program("mcp-server-filesystem", NODE), args=[str(tmp_path)], include=["read_*", "list_*"]
    )
    async with opened(source) as box:
        assert {tool.effect for tool in box.tools.values()} == {"read"}
        assert (await box.call("read_text_file", {"path": str(tmp_path / "note.txt")})).text == "remember"
        seen = await box.call("read_text_file", {"path": "/etc/hostname"})
        assert (seen.ok, seen.kind) == (False, "tool_error")
        assert "Access denied" in seen.text


async def test_a_memory_server_of_node_writes_only_where_the_run_allows_it(tmp_path):
    path = tmp_path / "memory.jsonl"
    source = MCPTools(command=program("mcp-server-memory", NODE), env={"MEMORY_FILE_PATH": str(path)})
    entities = {"entities": [{"name": "Ulm", "entityType": "city", "observations": ["on the Danube"]}]}
    async with opened(source) as box:
        assert (await box.call("create_entities", entities)).kind == "refused"
        assert not path.exists()
        assert "  read_graph: " in effects_block(list(box.tools.values()))
    async with opened(source, "create_entities", "search_nodes") as box:
        assert (await box.call("create_entities", entities)).ok
        assert "Danube" in (await box.call("search_nodes", {"query": "Ulm"})).text
