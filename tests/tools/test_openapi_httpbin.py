"""httpbin behind a real server: a Swagger 2.0 description that flasgger makes, without operation ids."""

import json
import threading

import pytest

from ste_graph.tools.openapi.source import OpenAPITools
from ste_graph.tools.toolbox import Toolbox, ToolPolicy

serving = pytest.importorskip("werkzeug.serving", reason="httpbin is served by werkzeug")
core = pytest.importorskip(
    "httpbin.core", reason="the service under test is httpbin with flasgger", exc_type=ImportError
)


@pytest.fixture(scope="module")
def address():
    server = serving.make_server("127.0.0.1", 0, core.app, threaded=True)
    server.RequestHandlerClass.log = lambda *_: None
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


async def opened(address, **settings) -> tuple[OpenAPITools, Toolbox]:
    source = OpenAPITools(spec=f"{address}/spec.json", base_url=address, **settings)
    return source, Toolbox(await source.open(), ToolPolicy(allow=("write", "destructive")))


async def test_every_operation_of_httpbin_is_a_tool(address):
    source, box = await opened(address)
    assert len(box.tools) > 70
    assert source.faults == ()
    assert {"get_get", "delete_delete", "get_status_codes", "get_basic-auth_user_passwd"} <= box.tools.keys()
    assert box.tools["post_post"].effect == "write"


async def test_httpbin_sees_what_was_sent(address):
    source, box = await opened(address)
    asked = await box.call("get_base64_value", {"value": "SFRUUEJJTiBpcyBhd2Vzb21l"})
    assert (asked.ok, asked.text) == (True, "HTTPBIN is awesome")
    teapot = await box.call("get_status_codes", {"codes": "418"})
    assert (teapot.kind, teapot.text.splitlines()[0]) == ("tool_error", "HTTP 418 I'M A TEAPOT")
    sent = await box.call("get_response-headers", {"freeform": "a,b"})
    assert json.loads(sent.text)["freeform"] == "a,b"
    image = await box.call("get_image_png", {})
    assert image.text == "<8,090 bytes of image/png>"
    zipped = await box.call("get_gzip", {})
    assert zipped.data["gzipped"] is True
    await source.close()


async def test_redirects_within_httpbin_are_followed_and_those_elsewhere_refused(address):
    source, box = await opened(address)
    assert json.loads((await box.call("get_redirect_n", {"n": 4})).text)["url"] == f"{address}/get"
    assert (await box.call("get_redirect_n", {"n": 9})).text == "Gave up after 5 redirects."
    away = await box.call("get_redirect-to", {"url": "http://169.254.169.254/latest", "status_code": 307})
    assert (away.kind, away.text) == (
        "refused",
        "Not sent: http://169.254.169.254:80 is not a server of this API. "
        'To allow it: allow_hosts: ["169.254.169.254:80"]',
    )
    await source.close()


async def test_httpbin_accepts_each_kind_of_auth(address):
    source, box = await opened(address, auth={"bearer": "an-unguessable-token"})
    assert (await box.call("get_bearer", {})).text == '{"authenticated":true,"token":"***"}'
    await source.close()
    source, box = await opened(address, auth={"basic": {"user": "ada@example.org", "password": "engine+1843"}})
    right = await box.call("get_basic-auth_user_passwd", {"user": "ada@example.org", "passwd": "engine+1843"})
    assert (right.ok, right.text) == (True, '{"authenticated":true,"user":"***"}')
    wrong = await box.call("get_basic-auth_user_passwd", {"user": "ada@example.org", "passwd": "other"})
    assert (wrong.ok, wrong.text) == (False, "HTTP 401 UNAUTHORIZED")
    await source.close()
