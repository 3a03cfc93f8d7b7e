"""A failure that an answer reports itself counts as one, whatever the source; a doubt is counted and shown."""

import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import MappingProxyType

import pytest
from typer.testing import CliRunner

import ste_graph as ste
from ste_graph.cli.application import application
from ste_graph.contracts import Observation
from ste_graph.nodes.filter import Filter
from ste_graph.tools.forwarded import with_errors
from ste_graph.tools.mcp.source import MCPTools
from ste_graph.tools.openapi.source import OpenAPITools
from ste_graph.tools.policy import ToolPolicy
from ste_graph.tools.python.source import PythonTools
from ste_graph.tools.toolbox import Toolbox

ANSWERS = {
    "failure": '{"success": false, "error": "no such room"}',
    "text": "Error: no such room",
    "doubt": "Room 4 not found",
    "own": "Sold out",
    "result": '{"room": 4, "error": null}',
}
KINDS = {
    "failure": ("tool_error", False),
    "text": ("tool_error", False),
    "doubt": ("ok", True),
    "own": ("ok", False),
    "result": ("ok", False),
}
"""The outcome of a call with each answer, and True if there is a doubt."""
FUNCTIONS = '''
import json
import ste_graph as ste
ANSWERS = json.loads({answers!r})

@ste.tool(effect="read")
def look(what: str):
    """Look at a room."""
    return ANSWERS[what]
'''
LANGCHAIN = '''
import json
from langchain_core.tools import tool
ANSWERS = json.loads({answers!r})

@tool
def look(what: str) -> str:
    """Look at a room."""
    return ANSWERS[what]
'''
SERVER = """
import json, sys
ANSWERS = json.loads({answers!r})
for line in sys.stdin:
    message = json.loads(line)
    match message.get("method"):
        case "initialize":
            result = {{"protocolVersion": message["params"]["protocolVersion"], "capabilities": {{"tools": {{}}}},
                       "serverInfo": {{"name": "rooms", "version": "1"}}}}
        case "tools/list":
            schema = {{"type": "object", "properties": {{"what": {{"type": "string"}}}}}}
            result = {{"tools": [{{"name": "look", "inputSchema": schema, "annotations": {{"readOnlyHint": True}}}}]}}
        case "tools/call":
            text = ANSWERS[message["params"]["arguments"]["what"]]
            result = {{"content": [{{"type": "text", "text": text}}]}}
        case _:
            result = {{}}
    if "id" in message:
        print(json.dumps({{"jsonrpc": "2.0", "id": message["id"], "result": result}}), flush=True)
"""


class Rooms(BaseHTTPRequestHandler):
    """Answers with status 200, whatever it says."""

    def do_GET(self):
        text = ANSWERS[self.path.partition("=")[2]]
        self.send_response(200)
        self.send_header("content-type", "application/json" if text.startswith("{") else "text/plain")
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def address():
    http = ThreadingHTTPServer(("127.0.0.1", 0), Rooms)
    threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield f"http://127.0.0.1:{http.server_port}"
    http.shutdown()
    http.server_close()


def make_source(kind: str, folder: Path, address: str, **settings):
    """A source with a tool `look` that gives the answers."""
    answers = json.dumps(ANSWERS)
    if kind == "openapi":
        what = {"name": "what", "in": "query", "schema": {"type": "string"}}
        spec = {
            "openapi": "3.1.0",
            "info": {"title": "rooms", "version": "1"},
            "servers": [{"url": address}],
            "paths": {"/look": {"get": {"operationId": "look", "parameters": [what]}}},
        }
        (folder / "spec.json").write_text(json.dumps(spec), "utf-8")
        return OpenAPITools(spec=str(folder / "spec.json"), **settings)
    code = {"python": FUNCTIONS, "langchain": LANGCHAIN, "mcp": SERVER}[kind].format(answers=answers)
    path = folder / f"{kind}_rooms.py"
    path.write_text(code, "utf-8")
    if kind == "mcp":
        return MCPTools(command=sys.executable, args=[str(path)], **settings)
    return PythonTools(module=str(path), **settings)


