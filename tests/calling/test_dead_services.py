"""A service that no longer answers is not explored to its end: its units pause, and go on once it is there again."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

import ste_graph as ste
from ste_graph.contracts import Observation
from ste_graph.errors import NoAnswerError
from ste_graph.tools.outages import Outages

WORKFLOWS = Path(__file__).parents[2] / "workflows"
PARAMETER = {"name": "city", "in": "query", "schema": {"type": "string"}, "required": True}


class Weather(BaseHTTPRequestHandler):
    """Answers each request."""

    def do_GET(self):
        data = b'{"sky": "clear"}'
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


@pytest.fixture
def service():
    """A service that is bound to a port but serves only once it is told to."""
    http = ThreadingHTTPServer(("127.0.0.1", 0), Weather, bind_and_activate=False)
    http.server_bind()
    yield http
    http.server_close()


def spec(folder: Path, port: int, *names: str) -> str:
    paths = {
        f"/{name}": {"get": {"operationId": name, "summary": f"The {name} of a city.", "parameters": [PARAMETER]}}
        for name in names
    }
    path = folder / "weather.json"
    about = {"openapi": "3.1.0", "info": {"title": "w", "version": "1"}}
    path.write_text(json.dumps({**about, "servers": [{"url": f"http://127.0.0.1:{port}"}], "paths": paths}))
    return str(path)


def test_a_dead_service_pauses_its_units_after_three_calls_and_they_go_on_when_it_answers(tmp_path, service):
    changes = {
        "tools": [{"use": "openapi", "spec": spec(tmp_path, service.server_port, "sky", "wind")}],
        "params": {"episodes": 2, "trials": 2, "turns": 2},
    }
    workflow = ste.load(WORKFLOWS / "quickstart.yaml", set=changes)
    summary = workflow.run(out=tmp_path / "run")
    assert summary.done == 0
    assert sorted(summary.failed) == ["sky", "wind"]
    assert summary.calls["transport"] <= 2 * 2
    first, second = summary.failed["sky"], summary.failed["wind"]
    assert "paused: 3 calls in a row got no answer from the server of `sky` (`limits.unanswered`): No answer" in first
    assert "note: once it answers again, the same command goes on with this unit" in first
    assert "paused: " in second
    service.server_activate()
    threading.Thread(target=service.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    summary = workflow.run(out=tmp_path / "run")
    service.shutdown()
    assert (summary.done, summary.failed) == (2, {})
    assert summary.calls["ok"] > 0


class Served:
    """A tool of a server."""

    name = "look"

    def __init__(self, backend: object | None) -> None:
        self.backend = backend


def seen(kind: str) -> Observation:
    return Observation(ok=kind == "ok", kind=kind, text="No answer" if kind == "transport" else "")


def notes(unit, tool, *kinds: str) -> bool:
    """True if the unit goes on after calls that ended so."""
    try:
        for kind in kinds:
            unit.note(tool, seen(kind))
    except NoAnswerError:
        return False
    return True


@pytest.mark.parametrize(
    ("kinds", "goes_on"),
    [
        (["transport"] * 2, True),
        (["transport"] * 3, False),
        (["transport", "transport", "ok", "transport", "transport"], True),
        (["transport", "transport", "tool_error", "transport", "transport"], True),
        (["transport", "timeout", "transport", "timeout", "transport"], False),
        (["timeout"] * 9, True),
    ],
)
def test_only_calls_without_an_answer_in_a_row_pause_a_unit(kinds, goes_on):
    assert notes(Outages(3).watch_unit(), Served(object()), *kinds) == goes_on


def test_other_units_pause_at_once_until_the_server_has_answered_again():
    outages, tool = Outages(3), Served(object())
    assert not notes(outages.watch_unit(), tool, *["transport"] * 3)
    assert not notes(outages.watch_unit(), tool, "transport")
    assert notes(outages.watch_unit(), Served(object()), "transport")
    assert notes(outages.watch_unit(), tool, "ok")
    assert notes(outages.watch_unit(), tool, "transport", "transport")


def test_tools_without_a_server_and_runs_without_a_limit_never_pause():
    assert notes(Outages(3).watch_unit(), Served(None), *["transport"] * 9)
    assert notes(Outages(0).watch_unit(), Served(object()), *["transport"] * 9)
