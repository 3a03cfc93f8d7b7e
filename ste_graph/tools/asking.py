"""`allow: ask`: a person at the terminal decides, call by call, what may be done."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

from ste_graph.contracts import Json, Tool
from ste_graph.text import printable
from ste_graph.tools.threads import run_in_daemon_thread

LONGEST = 2000
"""Characters of the arguments that are shown to the person."""


class Asker(Protocol):
    """Decides about calls that the policy leaves open."""

    async def refusal(self, tool: Tool, arguments: Mapping[str, Json]) -> str | None:
        """The reason why the call is not made, as a sentence; None if it may be made."""


class TerminalAsker:
    """Asks on stderr, reads the answer from stdin; one question at a time, however many units wait.

    `still` is entered around a question, so that a progress display can hold still. If stdin or stderr is
    not a terminal, nobody is asked and every call is refused.
    """

    def __init__(self, still: Callable[[], AbstractContextManager[None]] = nullcontext) -> None:
        self._still = still
        self._always: set[str] = set()
        self._turn = asyncio.Lock()

    async def refusal(self, tool: Tool, arguments: Mapping[str, Json]) -> str | None:
        async with self._turn:
            if tool.name in self._always:
                return None
            if not (sys.stdin.isatty() and sys.stderr.isatty()):
                return f"`{tool.name}` was not called: `allow: ask` needs a person at a terminal."
            with self._still():
                answer = await self._answer(tool, arguments)
            if answer.startswith("a"):
                self._always.add(tool.name)
            return None if answer[:1] in ("y", "a") else f"`{tool.name}` was not called: the person asked said no."

    async def _answer(self, tool: Tool, arguments: Mapping[str, Json]) -> str:
        text = json.dumps(dict(arguments), ensure_ascii=False)
        text = text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
        question = f"\nCall `{tool.name}` ({tool.effect}) with {text}?  [y]es, [n]o, [a]lways for this tool: "
        while True:
            sys.stderr.write(printable(question))
            sys.stderr.flush()
            line = await run_in_daemon_thread(
                _line
            )  # stdin cannot be waited for otherwise; a stopped run leaves it behind
            answer = line.strip().lower()
            if not line or answer in ("y", "yes", "n", "no", "a", "always"):
                return answer
            question = "Please answer y, n or a: "


def _line() -> str:
    try:
        return sys.stdin.readline()
    except (OSError, ValueError):
        return ""
