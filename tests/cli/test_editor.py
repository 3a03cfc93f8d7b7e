"""An editor's view: the language server that VS Code, Neovim and others use for YAML, asked with our schema."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ste_graph.cli.schema import schema_text

SERVER = shutil.which("yaml-language-server")

pytestmark = pytest.mark.skipif(SERVER is None, reason="needs `npm install --global yaml-language-server`")

DOCUMENT = """\
dsl: 2
name: a
models:
  main: {use: opnai}
  sim:
    use: simulated
    
nodes:
  call:
    use: call
    model: main
    sea: 1
    
  near:
    use: novelty
    
graph:
  - repeat: turn
    do: [call]
  - repeat: turn
    while: not call.finished
    do: [call]
  - repeat: turn
    times: 3
    do: [call]
  - {when: call.finished, do: [call], esle: []}
  - 
"""  # noqa: W291, W293 -- an editor is asked at the end of these lines


class Editor:
    """The client of a language server: opens one document, and asks about places in it."""

    def __init__(self, schema: Path, text: str) -> None:
        assert SERVER is not None
        self._server = subprocess.Popen([SERVER, "--stdio"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._settings = {"validate": True, "completion": True, "hover": True, "schemas": {schema.as_uri(): "/*.yaml"}}
        self._ids = 0
        self.diagnostics: list[tuple[int, str]] = []
        configured = {"workspace": {"configuration": True}}
        self._ask("initialize", {"processId": None, "rootUri": None, "capabilities": configured})
        self._tell("initialized", {})
        self._tell("workspace/didChangeConfiguration", {"settings": {"yaml": self._settings}})
        self._document = {"uri": "file:///w/a.yaml"}
        opened = {**self._document, "languageId": "yaml", "version": 1, "text": text}
        self._tell("textDocument/didOpen", {"textDocument": opened})
        found = self._wait(lambda message: message.get("method") == "textDocument/publishDiagnostics")
        self.diagnostics = [
            (each["range"]["start"]["line"] + 1, each["message"]) for each in found["params"]["diagnostics"]
        ]

    def complete(self, line: int, column: int) -> dict[str, str]:
        """The completions at a place, with the text about each."""
        found = self._ask("textDocument/completion", self._at(line, column))["result"]["items"]
        return {item["label"]: str(item.get("documentation", "")) for item in found if item.get("kind") != 7}

    def hover(self, line: int, column: int) -> str:
        """The text about a place."""
        return str(self._ask("textDocument/hover", self._at(line, column))["result"]["contents"]["value"])

    def close(self) -> None:
        self._server.kill()
        self._server.communicate()

    def _at(self, line: int, column: int) -> dict[str, Any]:
        return {"textDocument": self._document, "position": {"line": line - 1, "character": column - 1}}

    def _ask(self, method: str, params: Any) -> dict[str, Any]:
        self._ids += 1
        number = self._ids
        self._send({"id": number, "method": method, "params": params})
        return self._wait(lambda message: message.get("id") == number and "method" not in message)

    def _tell(self, method: str, params: Any) -> None:
        self._send({"method": method, "params": params})

    def _send(self, message: dict[str, Any]) -> None:
        assert self._server.stdin is not None
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self._server.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        self._server.stdin.flush()

    def _wait(self, is_wanted: Any) -> dict[str, Any]:
        """The next message of a kind; questions of the server on the way to it are answered."""
        assert self._server.stdout is not None
        while True:
            size = 0
            while (line := self._server.stdout.readline().strip()) != b"":
                size = int(line.removeprefix(b"Content-Length: ")) if line.startswith(b"Content-Length") else size
            message: dict[str, Any] = json.loads(self._server.stdout.read(size))
            if is_wanted(message):
                return message
            if "id" in message and "method" in message:
                items = message["params"].get("items", []) if isinstance(message.get("params"), dict) else []
                answer = [self._settings if item.get("section") == "yaml" else None for item in items]
                self._send({"id": message["id"], "result": answer or None})


@pytest.fixture(scope="module")
def editor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Editor]:
    schema = tmp_path_factory.mktemp("editor") / "schema.json"
    schema.write_text(schema_text(), "utf-8")
    opened = Editor(schema, DOCUMENT)
    yield opened
    opened.close()


def lines(text: str) -> Iterator[int]:
    return (number for number, line in enumerate(DOCUMENT.splitlines(), start=1) if line.strip() == text)


def test_an_unbounded_loop_is_red_with_the_key_that_is_missing(editor: Editor) -> None:
    times, at_most, *_ = lines("- repeat: turn")
    assert (times, 'Missing property "times".') in editor.diagnostics
    assert (at_most, 'Missing property "at_most".') in editor.diagnostics
    assert len([line for line, _ in editor.diagnostics if line in lines("- repeat: turn")]) == 2


def test_a_mistake_is_marked_once_in_the_words_of_the_chosen_kind(editor: Editor) -> None:
    said = dict(editor.diagnostics)
    (unknown,) = lines("main: {use: opnai}")
    (kind,) = lines("sea: 1")
    assert said[unknown].startswith('Value is not accepted. Valid values: "langchain", ')
    assert [line for line, _ in editor.diagnostics].count(unknown) == 1
    assert said[kind] == "Property sea is not allowed."
    assert any(message == "Property esle is not allowed." for message in said.values())


def test_only_the_settings_of_the_chosen_kind_are_offered(editor: Editor) -> None:
    (model,), (node,) = lines("use: simulated"), lines("use: novelty")
    assert {"mistakes"} <= editor.complete(model + 1, 5).keys()
    assert not {"base_url", "temperature", "api_key"} & editor.complete(model + 1, 5).keys()
    assert {"memory", "threshold", "k", "inputs"} <= editor.complete(node + 1, 5).keys()
    assert not {"prompt", "protocol", "heldout"} & editor.complete(node + 1, 5).keys()


def test_a_new_block_may_be_any_kind_and_each_kind_and_key_is_explained(editor: Editor) -> None:
    last = len(DOCUMENT.splitlines())
    assert {"map", "repeat", "when", "record", "run"} <= editor.complete(last, 5).keys()
    (line,) = lines("use: novelty")
    assert "The kind of this entry" in editor.hover(line, 6) or "Compare the request" in editor.hover(line, 6)
