"""The trace of a run: live at a collector and afterwards from the files, with one identity."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

import ste_graph
from ste_graph.exports.otlp.live import SENT_FILE
from ste_graph.run.context import Watcher
from tests.exports.receiver import Taken, read_json, receive

SECRET = "sk-planted-4711-secret"


class Listening(Watcher):
    def __init__(self) -> None:
        self.messages: list[str] = []

    def message(self, text: str) -> None:
        self.messages.append(text)


def path_of(span: Taken, spans: dict[str, Taken]) -> list[str]:
    """The names from the root to a span."""
    names = [span.name]
    while span.parent is not None:
        span = spans[span.parent]
        names.insert(0, span.name)
    return names


def exported(ste, run: Path) -> dict[str, dict]:
    file = run.with_suffix(".json")
    done = ste("export", run, "--form", "otlp", "--out", file)
    assert done.code == 0, done.err
    return {span["spanId"]: span for span in read_json(file.read_text("utf-8"))}


def test_a_run_is_one_tree_of_run_unit_pass_node_and_request(tiny, tmp_path, collector):
    watcher = Listening()
    summary = ste_graph.load(tiny).run(tmp_path / "run", watcher=watcher)
    assert summary.complete
    assert summary.remarks == []
    assert watcher.messages[0] == (
        f"spans go to {collector.url}, which OTEL_EXPORTER_OTLP_ENDPOINT names, without message content"
    )
    spans = collector.by_id
    assert len({span.trace for span in collector.spans}) == 1
    assert len(collector.spans) == len(spans) == 1 + 3 * (1 + 3 * (1 + 1 + 1 + 1))
    paths = {tuple(path_of(span, spans)) for span in spans.values()}
    turn = ("invoke_workflow tiny", "item two", "turn 1")
    assert {turn, (*turn, "think"), (*turn, "think", "chat answering"), (*turn, "record trial")} <= paths
    for span in spans.values():
        assert span.start <= span.end
        if span.parent is not None:
            assert spans[span.parent].start <= span.start
    chat = next(span for span in spans.values() if span.name == "chat answering")
    assert chat.kind == 3
    assert chat.attributes == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "answering.Answering",
        "gen_ai.request.model": "answering",
        "ste.model": "model",
    }
    assert {resource["service.name"] for resource in collector.resources} == {"ste-graph"}


def test_live_spans_and_those_from_the_files_are_the_same(tiny, tmp_path, collector, ste):
    ste_graph.load(tiny).run(tmp_path / "run")
    later = exported(ste, tmp_path / "run")
    assert collector.by_id.keys() == later.keys()
    for id, span in collector.by_id.items():
        other = later[id]
        assert (span.trace, span.parent, span.name) == (other["traceId"], other.get("parentSpanId"), other["name"])
        assert (span.start, span.end) == (int(other["startTimeUnixNano"]), int(other["endTimeUnixNano"]))
    for more in ([], ["--endpoint", collector.url]):
        done = ste("export", tmp_path / "run", "--form", "otlp", *more)
        assert done.out == f"{len(later)} spans sent to {collector.url}\n"
    assert collector.by_id.keys() == later.keys()


def test_a_killed_and_resumed_run_is_one_whole_trace_and_nothing_is_sent_again(tiny, tmp_path, collector, ste):
    changes = {"params.turns": 12, "models.model.seconds": 0.05}
    code = f"import ste_graph; ste_graph.load({str(tiny)!r}, set={changes!r}).run({str(tmp_path / 'run')!r})"
    process = subprocess.Popen([sys.executable, "-c", code], env=os.environ, stderr=subprocess.PIPE)
    try:
        collector.wait_for(lambda receiver: len(receiver.spans) >= 9)
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()
    before = len(collector.spans)
    assert not any(span.name in ("item one", "invoke_workflow tiny") for span in collector.spans)
    assert ste_graph.load(tiny, set=changes).run(tmp_path / "run").complete
    later = exported(ste, tmp_path / "run")
    assert len(later) > before
    assert collector.by_id.keys() == later.keys()
    assert {span.trace for span in collector.spans} == {span["traceId"] for span in later.values()}
    assert all(span.parent is None or span.parent in later for span in collector.spans)
    # What was on its way when the process died may come twice, under the same ids.
    assert len(collector.spans) - len(later) <= before


def test_a_run_that_is_taken_up_when_it_is_complete_sends_nothing_again(tiny, tmp_path, collector):
    ste_graph.load(tiny).run(tmp_path / "run")
    sent = len(collector.spans)
    assert ste_graph.load(tiny).run(tmp_path / "run").complete
    assert len(collector.spans) == sent
    assert collector.url not in (tmp_path / "run" / SENT_FILE).read_text("utf-8")


def test_messages_leave_only_where_the_standard_variable_asks_and_secrets_never(
    tiny, tmp_path, collector, monkeypatch, ste
):
    monkeypatch.setenv("PLANTED_KEY", SECRET)
    (tmp_path / "think.md").write_text(f"Think of {SECRET} and {{{{ item }}}}.", "utf-8")
    own = {"models.model.api_key": {"env": "PLANTED_KEY"}, "params.items": ["one", "a b c " * 40]}
    ste_graph.load(tiny, set=own).run(tmp_path / "plain")
    plain = b"".join(collector.bodies)
    assert b"Think of" not in plain
    assert b"said " not in plain
    assert b"a b c" not in plain
    monkeypatch.setenv("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", "true")
    watcher = Listening()
    ste_graph.load(tiny, set=own).run(tmp_path / "whole", watcher=watcher)
    assert "with message content, as OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT asks" in watcher.messages[0]
    chats = [
        span for span in collector.spans if span.name.startswith("chat") and "gen_ai.input.messages" in span.attributes
    ]
    asked = json.loads(chats[0].attributes["gen_ai.input.messages"])
    assert asked[0]["role"] == "user"
    assert asked[0]["parts"][0]["content"].startswith("Think of ")
    said = json.loads(chats[0].attributes["gen_ai.output.messages"])
    assert said[0]["parts"][0]["content"].startswith("said ")
    everything = b"".join(collector.bodies) + json.dumps(exported(ste, tmp_path / "whole")).encode()
    assert SECRET.encode() not in everything
    assert b"Think of *** and one" in everything
    assert str(tmp_path).encode() not in everything


@pytest.fixture
def silent(monkeypatch):
    """A collector that takes connections and never answers."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(50)
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{listening.getsockname()[1]}")
        yield


