"""Servers and specs that do what they should not, in whole runs: each call is on record, and the run ends well."""

import json
import socket
import sys
from pathlib import Path

import pytest

from ste_graph.contracts import ObservationKind

ADVERSE = Path(__file__).parent.parent / "servers" / "adverse.py"

ENDS: dict[str, ObservationKind] = {
    "fine": "ok",
    "junk": "ok",
    "not_utf8": "ok",
    "ten_megabytes": "ok",
    "no_content": "ok",
    "not_a_number": "ok",
    "bad_schema": "ok",
    "error_flag": "tool_error",
    "error_rpc": "tool_error",
    "error_text": "tool_error",
    "not_a_result": "ok",
    "exit": "transport",
    "exit_after_answer": "ok",
    "pid": "ok",
}


def asked(name: str) -> str:
    return f"Thought: hm\nAction: {name}\nAction Input: {{}}"


@pytest.fixture
def over(project):
    """Runs calls, one after another, of tools that these sources give, all of them in one unit."""

    def run(sources, names):
        text = (project.folder / "workflow.yaml").read_text().replace("over: tools", "over: params.items")
        text = text.replace("turns: 3}", f"turns: {len(names)}, items: [{{name: all}}]}}")
        project.write(**{"workflow.yaml": text, "imagine.md": "Imagine.\nUser Query:"})
        project.replies("Do all", *map(asked, names), "Final Answer: done", "Yes")
        summary = project.run(tools=sources, limits={"characters": 1000, "unanswered": 0})
        (trial,) = project.trials()
        assert trial["answer"] == "done"
        return summary, {step["action"]: step["observation"] for step in trial["steps"]}

    return run


def test_whatever_an_mcp_server_does_is_on_record_and_the_run_ends_well(over, capfd):
    pytest.importorskip("mcp")
    server = {"use": "mcp", "command": sys.executable, "args": [str(ADVERSE)], "effects": dict.fromkeys(ENDS, "read")}
    summary, seen = over([server], ENDS)
    assert {name: observation["kind"] for name, observation in seen.items()} == ENDS
    assert not summary.failed
    assert summary.used.failed_calls == 4
    assert summary.calls == {"ok": 10, "tool_error": 3, "transport": 1}
    assert seen["junk"]["text"] == "after the junk"
    assert seen["ten_megabytes"]["text"].startswith("beginxxx")
    assert len(seen["ten_megabytes"]["text"]) <= 1000
    assert "the disk is full" in seen["exit"]["text"]
    assert any("`bad_schema` is not valid JSON Schema" in remark for remark in summary.remarks)
    assert "Loading model" not in capfd.readouterr().out


def test_two_tools_of_one_name_from_two_servers_are_both_called(over):
    pytest.importorskip("mcp")
    server = {"use": "mcp", "command": sys.executable, "args": [str(ADVERSE)], "include": ["pid"]}
    server["effects"] = {"pid": "read"}
    _, seen = over([server, server], ["pid", "pid_2"])
    assert seen["pid"]["ok"]
    assert seen["pid_2"]["ok"]
    assert seen["pid"]["text"] != seen["pid_2"]["text"]


def test_a_spec_with_faults_gives_the_tools_that_it_can_and_the_run_ends_well(over, project, caplog):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{free.getsockname()[1]}"

    def get(parameters=()):
        return {"get": {"operationId": "same", "parameters": [*parameters], "responses": {}}}

    spec = {
        "openapi": "3.1.0",
        "servers": [{"url": address}],
        "paths": {
            "/a": get(),
            "/b": get(),
            "/c": get([{"$ref": "#/components/parameters/nowhere"}]),
            "/d": get([{"name": "q", "in": "query", "schema": {"type": "quantity"}}]),
        },
    }
    project.write(**{"spec.json": json.dumps(spec)})
    summary, seen = over([{"use": "openapi", "spec": str(project.folder / "spec.json")}], ["get_a", "get_b", "get_d"])
    assert {name: observation["kind"] for name, observation in seen.items()} == {
        "get_a": "transport",
        "get_b": "transport",
        "get_d": "transport",
    }
    assert seen["get_a"]["text"].startswith(f"No answer from {address.removeprefix('http://')}: ConnectError")
    assert not summary.failed
    assert summary.used.failed_calls == 3
    assert "`get_c`: `$ref: #/components/parameters/nowhere` leads nowhere" in caplog.text
    assert summary.remarks == [
        'the schema of `get_d` is not valid JSON Schema at `properties.q.type`, "quantity", which is left out'
    ]
