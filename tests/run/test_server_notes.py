"""The notes of a run on its model servers: in events, lock and summary; and what a resumed run knows at once."""

import json
from collections import Counter
from pathlib import Path
from threading import Thread

import pytest
import yaml

import ste_graph as ste
from ste_graph.cli.text.outcome import Outcome
from ste_graph.models.chat.adaptation import Adaptations
from ste_graph.models.gateway import Gateway
from ste_graph.redaction import Redactor
from ste_graph.run.context import Watcher
from ste_graph.run.logs.events import Events
from ste_graph.run.server_notes import LONGEST_WHY, RunNotes
from ste_graph.run.summary import Summary
from tests.servers.chat import Behaviour, ChatServer
from tests.servers.chat.facts import tell_slots
from tests.servers.chat.failures import Queue, first, limit_rate
from tests.servers.chat.refusals import refuse
from tests.servers.chat.replies import stay_silent
from tests.servers.chat.wordings import fail

WORKFLOW = """
dsl: 2
name: asking
params: {items: [one, two, three]}
models: {m: {use: openai, base_url: URL, model: tiny}}
nodes: {think: {use: chat, model: m, prompt: think.md, outputs: {text: maybe str}}}
graph:
  - map: item
    over: params.items
    do:
      - think
      - record: trial
        as: {query: item, steps: "[]", answer: think.text, solved: true}
"""

WHOLE = """
dsl: 2
name: whole
params: {sides: [a, b, c]}
graph:
  - map: side
    over: params.sides
    do:
      - run: asking.yaml
"""


class Listening(Watcher):
    """Keeps what a person would be told."""

    def __init__(self) -> None:
        self.messages: list[str] = []

    def message(self, text: str) -> None:
        self.messages.append(text)


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    defaults = {**(Gateway.__init__.__kwdefaults__ or {}), "wait_s": (0.001, 0.002)}
    monkeypatch.setattr(Gateway.__init__, "__kwdefaults__", defaults)


def run(folder: Path, server: ChatServer, watcher: Watcher | None = None) -> Summary:
    (folder / "asking.yaml").write_text(WORKFLOW.replace("URL", server.url))
    (folder / "think.md").write_text("Think of {{ item }}.")
    return ste.load(folder / "asking.yaml").run(out=folder / "run", watcher=watcher, concurrency=1)


def events(folder: Path, name: str) -> list[dict]:
    lines = (folder / "run/events.jsonl").read_text().splitlines()
    return [event for line in lines if (event := json.loads(line))["event"] == name]


def rows(summary: Summary) -> dict[str, str]:
    text = Outcome("asking", summary, solved=0, unclear=0).overview()
    return {name: rest.strip() for name, _, rest in (line.strip().partition("  ") for line in text.splitlines())}


def test_what_was_learnt_is_said_once_and_kept_in_the_lock(tmp_path):
    watcher = Listening()
    with ChatServer(refuse("seed")) as server:
        summary = run(tmp_path, server, watcher)
    assert (summary.failed, summary.servers.adaptations) == ({}, ["`seed` is not sent"])
    assert len([text for text in watcher.messages if "`seed` is not sent" in text]) == 1
    assert [event["what"] for event in events(tmp_path, "server")] == ["`seed` is not sent"]
    lock = yaml.safe_load((tmp_path / "run/workflow.lock.yaml").read_text())
    assert lock["adaptations"] == {f"tiny at {server.url}": {"unsent": ["seed"]}}
    assert rows(summary)["adapted"] == "`seed` is not sent"


def test_the_lock_keeps_what_the_server_told_of_itself_when_the_run_began(tmp_path):
    with ChatServer(tell_slots(2, 4096)) as server:
        run(tmp_path, server)
    lock = yaml.safe_load((tmp_path / "run/workflow.lock.yaml").read_text())
    assert lock["servers"] == {"m": {"context": 4096, "slots": 2}}


def test_a_run_that_is_taken_up_knows_at_once_what_was_learnt(tmp_path):
    broken = True

    def fail_second_item(request, proceed):
        return fail("nothing works", 401) if broken and "two" in str(request.body) else proceed(request)

    server = ChatServer(fail_second_item, refuse("seed"))
    with server:
        assert list(run(tmp_path, server).failed) == ["two"]
        broken, asked = False, len(server.requests)
        assert run(tmp_path, server).failed == {}
    assert ["seed" in body for body in server.bodies[asked:]] == [False]