@pytest.fixture
def closed(monkeypatch):
    """An address where nothing listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{taken.getsockname()[1]}")
        yield


@pytest.mark.parametrize("dead", ["silent", "closed"])
def test_a_dead_collector_neither_ends_nor_slows_a_run_and_the_files_keep_its_spans(
    dead, request, tiny, tmp_path, collector, monkeypatch, ste
):
    ended = []
    monkeypatch.setattr(Listening, "unit_end", lambda *_: ended.append(time.monotonic()))
    own = {"models.model.seconds": 0.02}
    request.getfixturevalue(dead)
    summary = ste_graph.load(tiny, set=own).run(tmp_path / "run", watcher=Listening())
    assert time.monotonic() - ended[-1] < 2  # an attempt of the exporter alone takes 10 s
    assert summary.complete
    assert len(summary.remarks) == 1
    assert "the run's files have them: ste export RUN --form otlp" in summary.remarks[0]
    assert not (tmp_path / "run" / SENT_FILE).exists()
    assert ste("export", tmp_path / "run", "--form", "otlp", "--endpoint", collector.url).code == 0
    assert len(collector.by_id) == 1 + 3 * (1 + 3 * 4)


def test_a_collector_that_comes_back_gets_what_it_missed(tiny, tmp_path, closed, ste):
    ste_graph.load(tiny).run(tmp_path / "run")
    with receive() as receiver, pytest.MonkeyPatch.context() as patch:
        patch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.url)
        assert ste_graph.load(tiny).run(tmp_path / "run").complete
        assert receiver.by_id.keys() == exported(ste, tmp_path / "run").keys()


def test_without_a_collector_the_spans_are_printed_as_json(tiny, tmp_path, collector, monkeypatch, ste):
    monkeypatch.delenv("OTEL_EXPORTER_OTLP_ENDPOINT")
    assert ste_graph.load(tiny).run(tmp_path / "run").complete
    done = ste("export", tmp_path / "run", "--form", "otlp")
    assert len(read_json(done.out)) == 40
    assert done.err == "40 spans (OTLP/JSON)\n"
    assert collector.spans == []


def test_a_unit_that_failed_is_an_error_until_it_is_done(tiny, tmp_path, collector, ste):
    (tmp_path / "broken").touch()
    own = {"models.model.fails_on": "two, turn 1", "models.model.broken": str(tmp_path / "broken")}
    summary = ste_graph.load(tiny, set=own).run(tmp_path / "run")
    assert list(summary.failed) == ["two"]
    units = {span.name: span for span in collector.spans if span.name.startswith("item")}
    assert {name: span.error for name, span in units.items()} == {
        "item one": False,
        "item two": True,
        "item three": False,
    }
    assert "exception" in units["item two"].events
    assert any(span.name == "invoke_workflow tiny" for span in collector.spans)
    (tmp_path / "broken").unlink()
    ste_graph.load(tiny, set=own).run(tmp_path / "run")
    assert collector.by_id.keys() == exported(ste, tmp_path / "run").keys()
    assert not collector.by_id[units["item two"].id].error


def test_a_part_hangs_in_the_step_that_ran_it(distilled_run, ste):
    spans = exported(ste, distilled_run)
    assert len({span["traceId"] for span in spans.values()}) == 1
    roots = [span["name"] for span in spans.values() if "parentSpanId" not in span]
    assert roots == ["invoke_workflow chain"]
    assert {span["parentSpanId"] for span in spans.values() if "parentSpanId" in span} <= spans.keys()
    part = next(span for span in spans.values() if span["name"] == "invoke_workflow quickstart")
    step = spans[part["parentSpanId"]]
    assert step["name"] == "explore"
    assert spans[spans[step["parentSpanId"]]["parentSpanId"]]["name"] == "invoke_workflow chain"
    tool = next(span for span in spans.values() if span["name"].startswith("execute_tool"))
    assert spans[tool["parentSpanId"]]["name"] == "observe"
    assert str(distilled_run.parent) not in json.dumps(list(spans.values()))


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "localhost:4318"}, "is not the address of a collector; expected one like"),
        ({"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, "spans are sent over HTTP alone; set it to http/protobuf"),
    ],
)
def test_a_wrong_variable_is_said_and_the_run_goes_on(variables, said, tiny, tmp_path, collector, monkeypatch):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    watcher = Listening()
    assert ste_graph.load(tiny).run(tmp_path / "run", watcher=watcher).complete
    assert said in watcher.messages[0]
    assert collector.spans == []


def test_a_missing_package_is_named_and_the_run_goes_on(tiny, tmp_path, collector, monkeypatch, ste):
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    watcher = Listening()
    assert ste_graph.load(tiny).run(tmp_path / "run", watcher=watcher).complete
    assert "pip install 'ste-graph[otel]'" in watcher.messages[0]
    done = ste("export", tmp_path / "run", "--form", "otlp")
    assert done.code == 2
    assert "pip install 'ste-graph[otel]'" in done.err


@pytest.mark.parametrize("off", [{"OTEL_SDK_DISABLED": "true"}, {"OTEL_TRACES_EXPORTER": "none"}])
def test_without_a_named_collector_or_switched_off_nothing_is_said_or_sent(off, tiny, tmp_path, collector, monkeypatch):
    for name, value in off.items():
        monkeypatch.setenv(name, value)
    watcher = Listening()
    assert ste_graph.load(tiny).run(tmp_path / "run", watcher=watcher).complete
    assert not any("span" in message for message in watcher.messages)
    assert collector.spans == []


def test_wrong_command_lines_are_refused_with_a_way_out(tiny, tmp_path, collector, closed, ste):
    run = tmp_path / "run"
    assert ste_graph.load(tiny).run(run).complete
    dead = os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"]
    for arguments, code, said in (
        (["--form", "otlpp"], 2, "there is no form `otlpp`; did you mean `otlp`? forms: inspect, messages, otlp"),
        (["--form", "otlp", "--endpoint", "nowhere"], 2, "is not the address of a collector"),
        (["--form", "otlp", "--endpoint", dead], 1, "nothing answers at"),
        (["--form", "otlp"], 1, "nothing answers at"),
        (["--form", "otlp", "--split", "train"], 2, "does not go with `--form otlp`"),
        (["--form", "messages", "--endpoint", dead], 2, "does not go with `--form messages`"),
        (["--form", "otlp", "--endpoint", dead, "--out", "x"], 2, "give one"),
    ):
        done = ste("export", run, *arguments)
        assert (done.code, said in " ".join(done.err.split())) == (code, True), done.err


def test_passes_side_by_side_and_compressed_logs_give_the_same_trace_live_and_later(tiny, tmp_path, collector, ste):
    from ste_graph.files.compressed import compress

    text = tiny.read_text("utf-8").replace("times: params.turns", "times: params.turns\n        parallel: 3")
    tiny.write_text(
        text.replace(", transcript: talk", "").replace("memory: {talk: {use: transcript, lives: item}}\n", "")
    )
    assert ste_graph.load(tiny, set={"models.model.seconds": 0.01}).run(tmp_path / "run").complete
    later = exported(ste, tmp_path / "run")
    assert collector.by_id.keys() == later.keys()
    assert len(collector.spans) == len(later) == 1 + 3 * (1 + 3 * 4)
    for log in (tmp_path / "run" / "units").iterdir():
        compress(log)
    assert exported(ste, tmp_path / "run") == later


def test_parts_in_loops_of_units_are_traced_live_in_the_steps_that_ran_them(tiny, tmp_path, collector, ste):
    outer = tmp_path / "outer.yaml"
    outer.write_text(
        "dsl: 2\nname: outer\nparams: {sides: [left, right], again: 2}\ngraph:\n"
        "  - map: side\n    over: params.sides\n    do:\n"
        "      - repeat: round\n        times: params.again\n        do:\n"
        "          - run: tiny.yaml\n            name: inner\n            with: {params.turns: params.again}\n",
        "utf-8",
    )
    summary = ste_graph.load(outer).run(tmp_path / "run")
    assert summary.complete, summary.failed
    assert summary.remarks == []
    spans = collector.by_id
    assert spans.keys() == exported(ste, tmp_path / "run").keys()
    assert len(collector.spans) == len(spans)
    inner = [path_of(span, spans) for span in spans.values() if span.name == "invoke_workflow tiny"]
    assert sorted(inner) == [
        ["invoke_workflow outer", f"side {side}", f"round {number}", "inner", "invoke_workflow tiny"]
        for side in ("left", "right") for number in (0, 1)
    ]  # fmt: skip
