"""The page on this machine's own address."""

import shutil
import socket
import threading

import httpx
import pytest

from ste_graph.errors import WorkflowError
from ste_graph.files.lock import FileLock
from ste_graph.report.server import PageServer

pytest.importorskip("altair", reason="the report extra is not installed")
pytest.importorskip("vl_convert", reason="the report extra is not installed")


@pytest.fixture
def half(quick_run, tmp_path):
    """A run of which one unit is done and the other's log is empty, and that unit's lines."""
    run = tmp_path / "run"
    shutil.copytree(quick_run, run)
    log = run / "units" / "days_between.jsonl"
    lines = log.read_text("utf-8")
    log.write_text("", "utf-8")
    return run, log, lines


@pytest.fixture
def serve():
    servers = []

    def start(run):
        server = PageServer(run, 0)
        servers.append(server)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return server

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def test_the_content_is_sent_again_only_when_the_run_has_changed(half, serve):
    run, log, lines = half
    address = serve(run).address
    first = httpx.get(f"{address}content")
    mark = first.headers["etag"]
    assert httpx.get(f"{address}content", params={"known": mark}).status_code == 204
    log.write_text(lines, "utf-8")
    second = httpx.get(f"{address}content", params={"known": mark})
    assert (second.status_code, second.headers["etag"] != mark) == (200, True)


def test_only_the_page_is_served_and_only_by_this_machines_name(half, serve):
    run, *_ = half
    address = serve(run).address
    page = httpx.get(address)
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "connect-src &#x27;self&#x27;" in page.text
    assert httpx.get(f"{address}workflow.lock.yaml").status_code == 404
    assert httpx.get(f"{address}../run/journal.jsonl").status_code == 404
    assert httpx.get(address, headers={"Host": "evil.example:80"}).status_code == 403


def test_a_port_that_is_taken_is_named(half):
    run, *_ = half
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(WorkflowError, match=f"port {port} cannot be used .*--port 0"):
            PageServer(run, port)


def test_a_run_at_work_is_said_to_be_running(half, serve):
    run, *_ = half
    with FileLock(run / ".writer"):
        assert "running: 1 of 2 units done" in httpx.get(serve(run).address).text
