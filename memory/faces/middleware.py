"""Exemplars in the prompt of a LangChain agent (`create_agent(…, middleware=[ExemplarMiddleware(store)])`)."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Any

from langchain.agents.middleware import AgentMiddleware, AgentState, ModelRequest, ModelResponse
from langchain_core.messages import HumanMessage, SystemMessage

from ste_graph.contracts import Selection
from ste_graph.memory.exemplars.store import ExemplarStore

INTRODUCTION = "Earlier requests of this kind, and the calls that served them. Go by their form, not by their values:"

_REMEMBERED = 256

_Key = tuple[str | None, str, tuple[str, ...]]


class ExemplarMiddleware(AgentMiddleware[AgentState[Any], Any]):
    """Appends exemplars for the request at hand to the system prompt, and none that name a tool the agent lacks.

    The request is the last message of a person. Exemplars are looked up once for it, however often the model is called
    to serve it, and are the same each time. With `lessons`, at most so many of the nearest one's tool stand above them.
    """

    def __init__(
        self, store: ExemplarStore, selection: Selection | None = None, *, lessons: int = 0,
        introduction: str = INTRODUCTION,
    ) -> None:  # fmt: skip
        super().__init__()
        self._store = store
        self._selection = selection or Selection()
        self._settings: dict[str, Any] = {"lessons": lessons, "introduction": introduction}
        self._known: OrderedDict[_Key, str] = OrderedDict()
        self._lock = threading.Lock()

    def wrap_model_call(
        self, request: ModelRequest[Any], handler: Callable[[ModelRequest[Any]], ModelResponse[Any]]
    ) -> ModelResponse[Any]:
        key = _key(request)
        if key is not None and key not in self._known:
            self._keep(key, self._store.render(key[1], self._selection, tools=key[2], **self._settings))
        return handler(self._with_exemplars(request, key))

    async def awrap_model_call(
        self, request: ModelRequest[Any], handler: Callable[[ModelRequest[Any]], Awaitable[ModelResponse[Any]]]
    ) -> ModelResponse[Any]:
        key = _key(request)
        if key is not None and key not in self._known:
            self._keep(key, await self._store.arender(key[1], self._selection, tools=key[2], **self._settings))
        return await handler(self._with_exemplars(request, key))

    def _keep(self, key: _Key, text: str) -> None:
        with self._lock:
            self._known[key] = text
            while len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)

    def _with_exemplars(self, request: ModelRequest[Any], key: _Key | None) -> ModelRequest[Any]:
        text = self._known.get(key, "") if key is not None else ""
        if not text:
            return request
        before = request.system_message
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