async def look(source) -> dict[str, tuple[str, bool]]:
    """The outcomes of the calls."""
    try:
        box = Toolbox(with_errors(await source.open(), source), ToolPolicy(allow=("write", "destructive")))
        (name,) = box.tools
        return {
            what: (seen.kind, seen.doubt is not None)
            for what in ANSWERS
            for seen in [await box.call(name, {"what": what})]
        }
    finally:
        await source.close()


@pytest.mark.parametrize("kind", ["python", "langchain", "mcp", "openapi"])
async def test_one_rule_holds_for_all_sources_and_so_does_the_setting(kind, tmp_path, address):
    if kind == "mcp":
        pytest.importorskip("mcp_types", reason="the mcp extra is not installed")
    assert await look(make_source(kind, tmp_path, address)) == KINDS
    assert await look(make_source(kind, tmp_path, address, errors=["(?i)sold"])) == KINDS | {
        "own": ("tool_error", False)
    }
    assert await look(make_source(kind, tmp_path, address, errors="off")) == dict.fromkeys(ANSWERS, ("ok", False))


async def test_an_answer_is_judged_before_it_is_cut():
    class Long:
        name, description, effect, parameters = "look", "", "read", MappingProxyType({"type": "object"})

        async def call(self, arguments):
            return Observation(ok=True, kind="ok", text=json.dumps({"log": "x" * 10_000, "error": "disk full"}))

    seen = await Toolbox([Long()], ToolPolicy(characters=500)).call("look", {})
    assert (seen.kind, seen.truncated) == ("tool_error", True)


def called(what: str) -> str:
    return f'Thought: hm\nAction: look\nAction Input: {{"what": "{what}"}}'


@pytest.fixture
def explored(project):
    """A run whose only trial got a doubtful answer."""
    project.write(**{"tools.py": FUNCTIONS.format(answers=json.dumps(ANSWERS))})
    project.replies("Look at room doubt", called("failure"), called("doubt"), "Final Answer: it is not there", "Yes")
    return project.run(), project


def test_a_doubtful_answer_is_counted_shown_and_no_success(explored):
    summary, project = explored
    assert (summary.used.failed_calls, summary.used.doubtful) == (1, 1)
    (trial,) = project.trials()
    assert trial["call_succeeded"] is False
    assert [step["observation"]["doubt"] for step in trial["steps"]] == [None, "it says `not found`"]
    assert trial["steps"][0]["observation"]["notes"] == ["counts as failed: `success` is false"]
    shown = CliRunner().invoke(application, ["show", str(project.folder / "run")]).output
    assert "observation  [doubtful] Room 4 not found" in shown
    assert "note         may report a failure: it says `not found`" in shown
    assert "note         counts as failed: `success` is false" in shown


@pytest.mark.parametrize(
    ("settings", "passed", "reason"),
    [
        ({}, False, "the last call may have failed, it says `not found`: Room 4 not found"),
        ({"doubtful": "pass"}, True, None),
    ],
)
async def test_the_gate_execution_passes_a_doubtful_answer_only_where_a_judge_comes_after_it(
    explored, settings, passed, reason
):
    _, project = explored
    (trial,) = project.trials()
    tool = {"name": "look", "description": "Look at a room.", "parameters": {"type": "object", "properties": {}}}
    gates = Filter(checks=("format", "execution"), **settings)
    given = await gates(Filter.Inputs(trial=trial, tool=tool), None)
    assert (given.passed, given.reason) == (passed, reason)


def test_a_doubtful_answer_is_no_exemplar(explored):
    _, project = explored
    found = CliRunner().invoke(application, ["memory", "search", "room", "--from", str(project.folder / "run")])
    assert "Room 4 not found" not in found.output
    assert ste.open_run(project.folder / "run").trials()
