import json
import logging
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("mcp_types", reason="the mcp extra is not installed")

from mcp import Client
from mcp.client.stdio import StdioServerParameters, stdio_client

from ste_graph.memory.exemplars.selection import Selection
from ste_graph.memory.faces.server import make_memory_server

SERVED = Path(__file__).with_name("served.py")


def text_of(result) -> str:
    (block,) = result.content
    return block.text


async def test_any_mcp_client_can_recall_exemplars_and_lessons(store, mended, tmp_path):
    store.add([mended])
    expected = store.render("rain in Paris", Selection(k=2), tools=["weather"])
    store.close()
    command = StdioServerParameters(command=sys.executable, args=[str(SERVED), str(tmp_path / "store")])
    async with Client(stdio_client(command)) as client:
        offered = {tool.name: tool for tool in (await client.list_tools()).tools}
        assert sorted(offered) == ["recall_exemplars", "recall_lessons"]
        assert all(tool.annotations.read_only_hint for tool in offered.values())
        asked = {"query": "rain in Paris", "k": 2, "tools": ["weather"]}
        assert text_of(await client.call_tool("recall_exemplars", asked)) == expected
        nothing = await client.call_tool("recall_exemplars", {"query": "rain", "tools": ["roman"]})
        assert text_of(nothing) == "Nothing is known for this."
        lessons = await client.call_tool("recall_lessons", {"tool": "weather"})
        assert text_of(lessons) == (
            'Lesson: calling weather, it failed with `place`: 3, and worked with `place`: "Rome". '
            "The error was: `place` must be a city."
        )


def test_half_an_emoji_in_a_request_is_answered(store, tmp_path):
    store.close()
    hello = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}
    asked = {"name": "recall_exemplars", "arguments": {"query": "rain \ud83d in Paris", "k": 1}}
    messages = [
        {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello},
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
        {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": asked},
    ]
    command = [sys.executable, str(SERVED), str(tmp_path / "store")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        try:
            server.stdin.write("".join(json.dumps(message) + "\n" for message in messages))
            server.stdin.flush()
            answers = [json.loads(server.stdout.readline()) for _ in range(2)]
        finally:
            server.kill()
    assert answers[1]["id"] == 2
    assert not answers[1]["result"].get("isError")


async def test_wrong_arguments_and_a_store_that_fails_are_answered_as_errors(store, word_hashes):
    logging.getLogger("mcp").setLevel(logging.CRITICAL)
    async with Client(make_memory_server(store)) as client:
        assert (await client.call_tool("recall_exemplars", {"k": 2})).is_error
        assert (await client.call_tool("recall_exemplars", {"query": "rain", "k": 9999})).is_error
        word_hashes.fails = OSError("the weights are gone")
        failed = await client.call_tool("recall_exemplars", {"query": "rain"})
        assert failed.is_error
        assert "embedding with word hashes failed (OSError: the weights are gone)" in text_of(failed)
        assert text_of(await client.call_tool("recall_lessons", {"tool": "x"})) == "Nothing is known for this."
    logging.getLogger("mcp").setLevel(logging.NOTSET)
