"""`protocol: auto` and what `ste doctor` has found: from the cache to the lock, the requests, and what is said."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

import ste_graph
from ste_graph.errors import RunError
from ste_graph.models.findings import ServerFindings, find_findings, keep_findings
from ste_graph.run.context import Watcher
from tests.conftest import CommandResult
from tests.servers.chat import Behaviour, ChatServer
from tests.servers.chat.replies import promise_calls

WORKFLOW = """
dsl: 2
name: asking
models:
  actor: {use: openai, base_url: {env: CHAT_URL}, model: tiny, temperature: 0.0}
tools: [{use: python, module: tools.py}]
memory: {talk: {use: transcript, lives: tool}}
nodes:
  imagine: {use: imagine, model: actor, prompt: imagine.md, transcript: talk}
  call:    {use: call,    model: actor, prompt: call.md,    transcript: talk, protocol: auto}
  observe: {use: observe}
graph:
  - map: tool
    over: tools
    do:
      - repeat: trial
        times: 2
        do:
          - imagine
          - call
          - {repeat: turn, while: not call.finished, at_most: 2, do: [observe, call]}
          - record: trial
            as: {query: imagine.query, steps: {each: [call, observe]}, answer: call.answer, solved: "False"}
"""
TOOLS = '''
import ste_graph as ste


@ste.tool(effect="read")
def add(n: int) -> int:
    """Add."""
    return n
'''
FILES = {
    "workflow.yaml": WORKFLOW,
    "tools.py": TOOLS,
    "imagine.md": "Imagine for {{ tool.name }}.\nUser Query:",
    "call.md": (
        "{% if observe.text is none %}Do: {{ imagine.query }}{% else %}Observation: {{ observe.text }}{% endif %}"
    ),
}
Serve = Callable[..., ChatServer]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text, "utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("STE_CACHE", str(tmp_path / "cache"))
    return tmp_path


@pytest.fixture
def serve(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    running: list[ChatServer] = []

    def start(*behaviours: Behaviour) -> ChatServer:
        server = ChatServer(*behaviours)
        server.start()
        running.append(server)
        monkeypatch.setenv("CHAT_URL", server.url)
        return server

    yield start
    for server in running:
        server.__exit__()


class Listening(Watcher):
    """Keeps what a person would be told."""

    def __init__(self) -> None:
        self.messages: list[str] = []

    def message(self, text: str) -> None:
        self.messages.append(text)


def run(folder: Path, name: str = "run", **changes: Any) -> list[str]:
    """The sentences about `protocol: auto` of a run in the folder `name`."""
    watcher = Listening()
    ste_graph.load(folder / "workflow.yaml", set=changes).run(folder / name, watcher=watcher)
    return [text for text in watcher.messages if "protocol: auto" in text]


def forms(folder: Path, name: str = "run") -> list[str]:
    """The forms in which calls were asked for."""
    lines = (folder / name / "journal.jsonl").read_text("utf-8").splitlines()
    return [step["form"] for line in lines for step in json.loads(line)["steps"]]


def lock(folder: Path, name: str = "run") -> Any:
    return yaml.safe_load((folder / name / "workflow.lock.yaml").read_text("utf-8"))


def test_a_run_begins_with_the_form_that_doctor_found_and_says_so(
    folder: Path, serve: Serve, ste: Callable[..., CommandResult]
) -> None:
    server = serve(promise_calls())  # calls get lost at this server
    examined = ste("doctor", "workflow.yaml", "--quick")
    assert "# nodes with `protocol: auto` begin with `json` here from now on" in examined.out, examined
    before = len(server.bodies)
    (said,) = run(folder)
    assert said.startswith(
        "`protocol: auto` of `call` begins with `json`, which `ste doctor` found to work with `tiny` at "
        f"{server.url} on 2"
    )
    assert set(forms(folder)) == {"json"}
    assert not any(body.get("tools") for body in server.bodies[before:])
    assert lock(folder)["servers"]["actor"]["protocol"] == "json"
    events = map(json.loads, (folder / "run" / "events.jsonl").read_text("utf-8").splitlines())
    assert [event["text"] for event in events if event.get("kind") == "protocol"] == [said]


def test_without_findings_the_form_is_found_out_and_that_is_said(folder: Path, serve: Serve) -> None:
    server = serve()
    (said,) = run(folder)
    assert said == (
        f"`protocol: auto` of `call` begins with `native`, as nothing is known of `tiny` at {server.url}; `ste doctor` "
        "finds out which form works"
    )
    assert set(forms(folder)) == {"native"}


def test_a_form_that_is_set_is_nobodys_concern(folder: Path, serve: Serve) -> None:
    server = serve()
    keep_findings(ServerFindings(model="tiny", server=server.url, protocol="json"))
    assert run(folder, **{"nodes.call.protocol": "react"}) == []
    assert set(forms(folder)) == {"react"}
    assert "actor" not in lock(folder)["servers"]


def test_a_run_that_is_taken_up_keeps_the_form_that_it_began_with(folder: Path, serve: Serve) -> None:
    server = serve()
    keep_findings(ServerFindings(model="tiny", server=server.url, protocol="json"))
    run(folder, **{"budget.model_calls": 3})
    keep_findings(ServerFindings(model="tiny", server=server.url, protocol="react"))
    (said,) = run(folder)
    assert "begins with `json`" in said
    assert set(forms(folder)) == {"json"}
    run(folder, "later")
    assert set(forms(folder, "later")) == {"react"}


def test_a_replay_begins_as_the_recorded_run_did_wherever_it_is_made(folder: Path, serve: Serve) -> None:
    server = serve()
    keep_findings(ServerFindings(model="tiny", server=server.url, protocol="json"))
    run(folder, **{"cassette": {"path": "tape", "mode": "record"}})
    server.stop()
    shutil.rmtree(folder / "cache")
    (said,) = run(folder, "again", **{"cassette": {"path": "tape", "mode": "replay"}})
    assert "begins with `json`" in said
    assert forms(folder, "again") == forms(folder)
    assert (folder / "again" / "journal.jsonl").read_text() != ""


def test_findings_are_those_of_one_server_and_model_and_the_latest_count(folder: Path) -> None:
    known = keep_findings(ServerFindings(model="tiny", server="http://a/v1", protocol="native"))
    assert find_findings("tiny", "http://a/v1") == known
    later = keep_findings(known.model_copy(update={"protocol": "react"}))
    assert find_findings("tiny", "http://a/v1") == later
    assert find_findings("tiny", "http://b/v1") is find_findings("large", "http://a/v1") is None
    known.path.write_text("{", "utf-8")
    assert find_findings("tiny", "http://a/v1") is None
    known.path.write_text(json.dumps({**known.model_dump(), "protocol": "xml"}), "utf-8")
    assert find_findings("tiny", "http://a/v1") is None


def test_findings_that_cannot_be_kept_cost_nothing_but_a_sentence(
    folder: Path, serve: Serve, ste: Callable[..., CommandResult]
) -> None:
    (folder / "cache").write_text("a file, and no folder")
    with pytest.raises(RunError, match="cannot be written"):
        keep_findings(ServerFindings(model="tiny", server="", protocol="json"))
    serve()
    examined = ste("doctor", "workflow.yaml", "--quick")
    assert (examined.code, "runs will not know what was found" in examined.err) == (0, True)
