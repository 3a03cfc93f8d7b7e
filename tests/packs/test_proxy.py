"""The proxy puts adopted descriptions over a server's tools, and every other byte goes through as it is."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import asynccontextmanager, suppress
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from ste_graph.contracts import Observation
from ste_graph.errors import RunError, WorkflowError
from ste_graph.packs.overlay import AnswerStream, Overlay
from ste_graph.packs.pack import ToolDefinition, ToolDescription
from ste_graph.packs.proxy import serve_command
from ste_graph.packs.values import PackData
from ste_graph.tools.mcp.source import MCPTools
from tests.servers.verbatim import Handler

pytest.importorskip("mcp_types", reason="the mcp extra is not installed")

SERVERS = Path(__file__).parents[1] / "servers"
VERBATIM = SERVERS / "verbatim.py"
VERIFY = "ste pack verify"
STE = Path(sys.executable).with_name("ste")

ZONE = {"type": "string", "description": "A zone."}
SCHEMA = {"type": "object", "properties": {"zone": ZONE, "long": {"type": "boolean"}, "bare": True}}
TODAY = {"name": "today", "description": "The date.", "inputSchema": SCHEMA}
DROP = {"name": "files/drop", "inputSchema": {"type": "object", "properties": {}}}
ADOPTED = {
    "today": ToolDescription(
        description="Tell today's date “there”.", parameters={"zone": "An IANA zone.", "long": "In words.", "bare": "?"}
    ),
    "files_drop": ToolDescription(description="Drop a file."),
    "other": ToolDescription(description="Not adopted for this one."),
}

ODD = (
    '{"id": 7 ,"jsonrpc":"2.0", "result":{"content":[{"type":"hologram","x":1.0,"x":1e400}], '
    '"n":12345678901234567890123,'
    '"structuredContent":{"half":"\\ud83d","e":1E2,"\\u0061":-0.0}, "_meta":{"a\\/b":null},"isError":false}}'
)
CALL = (
    '{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"today","arguments":{"zone":"\\udf88","n":1.00}}}'
)
PROGRESS = (
    '{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":1,"progress":0.50,"total":1E0}}'
)
ERROR = '{"jsonrpc":"2.0","id":8,"error":{"code":-32042,"message":"no\\u0021","data":{"half":"\\udf88","n":1.0}}}'
ASK = '{"jsonrpc":"2.0","id":"srv-1","method":"elicitation/create","params":{"message":"Which? \\ud83d","x":{}}}'
PRETTY = '{\n  "jsonrpc": "2.0",\r\n  "id": 7,\n  "result": {"resources": [{"uri": "x:y", "size": 1.0}]}\n}'


class Listed:
    """A tool as a run of `ste` sees what a server lists."""

    effect = "read"

    def __init__(self, name, description, parameters):
        self.name, self.description, self.parameters = name, description, parameters

    async def call(self, arguments):
        return Observation(ok=True, kind="ok", text="")


TOOLS = [
    Listed("today", "The date.", SCHEMA),
    Listed("files_drop", "", DROP["inputSchema"]),
    Listed("other", "Another.", {"type": "object", "properties": {}}),
]


@pytest.fixture
def described(make_pack):
    """A pack of descriptions, adopted for two of three tools."""
    definitions = {tool.name: ToolDefinition.of(tool) for tool in TOOLS}
    data = PackData(descriptions=ADOPTED, definitions=definitions)
    return make_pack(data=data, forms=("descriptions",), arm="descriptions", tools=("today", "files_drop"))


@pytest.fixture
def overlay(described):
    said: list[str] = []
    made = Overlay(described, said.append)
    made.said = said
    return made


def listing(tools, id="1", **more):
    return json.dumps({"jsonrpc": "2.0", "id": json.loads(id), "result": {"tools": tools, **more}}).encode()


def ask(overlay, id="1", **params):
    overlay.note_request(json.dumps({"id": json.loads(id), "method": "tools/list", "params": params}).encode())


def descriptions(line):
    return {tool["name"]: tool.get("description") for tool in json.loads(line)["result"]["tools"]}


def test_only_the_descriptions_of_adopted_tools_are_replaced_and_no_byte_else(overlay):
    line = (
        b'{ "jsonrpc":"2.0","result" : {"x":1e400,"tools":[\t{"name":"today","annotations":{"description":"stays"},'
        b'"description" : "The date\\u002e","title":"T","inputSchema":{"type":"object","properties":{'
        b'"zone":{"type":"string","description":"A zone."},"long":{"type":"boolean"},"bare":true}}, "n":1.0},'
        b'{"name":"other","description":"Another.","inputSchema":{"type":"object","properties":{}}} ],'
        b'"_meta":{"half":"\\ud83d"}},"id":1}\r\n'
    )
    ask(overlay)
    wanted = (
        line.replace(b'"The date\\u002e"', b'"Tell today\'s date \\u201cthere\\u201d."')
        .replace(b'"A zone."', b'"An IANA zone."')
        .replace(b'"long":{', b'"long":{"description": "In words.", ')
    )
    assert overlay.rewrite(line) == wanted
    assert overlay.said == [
        "ste pack serve: put 1 adopted description over the server's own: today",
        f"ste pack serve: the server has no files_drop; to see what still holds: {VERIFY} {overlay.pack.path}",
    ]


def test_a_tool_without_a_description_gets_one_also_under_a_name_that_models_do_not_accept(overlay):
    ask(overlay)
    assert descriptions(overlay.rewrite(listing([DROP, TODAY]))) == {
        "files/drop": "Drop a file.",
        "today": "Tell today's date “there”.",
    }


@pytest.mark.parametrize(
    "request_line",
    [
        b'{"id":1,"method":"tools\\/list"}',
        b'{"id":1,"method":"\\u0074ools/list"}',
        b'[{"method":"ping","id":9},{"id":1,"method":"tools/list"}]',
        b' {"id" : 1 , "method" : "tools/list", "params":null}\r\n',
    ],
)
def test_a_list_is_known_by_the_request_however_it_is_written(overlay, request_line):
    overlay.note_request(request_line)
    assert descriptions(overlay.rewrite(listing([TODAY])))["today"] == "Tell today's date “there”."


def test_the_answer_may_come_among_others_in_a_batch_and_write_its_id_as_text(overlay):
    ask(overlay)
    other = json.dumps({"id": 4, "result": {"tools": [TODAY]}}).encode()
    line = b"[" + other + b", " + listing([TODAY], id='"1"') + b"]"
    first, second = json.loads(overlay.rewrite(line))
    assert first["result"]["tools"] == [TODAY]
    assert second["result"]["tools"][0]["description"] == "Tell today's date “there”."


@pytest.mark.parametrize(
    "line",
    [
        ODD.encode(),
        b"Loading... 100%\n",
        b'{"id":1,"method":"ping"}',
        b'{"id":1,"error":{"code":-1,"message":"no"}}',
        b'{"id":1,"result":{"tools":"none"}}',
        b'{"id":1,"result":{"tools":[1,null,{"name":7},{"name":"today"}]}}',
        b'{"id":1,"result":{"tools":[',
        b'{"id":1,"result":{"tools":[{"name":"today","inputSchema":{"properties":[1],"required":3}}]}}',
        b'{"id":1,"result":{"tools":[{"name":"today","inputSchema":{"properties":{"zone":1}},"description":{}}]}}',
        b"\xff\xfe{",
        b"[" * 200_000,
        b"",
    ],
)
def test_what_is_no_list_of_tools_goes_through_while_one_is_waited_for(overlay, line):
    ask(overlay)
    assert overlay.rewrite(line) == line


def test_a_result_that_looks_like_a_list_but_answers_something_else_stays(overlay):
    line = listing([TODAY], id="5")
    assert overlay.rewrite(line) is line
    ask(overlay)
    assert overlay.rewrite(line) == line


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"description": "The date in a zone."}, "description has other words"),
        (
            {"inputSchema": {**SCHEMA, "required": ["zone"]}},
            "parameter `zone` is now required",
        ),
        (
            {"inputSchema": {**SCHEMA, "properties": {**SCHEMA["properties"], "zone": {**ZONE, "enum": ["UTC"]}}}},
            "parameter `zone`: enum is",
        ),
    ],
)
def test_a_tool_that_has_changed_keeps_its_own_description_and_that_is_said_once(overlay, changed, said):
    for _ in range(2):
        ask(overlay)
        line = listing([{**TODAY, **changed}, DROP])
        assert descriptions(overlay.rewrite(line))["today"] == changed.get("description", "The date.")
    (told,) = [line for line in overlay.said if "`today`" in line]
    assert said in told
    assert told.endswith(
        f"so it keeps its own description; to see what still holds: ste pack verify {overlay.pack.path}"
    )


def test_pages_of_a_list_are_reported_together(overlay):
    ask(overlay)
    overlay.rewrite(listing([TODAY], nextCursor="b"))
    assert overlay.said == []
    ask(overlay, id="2", cursor="b")
    overlay.rewrite(listing([DROP], id="2"))
    assert overlay.said == ["ste pack serve: put 2 adopted descriptions over the server's own: today, files_drop"]


def test_a_server_with_no_tool_of_the_pack_is_told_apart(overlay):
    ask(overlay)
    line = listing([{**TODAY, "name": "elsewhere"}])
    assert overlay.rewrite(line) == line
    assert overlay.said[0].startswith(
        "ste pack serve: no tool of this pack is there: it has today, files_drop; the server lists elsewhere"
    )


def test_a_pack_without_descriptions_is_refused_with_the_way_that_serves_what_it_has(pack):
    with pytest.raises(WorkflowError, match=r"has no adopted descriptions .*exemplars, lessons.*ste memory serve"):
        Overlay(pack, print)


@settings(max_examples=100, suppress_health_check=list(HealthCheck))
@given(some.data())
def test_parts_of_any_size_give_the_same_bytes_as_lines_and_only_a_list_is_held_back(described, data):
    lines = [f"{line}\n".encode() for line in (PROGRESS, ODD, "", "junk\r", ASK)]
    listed = listing([TODAY]) + b"\n"
    early = data.draw(some.integers(0, len(b"".join(lines))))
    whole = b"".join(lines) + listed + b"".join(lines) + b"an end without a line feed"
    cuts = sorted({early, *data.draw(some.lists(some.integers(0, len(whole)), max_size=12)), len(whole)})
    overlay = Overlay(described, lambda _: None)
    stream = AnswerStream(overlay)
    sent, at = b"", 0
    for cut in cuts:
        sent += stream.feed(whole[at:cut]) if cut > at else b""
        at = cut
        if cut == early:
            assert sent == whole[:cut]
            ask(overlay)
    sent += stream.finish()
    assert sent == whole.replace(b'"The date."', b'"Tell today\'s date \\u201cthere\\u201d."').replace(
        b'"description": "A zone."', b'"description": "An IANA zone."'
    ).replace(b'"long": {', b'"long": {"description": "In words.", ')


class Piped:
    """A proxy in a thread, with this test as its client."""

    def __init__(self, serve):
        client_end, self.to_proxy = os.pipe()
        from_proxy, proxy_end = os.pipe()
        self.answers, self.error = os.fdopen(from_proxy, "rb"), None
        self.reading, writing = os.fdopen(client_end, "rb"), os.fdopen(proxy_end, "wb")

        def run():
            try:
                serve(self.reading, writing)
            except RunError as error:
                self.error = error
            finally:
                writing.close()

        self.thread = threading.Thread(target=run, daemon=True)
        self.thread.start()

    def send(self, *lines):
        os.write(self.to_proxy, "".join(f"{line}\n" for line in lines).encode())

    def read(self):
        return self.answers.readline().decode().rstrip("\n")

    def end(self):
        os.close(self.to_proxy)
        self.thread.join(20)
        assert not self.thread.is_alive()
        self.answers.close()
        self.reading.close()


SCRIPT = {
    "today": [PROGRESS, ODD],
    "prompts/get": [ERROR],
    "resources/list": [PRETTY],
    "tools/list": [ASK, listing([TODAY]).decode().replace('"id": 1', '"id": ID')],
}
LIST = '{"jsonrpc":"2.0","id":1,"method":"tools/list"}'


def through_stdio(overlay, tmp_path):
    (tmp_path / "script.json").write_text(json.dumps({**SCRIPT, "resources/list": ["not JSON at all"]}), "utf-8")
    command = [sys.executable, str(VERBATIM), str(tmp_path / "script.json"), str(tmp_path / "kept")]
    return Piped(lambda reading, writing: serve_command(command, overlay, reading, writing))


def test_lines_go_through_a_command_as_they_are_in_both_directions(overlay, tmp_path):
    proxy = through_stdio(overlay, tmp_path)
    prompt = '{"jsonrpc":"2.0","id":8,"method":"prompts/get","params":{"name":"p","n":1E5}}'
    proxy.send(CALL, prompt, '{"method":"resources/list","id":9}', LIST)
    assert [proxy.read() for _ in range(5)] == [PROGRESS, ODD, ERROR, "not JSON at all", ASK]
    assert descriptions(proxy.read())["today"] == "Tell today's date “there”."
    answer = '{"jsonrpc":"2.0","id":"srv-1","result":{"action":"accept","content":{"half":"\\ud83d","n":1.0}}}'
    proxy.send(answer)
    proxy.end()
    assert proxy.error is None
    assert (tmp_path / "kept").read_text("utf-8").splitlines()[:5] == [
        CALL, prompt, '{"method":"resources/list","id":9}', LIST, answer,
    ]  # fmt: skip


def test_a_server_that_ends_before_its_client_is_told_with_its_status(overlay):
    command = [sys.executable, "-c", "import sys; sys.stdin.readline(); sys.exit(3)"]
    proxy = Piped(lambda reading, writing: serve_command(command, overlay, reading, writing))
    proxy.send(CALL)
    assert proxy.read() == ""
    proxy.end()
    assert "the server ended before its client did (exit status 3)" in str(proxy.error)


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="reads the states of processes from /proc")
@pytest.mark.parametrize("way", ["end", "kill"])
def test_what_the_server_has_started_ends_with_the_proxy(described, tmp_path, way):
    script = f'sleep 300 & echo $! > "{tmp_path}/pid"; cat; sleep 301'
    proxy = subprocess.Popen(
        [STE, "pack", "serve", described.path, "--", "sh", "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    proxy.stdin.write(CALL.encode() + b"\n")
    proxy.stdin.flush()
    assert proxy.stdout.readline() == CALL.encode() + b"\n"
    pid = int((tmp_path / "pid").read_text("utf-8"))
    assert alive(pid)
    if way == "kill":
        proxy.send_signal(signal.SIGKILL)
    proxy.stdin.close()
    proxy.wait(20)
    proxy.stdout.close()
    until = time.monotonic() + 20
    while alive(pid) and time.monotonic() < until:
        time.sleep(0.02)
    assert not alive(pid)


@pytest.fixture
def http():
    """Starts a server over HTTP: its address, and the requests that it got with their headers."""
    started = []

    def start(kind):
        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.script, server.kept, server.kind = SCRIPT, [], kind
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        started.append(server)
        return f"http://127.0.0.1:{server.server_port}/mcp", server.kept

    yield start
    for server in started:
        server.shutdown()
        server.server_close()


HELLO = {
    "jsonrpc": "2.0", "id": 0, "method": "initialize",
    "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "c", "version": "1"}},
}  # fmt: skip


@pytest.mark.parametrize("kind", ["json", "events"])
def test_messages_go_through_a_url_as_they_are_in_both_directions(overlay, http, kind):
    from ste_graph.packs.proxy_url import serve_url

    url, kept = http(kind)
    proxy = Piped(lambda reading, writing: serve_url(url, {"x-key": "secret"}, overlay, reading, writing))
    hello = json.dumps(HELLO)
    proxy.send(hello)
    assert json.loads(proxy.read())["result"]["protocolVersion"] == "2025-06-18"
    initialized = '{"jsonrpc":"2.0","method":"notifications/initialized"}'
    proxy.send(initialized, CALL)
    wanted = [PROGRESS, ODD] if kind == "events" else [ODD]
    assert [proxy.read() for _ in wanted] == wanted
    prompt = '{"jsonrpc":"2.0","id":8,"method":"prompts/get","params":{"name":"p","n":1E5}}'
    proxy.send(prompt)
    assert proxy.read() == ERROR
    proxy.send('{"jsonrpc":"2.0","id":7,"method":"resources/list"}')
    # An event has no carriage return in it; both ends a line of one that is spread over several.
    got = proxy.read()
    assert got.split() == PRETTY.split()
    proxy.send(LIST)
    if kind == "events":
        assert proxy.read() == ASK
        answer = '{"jsonrpc":"2.0","id":"srv-1","result":{"action":"accept","content":{"half":"\\ud83d","n":1.0}}}'
        proxy.send(answer)
    assert descriptions(proxy.read())["today"] == "Tell today's date “there”."
    proxy.end()
    assert proxy.error is None
    lines = [line for line, _ in kept]
    assert {hello, initialized, CALL, prompt, LIST} <= set(lines)
    headers = kept[lines.index(CALL)][1]
    assert (headers["mcp-protocol-version"], headers["x-key"], headers["mcp-session-id"]) == (
        "2025-06-18", "secret", "session-7",
    )  # fmt: skip


def test_a_line_that_is_no_message_is_answered_as_such_before_a_url(overlay, http):
    from ste_graph.packs.proxy_url import serve_url

    proxy = Piped(lambda reading, writing: serve_url(http("json")[0], {}, overlay, reading, writing))
    proxy.send("[1, 2", "17")
    assert [json.loads(proxy.read())["error"]["code"] for _ in range(2)] == [-32700, -32700]
    proxy.end()


def test_a_url_without_a_server_answers_each_request_with_an_error(overlay):
    from ste_graph.packs.proxy_url import serve_url

    proxy = Piped(lambda reading, writing: serve_url("http://127.0.0.1:9/mcp", {}, overlay, reading, writing))
    proxy.send(CALL, '{"jsonrpc":"2.0","method":"notifications/initialized"}', CALL.replace("7", '"again"'))
    answers = [json.loads(proxy.read()) for _ in range(2)]
    proxy.end()
    assert proxy.error is None
    assert [answer["id"] for answer in answers] == [7, "again"]
    assert all("the server cannot be reached" in answer["error"]["message"] for answer in answers)


@asynccontextmanager
async def serving(way):
    """A server of the official SDK: how `ste` and its clients reach it, and the arguments of the proxy before it."""
    from mcp.client.stdio import StdioServerParameters, stdio_client

    command = [sys.executable, str(SERVERS / "modern.py")]
    if way == "command":
        yield (
            MCPTools(command=command[0], args=command[1:]),
            lambda: stdio_client(StdioServerParameters(command=command[0], args=command[1:])),
            ["--", *command],
        )
        return
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}/mcp"
    server = subprocess.Popen([*command, str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until = time.monotonic() + 60
        while time.monotonic() < until:
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                break
            await asyncio.sleep(0.05)
        yield MCPTools(url=url), lambda: url, ["--url", url]
    finally:
        server.kill()
        server.wait()


@pytest.mark.parametrize(("way", "mode"), [("command", "auto"), ("url", "auto"), ("url", "legacy")])
async def test_the_official_client_sees_the_adopted_description_and_all_else_as_the_server_has_it(make_pack, way, mode):
    from mcp import Client
    from mcp.client.stdio import StdioServerParameters, stdio_client

    async with serving(way) as (source, direct_way, arguments):
        definitions = {tool.name: ToolDefinition.of(tool) for tool in await source.open()}
        await source.close()
        new = ToolDescription(description="Sum up two numbers.", parameters={"a": "The first."})
        data = PackData(descriptions={"add": new}, definitions=definitions)
        pack = make_pack(data=data, forms=("descriptions",), tools=("add",))
        proxy = StdioServerParameters(command=str(STE), args=["pack", "serve", str(pack.path), *arguments])
        found = []
        for transport in (direct_way(), stdio_client(proxy)):
            async with Client(transport, mode=mode) as client:
                tools = {tool.name: tool.model_dump() for tool in (await client.list_tools()).tools}
                wanted = [("add", {"a": 2, "b": 3}), ("drop", {"name": "x"}), ("images/dot", {}), ("no", {})]
                calls = [await call(client, name, given) for name, given in wanted]
                found.append((client.protocol_version, calls, tools))
    (version, direct, own), (spoken, proxied, seen) = found
    assert spoken == version
    assert proxied == direct
    assert seen["add"]["description"] == "Sum up two numbers."
    assert seen["add"]["input_schema"]["properties"]["a"]["description"] == "The first."
    seen["add"]["description"] = own["add"]["description"]
    del seen["add"]["input_schema"]["properties"]["a"]["description"]
    assert seen == own


def speak(command, questions):
    """The lines that a server answers a client of the barest kind: JSON on lines, and nothing of an SDK."""
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as server:
        found = []
        for question in [HELLO, {"jsonrpc": "2.0", "method": "notifications/initialized"}, *questions]:
            server.stdin.write(json.dumps(question).encode() + b"\n")
            server.stdin.flush()
            while "id" in question:
                line = server.stdout.readline()
                assert line, server.stderr.read().decode()
                if json.loads(line).get("id") == question["id"]:
                    found.append(line)
                    break
        server.stdin.close()
    return found


@pytest.mark.parametrize("way", ["command", "url"])
async def test_a_client_of_another_make_gets_the_bytes_of_the_server_but_for_the_description(make_pack, way):
    wanted = [("add", {"a": 2, "b": 3}), ("drop", {"name": "\u2028x"}), ("images/dot", {}), ("no", {})]
    questions = [{"jsonrpc": "2.0", "id": 1, "method": "tools/list"}] + [
        {"jsonrpc": "2.0", "id": f"n{number}", "method": "tools/call", "params": {"name": name, "arguments": given}}
        for number, (name, given) in enumerate(wanted)
    ]
    async with serving(way) as (source, _, arguments):
        definitions = {tool.name: ToolDefinition.of(tool) for tool in await source.open()}
        await source.close()
        new = ToolDescription(description="Sum up two numbers.")
        pack = make_pack(data=PackData(descriptions={"add": new}, definitions=definitions), tools=("add",))
        command = [STE, "pack", "serve", pack.path, *arguments]
        hello, listed, *calls = await asyncio.to_thread(speak, command, questions)
    direct = [sys.executable, str(SERVERS / "modern.py")]
    own_hello, own_listed, *own_calls = await asyncio.to_thread(speak, direct, questions)
    assert calls == own_calls
    assert json.loads(hello)["result"]["serverInfo"] == json.loads(own_hello)["result"]["serverInfo"]
    before = definitions["add"].description
    assert listed == own_listed.replace(json.dumps(before).encode(), b'"Sum up two numbers."', 1)
    assert listed != own_listed


async def call(client, name, arguments):
    """The result of a call, or the error that it was answered with."""
    from mcp import MCPError

    try:
        return (await client.call_tool(name, arguments)).model_dump()
    except MCPError as error:
        return error.error.model_dump()


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ([], 2, "expected either the command that starts the server, after `--`, or --url"),
        (["--url", "http://localhost:1/mcp", "--", "cat"], 2, "expected either the command"),
        (["--", "no-such-server"], 2, "the server's program `no-such-server` was not found on PATH"),
        (["--", "./no/server"], 2, "the server's program `./no/server` does not exist"),
        (["--url", "localhost:8000"], 2, "`localhost:8000` is not the address of a server"),
        (["--header", "A=B", "--", "cat"], 2, "--header goes with --url"),
        (["--url", "http://localhost:1/mcp", "--header", "A=STE_UNSET"], 2, "the variable STE_UNSET is not set"),
        (["--url", "http://localhost:1/mcp", "--header", "A"], 2, "expected --header NAME=VARIABLE"),
    ],
)
def test_a_wrong_command_line_is_one_sentence(ste, described, arguments, code, said):
    result = ste("pack", "serve", described.path, *arguments)
    assert result.code == code
    assert said in result.err
    assert "Traceback" not in result.err


def test_a_torn_pack_or_one_that_was_not_adopted_is_not_served(ste, described, make_pack):
    (described.path / "descriptions.json").unlink()
    torn = ste("pack", "serve", described.path, "--", "cat")
    assert (torn.code, "this pack is torn" in torn.err) == (2, True)
    refused = ste("pack", "serve", make_pack("mine", adopted=False).path, "--", "cat")
    assert (refused.code, "nothing in this pack was adopted" in refused.err) == (2, True)
