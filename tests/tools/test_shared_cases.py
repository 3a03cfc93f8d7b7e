"""Small inputs on which tools and replies once failed (`shared/cases/tools`): each by the way in that it names."""

import json
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote

import pytest

from ste_graph.contracts import Observation, Reply, ToolCall
from ste_graph.errors import WorkflowError
from ste_graph.protocols.next_step import Action, FinalAnswer, Malformed
from ste_graph.protocols.reader import read
from ste_graph.tools.arguments import ArgumentChecker
from ste_graph.tools.openapi.source import OpenAPITools
from ste_graph.tools.policy import ToolPolicy
from ste_graph.tools.python.function import FunctionTool
from ste_graph.tools.toolbox import Toolbox

DATA = Path(os.environ.get("STE_DATA", Path(__file__).parents[3] / "shared" / "data"))
FOLDER = DATA.parent / "cases" / "tools"
FILES = sorted(FOLDER.glob("*.json"))
ALL = ToolPolicy(allow=("write", "destructive"), timeout_s=20)
INTEGER, TEXT = {"type": "integer"}, {"type": "string"}
TOOLS = {
    "find_room": {"properties": {"seats": INTEGER, "floor": INTEGER, "note": TEXT}},
    "drop_room": {"properties": {"id": INTEGER}},
}
GOOD = {"name": "good", "inputSchema": {"type": "object", "properties": {}}, "annotations": {"readOnlyHint": True}}


@contextmanager
def recording() -> Iterator[tuple[str, list[str]]]:
    """The address of a service, and the requests that it gets: headers and body, the escapes of a URL undone."""
    got: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"])).decode()
            got.append(f"{self.headers}{unquote(body)}")
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", got
    finally:
        server.shutdown()
        server.server_close()


async def check_reply(case, folder) -> None:
    given, expected = case["given"], case["expect"]
    if isinstance(given, str):
        reply = Reply(text=given)
    else:
        calls = [ToolCall(id="1", name=name, arguments=arguments) for name, arguments in given["calls"]]
        reply = Reply(text=given["text"], tool_calls=tuple(calls))
    step = read(reply, TOOLS, case["how"])
    if expected == "malformed":
        assert isinstance(step, Malformed)
    elif expected == "not an answer":
        assert not isinstance(step, FinalAnswer)
    elif "answer" in expected:
        assert isinstance(step, FinalAnswer)
        assert step.text == expected["answer"]
    else:
        assert isinstance(step, Action)
        assert (step.name, step.arguments) == (expected["call"], expected["arguments"])


async def check_arguments(case, folder) -> None:
    expected = case["expect"]
    checker = ArgumentChecker("tool", case["given"]["schema"])
    began = time.monotonic()
    checked = await checker.check_aside(case["given"]["arguments"])
    if expected == "within a second":
        assert time.monotonic() - began < 1
    elif expected == "refused":
        assert checked.problem
    elif "message without" in expected:
        assert expected["message without"] not in (checked.problem or "")
    else:
        assert (checked.problem, checked.arguments) == (None, expected)


async def check_python_value(case, folder) -> None:
    def look() -> str:
        return case["given"]

    box = Toolbox([FunctionTool.of("look", look, "read")], ALL)
    assert (await box.call("look", {})).kind == case["expect"]


async def check_effect(case, folder) -> None:
    source = describe(case["given"], folder, base_url="http://127.0.0.1:9")
    (tool,) = await source.open()
    await source.close()
    assert (tool.effect == "read") == (case["expect"] == "read")


async def check_body(case, folder) -> None:
    spec, expected = case["given"]["spec"], case["expect"]
    with recording() as (address, got):
        source = describe(spec, folder, base_url=address)
        if "left out of the tools and named" in expected:
            with pytest.raises(WorkflowError, match="`op`: its body is `application/xml`"):
                await source.open()
            return
        observation = await Toolbox(await source.open(), ALL).call("op", case["given"]["arguments"])
        await source.close()
    assert observation.ok, observation.text
    assert expected in got[0]


def describe(spec, folder, **settings) -> OpenAPITools:
    (folder / "spec.json").write_text(json.dumps(spec), encoding="utf-8")
    return OpenAPITools(spec=str(folder / "spec.json"), **settings)


async def check_list(case, folder, caplog) -> None:
    async with serve(folder, listing=[case["given"]]) as source:
        names = [tool.name for tool in await source.open()]
    if case["expect"] == "one tool":
        assert len(names) == 1
        return
    assert "good" in names
    # What is no object has no name: its number names it.
    told = "`bad`" if any(tool and tool["name"] == "bad" for tool in case["given"]["tools"]) else "number 2"
    assert told in caplog.text


async def check_effects(case, folder) -> None:
    async with serve(folder, tools=case["given"]["tools"]) as source:
        source = source.model_copy(update={"effects": case["given"]["effects"]})
        effects = {tool.original: tool.effect for tool in await source.open()}
        await source.close()
    assert {name: effects[name] for name in case["expect"]} == case["expect"]


async def check_result(case, folder) -> None:
    result = case["given"]
    result = {"content": [{"type": "text", "text": result}]} if case["how"] == "mcp_text" else result
    tool = {**GOOD, **{key: case[key] for key in ("outputSchema",) if key in case}}
    observation, _ = await call_tool(tool, json.dumps(result), folder)
    assert observation.kind == case["expect"]


async def check_raw(case, folder) -> None:
    observation, seconds = await call_tool(GOOD, case["given"], folder)
    assert (observation.kind, seconds < 1) == ("ok", True)


async def call_tool(tool, result: str, folder) -> tuple[Observation, float]:
    """The observation of the result as a server writes it, and the seconds that it took."""
    line = f'{{"jsonrpc": "2.0", "id": ID, "result": {result}}}'
    async with serve(folder, tools=[tool], answers={"good": line}) as source:
        box = Toolbox(await source.open(), ALL)
        began = time.monotonic()
        return await box.call("good", {}), time.monotonic() - began


def serve(folder, **script):
    pytest.importorskip("mcp_types", reason="the mcp extra is not installed")
    from tests.tools.test_mcp_broken import serving

    return serving("stdio", folder, **script)


WAYS = {
    "react": check_reply, "native": check_reply, "arguments": check_arguments, "python_value": check_python_value,
    "openapi_effect": check_effect, "openapi_body": check_body, "mcp_list": check_list, "mcp_effects": check_effects,
    "mcp_text": check_result, "mcp_result": check_result, "mcp_raw": check_raw,
}  # fmt: skip


@pytest.mark.skipif(not FILES, reason=f"{FOLDER} is not there; set STE_DATA to the folder beside its `cases`")
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
async def test_a_collected_case_ends_as_it_should(file, tmp_path, caplog) -> None:
    case = json.loads(file.read_text("utf-8"))
    more = {"caplog": caplog} if case["how"] == "mcp_list" else {}
    await WAYS[case["how"]](case, tmp_path, **more)
