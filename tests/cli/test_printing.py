"""Nothing that tools, files or models say reaches a terminal as a command to it."""

import io
import json
import logging
import sys
from types import MappingProxyType

import pytest

from ste_graph.command_line import write_result
from ste_graph.contracts import Observation
from ste_graph.tools.asking import TerminalAsker

EVIL = "\x1b]0;title\x07\x9b2J\u202e"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def is_harmless(text: str) -> bool:
    return not any(sign in text for sign in EVIL if not sign.isprintable())


def test_a_warning_about_a_description_is_printable(ste, tmp_path, monkeypatch):
    monkeypatch.setattr(logging.getLogger("ste_graph"), "propagate", False)  # pytest listens at the root
    (tmp_path / "api.json").write_text(
        json.dumps(
            {
                "openapi": "3.0.0",
                "info": {"title": "x", "version": "1"},
                "servers": [{"url": "http://127.0.0.1:9"}],
                "paths": {
                    "/good": {"get": {"operationId": "good", "responses": {}}},
                    "/bad": {"get": {"operationId": "bad", "parameters": [{"$ref": EVIL}], "responses": {}}},
                },
            }
        )
    )
    (tmp_path / "w.yaml").write_text("extends: explore\nname: w\ntools: [{use: openapi, spec: api.json}]\n")
    printed = ste("tools", "list", tmp_path / "w.yaml")
    assert "left out" in printed.err
    assert is_harmless(printed.out + printed.err)


def test_a_result_is_printable_on_a_terminal_and_as_it_is_for_a_program(monkeypatch):
    for stream, shown in (Terminal(), False), (io.StringIO(), True):
        monkeypatch.setattr(sys, "stdout", stream)
        write_result(f"a{EVIL}b", None)
        assert (EVIL in stream.getvalue()) is shown
        assert is_harmless(stream.getvalue()) is not shown


class Tool:
    name = "send"
    description = ""
    parameters = MappingProxyType({})
    effect = "write"

    async def call(self, arguments) -> Observation:
        raise NotImplementedError


async def test_the_question_whether_to_call_a_tool_is_printable(monkeypatch: pytest.MonkeyPatch):
    shown = Terminal()
    monkeypatch.setattr(sys, "stderr", shown)
    typed = Terminal("n\n")
    monkeypatch.setattr(sys, "stdin", typed)
    assert await TerminalAsker().refusal(Tool(), {"text": EVIL}) is not None
    assert "Call `send`" in shown.getvalue()
    assert is_harmless(shown.getvalue())
