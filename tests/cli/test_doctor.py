"""`ste doctor`: whom it asks, what it prints, and the lines to paste."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

import ste_graph
from tests.servers.chat import Behaviour, ChatServer
from tests.servers.chat.failures import show_page
from tests.servers.chat.refusals import limit_context, refuse, refuse_format, refuse_key
from tests.servers.chat.replies import leak_calls, promise_calls, stay_silent, think_only

WORKFLOW = """
dsl: 2
name: asked
models:
  main: {use: openai, base_url: {env: CHAT_URL}, model: tiny, api_key: {env: CHAT_KEY}, timeout_s: 5}
  explorer: {like: main, temperature: 0.7, max_tokens: 200}
  judge: {like: main, temperature: 0.0}
  spare: {use: simulated}
tools: [{use: python, module: tools.py}]
memory: {talk: {use: transcript, lives: tool}}
nodes:
  imagine: {use: imagine, model: explorer, prompt: imagine.md, transcript: talk}
  call:    {use: call,    model: explorer, prompt: call.md,    transcript: talk}
  observe: {use: observe}
  reflect: {use: reflect, model: judge,    prompt: reflect.md, transcript: talk}
graph:
  - map: tool
    over: tools
    do:
      - repeat: trial
        times: 4
        do: [imagine, call, {repeat: turn, while: not call.finished, at_most: 4, do: [observe, call]}, reflect]
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
    "call.md": "{% if observe.text is none %}Do: {{ imagine.query }}{% else %}{{ observe.text }}{% endif %}",
    "reflect.md": 'Fulfilled? Respond with "Yes" or "No".',
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text, "utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CHAT_KEY", "hunter2-hunter2")
    monkeypatch.setenv("STE_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    return tmp_path


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch, folder: Path) -> Iterator[object]:
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


def test_the_models_of_a_workflow_are_asked_once_per_server_and_name(ste, serve):
    server = serve()
    result = ste("doctor", "workflow.yaml", "--quick")
    assert (result.code, result.err) == (0, "")
    assert result.out.splitlines()[0] == f"explorer, judge: tiny at {server.url}"
    assert result.out.count("  server ") == 1


def test_the_lines_to_paste_make_the_same_models_and_hold_no_secret(ste, serve, folder):
    server = serve(refuse("seed"), leak_calls("tool_call"))
    (row,) = json.loads(ste("doctor", "workflow.yaml", "--quick", "--format", "json").out)["models"]
    pasted = yaml.safe_load(row["yaml"])
    key, address = {"env": "CHAT_KEY"}, {"env": "CHAT_URL", "default": server.url}
    assert pasted["models"] == {
        "main": {"use": "openai", "api_key": key, "timeout_s": 5.0, "base_url": address, "model": "tiny"},
        "explorer": {"like": "main", "temperature": 0.7, "max_tokens": 200},
        "judge": {"like": "main", "temperature": 0.0},
    }
    assert pasted["variants"] == {"this-server": {"nodes.call.protocol": "native"}}
    assert "# seed: refused, so not sent" in row["yaml"]
    assert "hunter2" not in row["yaml"]
    changed = "extends: workflow.yaml\nname: changed\n" + row["yaml"]
    (folder / "changed.yaml").write_text(changed, "utf-8")
    fitted = ste_graph.load(folder / "changed.yaml", variant="this-server").workflow
    assert fitted.models == ste_graph.load(folder / "workflow.yaml").workflow.models
    assert fitted.nodes["call"].settings["protocol"] == "native"


@pytest.mark.parametrize(
    ("behaviours", "line"),
    [
        ([promise_calls()], "nodes.call.protocol: json"),
        ([leak_calls("mistral")], "# tool call: left in the text by the server, as [TOOL_CALLS]; it is read there"),
        ([refuse("stop")], "# stop: refused, so not sent: replies are cut here"),
        ([refuse_format("json_schema")], "# structured output: json_schema is refused"),
        ([think_only(1)], "max_tokens: 800"),
        ([limit_context(1500)], "memory.talk.max_tokens: 900"),
        ([limit_context(1500)], "# the server reads 1,500 tokens; more by OLLAMA_CONTEXT_LENGTH (Ollama)"),
    ],
)
def test_what_was_found_has_its_line(ste, serve, behaviours, line):
    serve(*behaviours)
    assert line in ste("doctor", "workflow.yaml").out


def test_the_long_prompt_is_as_long_as_the_workflows_own_and_announced(ste, serve):
    server = serve()
    result = ste("doctor", "workflow.yaml", "--model", "explorer")
    assert "a prompt of 4," in result.err
    assert "last: some " in result.err
    longest = max(len(body["messages"][0]["content"]) for body in server.bodies)
    assert 14_000 < longest < 18_000


def test_a_server_can_be_asked_without_a_workflow(ste, serve):
    server = serve()
    result = ste("doctor", "--url", server.url, "--name", "tiny", "--quick")
    assert result.code == 0
    assert result.out.startswith(f"tiny at {server.url}\n")
    assert f"main: {{use: openai, base_url: '{server.url}', model: tiny}}" in result.out


def test_the_bundled_exploration_is_asked_by_default(ste, serve, monkeypatch):
    server = serve()
    monkeypatch.setenv("STE_MODEL_URL", server.url)
    monkeypatch.setenv("STE_MODEL", "tiny")
    result = ste("doctor", "--quick")
    assert result.code == 0
    assert f"default: '{server.url}'" in result.out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("workflow.yaml", "--model", "explore"), "no such model is asked; did you mean `explorer`?"),
        (("quickstart",), "asks no model that has a server: give another FILE, or --url URL --name MODEL"),
        (("--url", "http://127.0.0.1:9/v1"), "`--url` and `--name` go together"),
        (("missing.yaml",), "`missing.yaml` cannot be read: no such file or directory"),
    ],
)
def test_a_wrong_command_line_is_said_so(ste, serve, arguments, words):
    serve()
    result = ste("doctor", *arguments)
    assert (result.code, words in result.err) == (2, True), result.err


@pytest.mark.parametrize(
    ("behaviour", "words"),
    [(refuse_key(), "refuses the key (401): set `api_key`"), (show_page(), "something else than a list of models")],
)
def test_a_server_that_cannot_be_asked_is_exit_code_1_and_one_sentence(ste, serve, behaviour, words):
    serve(behaviour)
    result = ste("doctor", "workflow.yaml")
    assert (result.code, words in result.err, "Traceback" in result.err) == (1, True, False), result.err


def test_a_server_that_is_down_is_said_so(ste, serve):
    server = serve()
    server.stop()
    result = ste("doctor", "workflow.yaml")
    assert result.code == 1
    assert f"no model server answers at {server.url}: start it, or set `base_url`" in result.err


def test_a_silent_model_is_named_with_where_it_is_set_and_without_a_table(ste, serve):
    serve(stay_silent())
    result = ste("doctor", "workflow.yaml", "--quick")
    assert (result.code, result.out) == (1, "")
    assert result.err.startswith("workflow.yaml: model `explorer`: the model is reached, but all its replies are empty")
