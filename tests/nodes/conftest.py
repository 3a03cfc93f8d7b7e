"""A run in miniature: replies and observations by script, and a note of what was asked for."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from ste_graph.contracts import Entry, Json, ModelRequest, Neighbour, Observation, Reply
from ste_graph.prompts.prompt import Prompt


class NoModel:
    """Stands for a model; the context answers in its place."""

    label = "no model"

    async def reply(self, request: ModelRequest) -> Reply:
        raise AssertionError("a node asks through its context, never a model itself")


class ScriptedContext:
    """Gives the next reply for every `ask`, the next observation for every `call_tool`; raises when none is left."""

    def __init__(self, *script: str | Reply | Observation) -> None:
        self.script = list(script)
        self.asked: list[dict[str, Any]] = []
        self.called: list[tuple[str, Mapping[str, Json]]] = []
        self.seed = 0
        self.protocol: str | None = None
        self.tool_schemas: dict[str, dict[str, Json]] = {"look": {"type": "object"}}

    async def ask(
        self,
        model: object,
        prompt: Prompt,
        *,
        stop: Sequence[str] = (),
        schema: Mapping[str, Json] | None = None,
        tools: bool | Sequence[Mapping[str, Json]] = False,
    ) -> Reply:
        native = {"tools": tools} if tools else {}
        return self._reply({"prompt": prompt.text, "stop": list(stop), "schema": schema, **native})

    async def answer_tool_call(self, model: object, result: str, *, otherwise: Prompt) -> Reply:
        return self._reply({"result": result, "otherwise": otherwise.text})

    def _reply(self, request: dict[str, Any]) -> Reply:
        self.asked.append(request)
        given = self._next()
        assert not isinstance(given, Observation), "the script has an observation next, but the model was asked"
        return given if isinstance(given, Reply) else Reply(text=given)

    def known_protocol(self, model: object) -> str | None:
        return self.protocol

    async def call_tool(self, name: str, arguments: Mapping[str, Json]) -> Observation:
        self.called.append((name, arguments))
        given = self._next()
        assert isinstance(given, Observation), "the script has a reply next, but a tool was called"
        return given

    def _next(self) -> str | Reply | Observation:
        if not self.script:
            raise AssertionError("the script has run out")
        return self.script.pop(0)


class FixedRecall:
    """A memory whose nearest entries are these."""

    def __init__(self, *near: Neighbour) -> None:
        self.near = list(near)
        self.asked: list[tuple[str, int]] = []

    @property
    def empty(self) -> bool:
        return not self.near

    async def nearest(self, text: str, k: int = 1) -> list[Neighbour]:
        self.asked.append((text, k))
        return self.near[:k]

    async def entries(self) -> list[Entry]:
        return [item.entry for item in self.near]


@pytest.fixture
def context() -> type[ScriptedContext]:
    return ScriptedContext


@pytest.fixture
def recall() -> type[FixedRecall]:
    return FixedRecall


@pytest.fixture
def model() -> NoModel:
    return NoModel()
