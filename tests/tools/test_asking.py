import io
import sys

import pytest

from ste_graph.contracts import Observation
from ste_graph.tools.asking import TerminalAsker
from ste_graph.tools.policy import ToolPolicy
from ste_graph.tools.python.function import FunctionTool
from ste_graph.tools.toolbox import Toolbox


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


class Rows:
    """Two tools that write, and one that reads; each counts."""

    def __init__(self) -> None:
        self.added: list[int] = []
        self.dropped = 0

    def tools(self) -> list[FunctionTool]:
        def add(n: int) -> str:
            self.added.append(n)
            return "added"

        def drop() -> str:
            self.dropped += 1
            return "gone"

        def count() -> int:
            return len(self.added)

        effects = {"add": "write", "drop": "destructive", "count": "read"}
        return [FunctionTool.of(f.__name__, f, effects[f.__name__]) for f in (add, drop, count)]


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch):
    def with_answers(*lines: str) -> Screen:
        screen = Screen()
        monkeypatch.setattr(sys, "stdin", Screen("".join(f"{line}\n" for line in lines)))
        monkeypatch.setattr(sys, "stderr", screen)
        return screen

    return with_answers


async def test_a_person_decides_call_by_call_and_may_say_always(terminal):
    screen = terminal("y", "no", "what?", "A")
    rows = Rows()
    box = Toolbox(rows.tools(), ToolPolicy(ask=True), asker=TerminalAsker())
    kinds = [(await box.call("add", {"n": n})).kind for n in range(5)]
    assert kinds == ["ok", "refused", "ok", "ok", "ok"]
    assert rows.added == [0, 2, 3, 4]
    assert (await box.call("count", {})).text == "4"
    asked = "[y]es, [n]o, [a]lways for this tool: "
    assert screen.getvalue() == (
        f'\nCall `add` (write) with {{"n": 0}}?  {asked}\nCall `add` (write) with {{"n": 1}}?  {asked}'
        f'\nCall `add` (write) with {{"n": 2}}?  {asked}Please answer y, n or a: '
    )


async def test_always_holds_for_one_tool_and_the_end_of_input_is_a_no(terminal):
    terminal("always")
    rows = Rows()
    box = Toolbox(rows.tools(), ToolPolicy(ask=True), asker=TerminalAsker())
    assert (await box.call("add", {"n": 1})).ok
    assert await box.call("drop", {}) == Observation(
        ok=False, kind="refused", text="`drop` was not called: the person asked said no."
    )
    assert rows.dropped == 0
    assert box.calls == {"add": 1}


async def test_without_a_terminal_nobody_is_asked_and_the_call_is_refused(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    rows = Rows()
    box = Toolbox(rows.tools(), ToolPolicy(ask=True, allow=["add"]), asker=TerminalAsker())
    assert await box.call("drop", {}) == Observation(
        ok=False,
        kind="refused",
        text="`drop` was not called: `allow: ask` needs a person at a terminal.",
    )
    assert (await box.call("add", {"n": 1})).ok
    assert rows.dropped == 0


async def test_nobody_is_asked_about_a_call_that_would_not_be_made_anyway(terminal):
    screen = terminal("y")
    dry = Toolbox(Rows().tools(), ToolPolicy(ask=True), asker=TerminalAsker(), dry_run=True)
    assert (await dry.call("drop", {})).text == "`drop` was not called: this is a dry run. The arguments are valid."
    assert (await dry.call("add", {})).kind == "invalid_arguments"
    assert screen.getvalue() == ""
