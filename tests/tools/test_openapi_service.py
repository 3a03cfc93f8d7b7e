"""The HTTP side, against a real server: whom it reaches, what goes along, what is shown."""

import asyncio
import base64
import gzip
import json
import logging
import socket
import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest

from ste_graph.contracts import Observation
from ste_graph.tools.openapi.answer import MOST_BYTES
from ste_graph.tools.openapi.source import OpenAPITools
from ste_graph.tools.toolbox import Toolbox, ToolPolicy

TOKEN = 't0p s3cret/+&ü"key'


class Handler(BaseHTTPRequestHandler):
    """Echoes what came; some paths misbehave."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        self.server.requests.append((self.path, dict(self.headers)))
        parts = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        match parts.path:
            case "/to":
                self.answer(int(query.get("status", "302")), b"", {"Location": query["where"]})
            case "/again":
                self.answer(302, b"", {"Location": "/again"})
            case "/binary":
                self.answer(200, b"\x89PNG\r\n\x1a\n\0\0\xff" * 10, {"Content-Type": "image/png"})
            case "/latin":
                self.answer(200, "Straße".encode("latin-1"), {"Content-Type": "text/plain; charset=latin-1"})
            case "/broken-json":
                self.answer(200, b'{"a": ', {"Content-Type": "application/json"})
            case "/large":
                data = gzip.compress(b"x" * (MOST_BYTES * 3))
                self.answer(200, data, {"Content-Type": "text/plain", "Content-Encoding": "gzip"})
            case "/bad-gzip":
                self.answer(200, b"no gzip", {"Content-Encoding": "gzip"})
            case "/cookie":
                self.answer(200, self.headers.get("Cookie", "none").encode(), {"Set-Cookie": "seen=1; Path=/"})
            case "/gone":
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)
            case "/slow":
                self.server.stopped.wait(5)
                with suppress(BrokenPipeError):  # nobody waits for it any more
                    self.answer(200, b"late")
            case _:
                size = int(self.headers.get("Content-Length") or 0)
                echo = {"method": self.command, "path": self.path, "headers": dict(self.headers)}
                if size:
                    echo["body"] = self.rfile.read(size).decode()
                data = json.dumps(echo, indent=2).encode()
                self.answer(200, data, {"Content-Type": "application/json"})

    do_POST = do_GET
    do_HEAD = do_GET

    def answer(self, status, data, headers=()):
        self.send_response(status)
        for name, value in {"Content-Length": str(len(data)), **dict(headers)}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)


class Server(ThreadingHTTPServer):
    request_queue_size = 64


@pytest.fixture
def serve():
    servers = []

    def start():
        server = Server(("127.0.0.1", 0), Handler)
        server.requests, server.stopped = [], threading.Event()
        server.address = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.stopped.set()
        server.shutdown()
        server.server_close()


@pytest.fixture
async def opened(tmp_path):
    sources = []

    async def open_box(server, paths, **settings):
        spec = tmp_path / "spec.json"
        written = {"openapi": "3.1.0", "info": {}, "paths": paths}
        if server is not None:
            written["servers"] = [{"url": server.address}]
        spec.write_text(json.dumps(written), encoding="utf-8")
        sources.append(OpenAPITools(spec=str(spec), **settings))
        return Toolbox(await sources[-1].open(), ToolPolicy(allow=("write",), characters=10**6, timeout_s=2))

    yield open_box
    for source in sources:
        await source.close()


def paths(*names, **more):
    query = {"in": "query", "schema": {"type": "string"}}
    parameters = [{"name": "where", **query}, {"name": "status", **query}]
    node = {"get": {"parameters": parameters}, **more}
    return {
        f"/{name}": {method: {**op, "operationId": f"{method}_{name}"} for method, op in node.items()} for name in names
    }


async def test_a_call_without_an_answer_is_of_kind_transport(serve, opened):
    server = serve()
    box = await opened(server, paths("gone", "bad-gzip"))
    host = server.address.removeprefix("http://")
    gone = await box.call("get_gone", {})
    assert (gone.ok, gone.kind) == (False, "transport")
    assert gone.text == (f"No answer from {host}: RemoteProtocolError: Server disconnected without sending a response.")
    assert (await box.call("get_bad-gzip", {})).kind == "transport"
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{closed.getsockname()[1]}"
        box = await opened(None, paths("echo"), base_url=nobody)
        unreachable = await box.call("get_echo", {})
    assert (unreachable.kind, unreachable.text) == (
        "transport",
        f"No answer from {nobody.removeprefix('http://')}: ConnectError: All connection attempts failed",
    )


async def test_the_toolbox_ends_a_call_that_takes_too_long(serve, opened):
    box = await opened(serve(), paths("slow"))
    slow = await box.call("get_slow", {})
    assert (slow.kind, slow.text) == ("timeout", "`get_slow` did not answer within 2 s.")


async def test_bodies_are_compacted_decoded_described_or_cut(serve, opened):
    box = await opened(serve(), paths("binary", "latin", "broken-json", "large", "echo", head={}))
    assert (await box.call("get_binary", {})).text == "<110 bytes of image/png>"
    assert (await box.call("get_latin", {})).text == "Straße"
    assert (await box.call("get_broken-json", {})).text == '{"a": '
    assert (await box.call("get_echo", {})).text.startswith('{"method":"GET","path":"/echo","headers":{"Host":')
    large = await box.call("get_large", {})
    assert (large.ok, large.truncated, large.text.strip("x")[:3]) == (True, True, "\n[…")
    head = (await box.call("head_echo", {})).text.splitlines()
    assert head[:2] == ["HTTP 200 OK", "content-type: application/json"]


async def test_redirects_within_the_api_are_followed_up_to_five(serve, opened):
    server = serve()
    box = await opened(server, paths("to", "again", post={"requestBody": {"content": {"text/plain": {"schema": {}}}}}))
    moved = json.loads((await box.call("get_to", {"where": "/echo?a=1"})).text)
    assert (moved["method"], moved["path"]) == ("GET", "/echo?a=1")
    looping = await box.call("get_again", {})
    assert (looping.kind, looping.text) == ("tool_error", "Gave up after 5 redirects.")
    assert [path for path, _ in server.requests].count("/again") == 6


async def test_a_redirect_to_another_host_is_refused_unless_allowed_and_gets_no_secret(serve, opened, monkeypatch):
    server, other = serve(), serve()
    auth = {"bearer": TOKEN.replace("ü", "u")}
    settings = {"auth": auth, "headers": {"X-Team": "green team"}}
    box = await opened(server, paths("to"), **settings)
    refused = await box.call("get_to", {"where": f"{other.address}/echo"})
    place = other.address.removeprefix("http://")
    assert refused == Observation(
        ok=False,
        kind="refused",
        text=f'Not sent: http://{place} is not a server of this API. To allow it: allow_hosts: ["{place}"]',
        ms=refused.ms,
    )
    assert other.requests == []
    for where in ("file:///etc/hostname", "http://127.0.0.1:99999/", "//[::1]:1/"):
        assert (await box.call("get_to", {"where": where})).kind == "refused"
    box = await opened(server, paths("to"), **settings, allow_hosts=[place])
    assert (await box.call("get_to", {"where": f"{other.address}/echo"})).ok
    ((_, headers),) = other.requests
    assert not {"Authorization", "X-Team", "Cookie"} & headers.keys()
    assert server.requests[0][1]["Authorization"] == f"Bearer {auth['bearer']}"


@pytest.mark.parametrize(
    ("auth", "sent"),
    [
        ({"bearer": TOKEN}, ("Authorization", f"Bearer {TOKEN}")),
        ({"api_key": {"name": "X-Key", "in": "header", "value": TOKEN}}, ("X-Key", TOKEN)),
        (
            {"api_key": {"name": "key", "in": "query", "value": TOKEN}},
            ("path", "/echo?key=t0p%20s3cret%2F%2B%26%C3%BC%22key"),
        ),
        ({"api_key": {"name": "key", "in": "cookie", "value": TOKEN}}, ("Cookie", "key=t0p%20s3cret/+&%C3%BC%22key")),
        (
            {"basic": {"user": "ada lovelace", "password": TOKEN}},
            ("Authorization", "Basic " + base64.b64encode(f"ada lovelace:{TOKEN}".encode()).decode()),
        ),
    ],
)
async def test_secrets_reach_the_service_but_nothing_that_is_shown_or_logged(auth, sent, serve, opened, caplog):
    caplog.set_level(logging.INFO)
    server = serve()
    box = await opened(server, paths("echo", "to"), auth=auth)
    echoed = await box.call("get_echo", {})
    path, headers = server.requests[0]
    name, value = sent
    got = path if name == "path" else headers[name].encode("latin-1").decode()
    assert got == value
    assert "***" in echoed.text
    moved = await box.call("get_to", {"where": f"http://elsewhere.example/?key={TOKEN}"})
    (tool, *_) = box.tools.values()
    source = OpenAPITools(spec="spec.json", auth=auth, headers={"X-Other": TOKEN})
    for text in (echoed.text, moved.text, repr(tool), repr(source), str(source), caplog.text):
        for secret in (TOKEN, value.partition("=")[2] or value, "s3cret", "ada lovelace"):
            assert secret not in text


async def test_the_log_of_httpx_is_as_before_once_the_source_is_closed(serve, tmp_path, caplog):
    caplog.set_level(logging.INFO)
    before = list(logging.getLogger("httpx").filters)
    spec = tmp_path / "spec.json"
    server = serve()
    spec.write_text(json.dumps({"openapi": "3.0.0", "servers": [{"url": server.address}], "paths": paths("echo")}))
    source = OpenAPITools(spec=str(spec), auth={"bearer": "abcdefgh"})
    (tool,) = await source.open()
    await tool.call({"where": "abcdefgh"})
    assert f'HTTP Request: GET {server.address}/echo?where=*** "HTTP/1.1 200 OK"' in caplog.text
    await source.close()
    assert logging.getLogger("httpx").filters == before


async def test_a_parameter_that_the_settings_give_is_not_an_argument(serve, opened):
    key = {"name": "X-Key", "in": "header", "required": True, "schema": {"type": "string"}}
    team = {"name": "x-team", "in": "header", "required": True, "schema": {"type": "string"}}
    auth = {"api_key": {"name": "x-key", "in": "header", "value": "abcdefgh"}}
    node = {"/echo": {"get": {"operationId": "echo", "parameters": [key, team]}}}
    box = await opened(serve(), node, auth=auth, headers={"X-Team": "green"})
    assert box.tools["echo"].parameters["properties"] == {}
    headers = json.loads((await box.call("echo", {})).text)["headers"]
    assert (headers["x-key"], headers["X-Team"]) == ("***", "green")


async def test_no_call_depends_on_cookies_of_an_earlier_one(serve, opened):
    box = await opened(serve(), paths("cookie"))
    assert [(await box.call("get_cookie", {})).text for _ in range(2)] == ["none", "none"]


async def test_fifty_calls_at_once_are_all_answered(serve, opened):
    box = await opened(serve(), paths("echo"))
    answers = await asyncio.gather(*(box.call("get_echo", {"where": str(n)}) for n in range(50)))
    assert [json.loads(answer.text)["path"] for answer in answers] == [f"/echo?where={n}" for n in range(50)]


def test_a_source_may_be_used_in_one_event_loop_after_another(serve, tmp_path):
    spec = tmp_path / "spec.json"
    spec.write_text(json.dumps({"swagger": "2.0", "paths": paths("echo")}), encoding="utf-8")
    source = OpenAPITools(spec=str(spec), base_url=serve().address + "/")

    async def item() -> bool:
        (tool,) = await source.open()
        try:
            return (await tool.call({})).ok
        finally:
            await source.close()

    assert [asyncio.run(item()) for _ in range(2)] == [True, True]