@pytest.mark.parametrize(
    ("behaviour", "retries", "row"),
    [
        (limit_rate(2, "0"), {"too many requests (429)": 2}, "2 requests: 2 too many requests (429)"),
        (first(1, lambda _: fail("out of order")), {"server error (5xx)": 1}, "1 request: 1 server error (5xx)"),
        (stay_silent(1), {"empty reply": 1}, "1 request: 1 empty reply"),
    ],
)
def test_requests_made_again_are_counted_by_their_reason(tmp_path, behaviour: Behaviour, retries, row):
    with ChatServer(behaviour) as server:
        summary = run(tmp_path, server)
    assert (summary.failed, dict(summary.servers.retries)) == ({}, retries)
    assert Counter(event["reason"] for event in events(tmp_path, "retry")) == retries
    assert rows(summary)["tried again"] == row
    assert ste.open_run(tmp_path / "run").summary().servers == summary.servers


def test_empty_replies_are_counted_and_nothing_is_shown_of_what_did_not_happen(tmp_path):
    with ChatServer(stay_silent()) as server:
        summary = run(tmp_path, server)
    assert (summary.failed, summary.used.empty) == ({}, 3)
    assert rows(summary)["replies"] == "3 empty"
    assert "adapted" not in rows(summary)


def test_a_server_that_dies_for_good_fails_what_is_left_at_once_and_the_same_command_goes_on(tmp_path, monkeypatch):
    defaults = {**(Gateway.__init__.__kwdefaults__ or {}), "patience_s": 0.02}
    monkeypatch.setattr(Gateway.__init__, "__kwdefaults__", defaults)
    watcher = Listening()

    def leave_after_the_first(request, proceed):
        if request.is_chat and request.number == 1:
            Thread(target=request.server.stop).start()
            raise ConnectionAbortedError
        return proceed(request)

    with ChatServer(leave_after_the_first) as server:
        summary = run(tmp_path, server, watcher)
        assert (summary.done, list(summary.failed)) == (1, ["two", "three"])
        assert all("run again when it does, and the run goes on from here" in why for why in summary.failed.values())
        assert len([text for text in watcher.messages if "does not answer" in text]) == 1
        server.start()
        assert run(tmp_path, server).failed == {}
    assert len(server.requests) == 4


def test_an_overload_is_in_the_events_with_its_reason_and_in_the_summary_and_a_rise_is_in_the_events_only(tmp_path):
    items = {"params.items": [f"item{n}" for n in range(40)]}
    with ChatServer(Queue(64, seconds=0.01)) as server:
        (tmp_path / "asking.yaml").write_text(WORKFLOW.replace("URL", server.url))
        (tmp_path / "think.md").write_text("Think of {{ item }}.")
        summary = ste.load(tmp_path / "asking.yaml", set=items).run(out=tmp_path / "quiet")
    assert (summary.failed, summary.servers.remarks) == ({}, [])
    with ChatServer(Queue(2, seconds=0.01)) as server:
        (tmp_path / "asking.yaml").write_text(WORKFLOW.replace("URL", server.url))
        summary = ste.load(tmp_path / "asking.yaml", set=items).run(out=tmp_path / "run")
    assert summary.failed == {}
    changes = events(tmp_path, "concurrency")
    place = server.url.removesuffix("/v1")
    assert {key: value for key, value in changes[0].items() if key != "at"} == {
        "event": "concurrency", "server": place, "before": 4, "after": 2, "overload": True,
        "why": "503 the server is busy: so many requests are waiting that none can be added",
    }  # fmt: skip
    (remark,) = summary.servers.remarks
    assert remark.startswith(f"{place} was asked for too much at once (503 the server is busy")
    assert remark.endswith(f"at the end, {changes[-1]['after']} at a time")


def test_sub_workflows_share_the_limit_of_a_server(tmp_path):
    queue = Queue(64, seconds=0.02)
    (tmp_path / "whole.yaml").write_text(WHOLE)
    (tmp_path / "think.md").write_text("Think of {{ item }}.")
    with ChatServer(queue) as server:
        (tmp_path / "asking.yaml").write_text(WORKFLOW.replace("URL", server.url))
        summary = ste.load(tmp_path / "whole.yaml").run(out=tmp_path / "run", concurrency=3)
    assert (summary.failed, len(server.requests)) == ({}, 9)
    assert queue.most == 3


def test_a_reason_is_cut_only_after_its_secrets_are_struck_out(tmp_path) -> None:
    said: list[str] = []
    events = Events(tmp_path / "events.jsonl", Redactor(["sesame-open"]))
    notes = RunNotes(Adaptations(), events, said.append)
    notes.count_retry("m", "timeout", "x" * (LONGEST_WHY - 6) + "sesame-open")
    notes.remark("adapted", "the server refuses sesame-open")
    events.close()
    text = (tmp_path / "events.jsonl").read_text("utf-8")
    assert "sesa" not in text + "".join(said)
    assert said == ["the server refuses ***"]
