"""A run in miniature: replies and observations by script, and a note of what was asked for."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from ste_graph.contracts import Entry, Json, Message, Near, Observation, Reply
from ste_graph.prompt import Prompt


class NoModel:
    """Stands for a model; the session answers in its place."""

    label = "no model"

    async def reply(
        self,
        messages: Sequence[Message],
        *,
        seed: int,
        stop: Sequence[str] = (),
        schema: Mapping[str, Json] | None = None,
    ) -> Reply:
        raise AssertionError("a node asks through its session, never a model itself")


class ScriptedSession:
    """Gives the next reply for every `ask`, the next observation for every `call`; raises when there is none left."""

    def __init__(self, *script: str | Reply | Observation) -> None:
        self.script = list(script)
        self.asked: list[dict[str, Any]] = []
        self.called: list[tuple[str, Mapping[str, Json]]] = []

    async def ask(
        self,
        model: object,
        prompt: Prompt,
        *,
        stop: Sequence[str] = (),
        schema: Mapping[str, Json] | None = None,
        **native: Any,
    ) -> Reply:
        self.asked.append({"prompt": prompt.text, "stop": list(stop), "schema": schema, **native})
        given = self._next()
        assert not isinstance(given, Observation), "the script has an observation next, but the model was asked"
        return given if isinstance(given, Reply) else Reply(text=given)

    async def call(self, name: str, arguments: Mapping[str, Json]) -> Observation:
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

    def __init__(self, *near: Near) -> None:
        self.near = list(near)
        self.asked: list[tuple[str, int]] = []

    @property
    def empty(self) -> bool:
        return not self.near

    async def nearest(self, text: str, k: int = 1) -> list[Near]:
        self.asked.append((text, k))
        return self.near[:k]

    async def entries(self) -> list[Entry]:
        return [one.entry for one in self.near]


@pytest.fixture
def session() -> type[ScriptedSession]:
    return ScriptedSession


@pytest.fixture
def recall() -> type[FixedRecall]:
    return FixedRecall


@pytest.fixture
def model() -> NoModel:
    return NoModel()
