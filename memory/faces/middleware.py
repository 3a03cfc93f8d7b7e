"""Exemplars in the prompt of a LangChain agent (`create_agent(…, middleware=[ExemplarMiddleware(store)])`)."""

from __future__ import annotations

import asyncio
import threading
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple, cast

from langchain.agents.middleware import AgentMiddleware, AgentState, ModelRequest, ModelResponse
from langchain_core.messages import AnyMessage, HumanMessage, SystemMessage
from langchain_core.messages.utils import convert_to_messages

from ste_graph.contracts import Selection
from ste_graph.memory.exemplars.rendering import SEPARATOR, Form, as_messages
from ste_graph.memory.exemplars.store import ExemplarStore
from ste_graph.memory.faces.pack_tools import describe_tools

INTRODUCTION = "Earlier requests of this kind, and the calls that served them. Go by their form, not by their values:"
NATIVE_INTRODUCTION = (
    "The conversation begins with earlier requests of this kind, and the calls that served them. Go by their form, not "
    "by their values."
)

_REMEMBERED = 256

_Key = tuple[str | None, str, tuple[str, ...]]


class _Shown(NamedTuple):
    """The additions to a prompt: text for the system message, and turns before the conversation."""

    text: str
    turns: list[AnyMessage]


class ExemplarMiddleware(AgentMiddleware[AgentState[Any], Any]):
    """Shows exemplars for the request at hand, and none that name a tool the agent lacks.

    The request is the last message of a person. Exemplars are looked up once for it, however often the model is called
    to serve it, and are the same each time. `form`: `native` puts them before the conversation as turns with tool
    calls, as agents of LangChain call; `react` as text into the system message. With `lessons`, at most so many of the
    nearest one's tool are in the system message; unset, three of a pack that adopted them. A pack's guideline is
    there too, and its rewritten descriptions take the place of those of the agent's tools.

    Raises `WorkflowError` at a call of the model if the tools have other parameters than those that a pack was proven
    with.
    """

    def __init__(
        self, store: ExemplarStore, selection: Selection | None = None, *, form: Form = "native",
        lessons: int | None = None, introduction: str | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self._store = store
        self._selection = selection or store.selection
        self._form = form
        self._lessons = lessons
        self._introduction = introduction or (NATIVE_INTRODUCTION if form == "native" else INTRODUCTION)
        self._known: OrderedDict[_Key, _Shown] = OrderedDict()
        self._lock = threading.Lock()

    def wrap_model_call(
        self, request: ModelRequest[Any], handler: Callable[[ModelRequest[Any]], ModelResponse[Any]]
    ) -> ModelResponse[Any]:
        key = _key(request)
        if key is not None and key not in self._known:
            self._keep(key, self._look_up(key))
        return handler(self._with_exemplars(request, key))

    async def awrap_model_call(
        self, request: ModelRequest[Any], handler: Callable[[ModelRequest[Any]], Awaitable[ModelResponse[Any]]]
    ) -> ModelResponse[Any]:
        key = _key(request)
        if key is not None and key not in self._known:
            self._keep(key, await asyncio.to_thread(self._look_up, key))
        return await handler(self._with_exemplars(request, key))

    def _look_up(self, key: _Key) -> _Shown:
        """The exemplars for a request, in the form wanted, and the lessons of the nearest one's tool."""
        if self._form == "react":
            text = self._store.render(
                key[1], self._selection, tools=key[2], introduction=self._introduction, lessons=self._lessons
            )
            return _Shown(text, [])
        found = self._store.select(key[1], self._selection, tools=key[2])
        hints = "\n".join(self._store.guideline_at_hand(found, key[2]))
        lessons = "\n".join(self._store.lessons_at_hand(key[1], found, key[2], self._lessons))
        messages = as_messages([match.exemplar for match in found], form="native")
        text = SEPARATOR.join(filter(None, [hints, lessons, self._introduction if found else ""]))
        return _Shown(text, cast("list[AnyMessage]", convert_to_messages(messages)))

    def _keep(self, key: _Key, shown: _Shown) -> None:
        with self._lock:
            self._known[key] = shown
            while len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)

    def _with_exemplars(self, request: ModelRequest[Any], key: _Key | None) -> ModelRequest[Any]:
        if self._store.pack is not None:
            request = request.override(tools=describe_tools(self._store.pack, request.tools))
        shown = self._known.get(key) if key is not None else None
        if shown is None or not shown.text:
            return request
        if shown.turns:
            request = request.override(messages=[*shown.turns, *request.messages])
        text, before = shown.text, request.system_message
        if before is None:
            return request.override(system_message=SystemMessage(text))
        if isinstance(before.content, str):
            return request.override(system_message=SystemMessage(f"{before.content}\n\n{text}"))
        return request.override(system_message=SystemMessage([*before.content, {"type": "text", "text": text}]))


def _key(request: ModelRequest[Any]) -> _Key | None:
    """The key on which the exemplars depend: the last message of a person, and the tools offered."""
    last = next((message for message in reversed(request.messages) if isinstance(message, HumanMessage)), None)
    if last is None or not last.text.strip():
        return None
    return last.id, last.text, tuple(sorted(_name(tool) for tool in request.tools))


def _name(tool: Any) -> str:
    if not isinstance(tool, dict):
        return str(tool.name)
    function = tool.get("function")
    return str((function if isinstance(function, dict) else tool).get("name", ""))
