"""A node: a small frozen object that reads some values and gives others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, PrivateAttr

from ste_graph.contracts import Json, Model, Observation, Reply, Session
from ste_graph.prompt import Prompt


class Reads(BaseModel):
    """What a node reads, by field name; the engine binds each field to the one node, or loop item, that gives it.

    A field that may be missing where the node stands must accept None.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    _session: Session | None = PrivateAttr(default=None)

    def within(self, session: Session) -> Self:
        """Itself, able to `ask` and to `call`. The engine does this; a test may pass a session of its own."""
        self._session = session
        return self

    async def ask(
        self,
        model: Model,
        prompt: Prompt,
        *,
        stop: Sequence[str] = (),
        schema: Mapping[str, Json] | None = None,
        tools: bool = False,
        observed: str | None = None,
    ) -> Reply:
        """Render `prompt`, call `model`, and hand both messages to the transcript named in the node's `talk`.

        Args:
            model: Whom to ask.
            prompt: What to say, as one user message.
            stop: Where the reply must end.
            schema: JSON Schema of the reply; `Reply.data` then holds it, where the model can.
            tools: Whether the model may call the unit's tools by its own tool calling, see `Reply.tool_calls`.
            observed: What came of the call that the last reply asked for. It goes back as that call's tool message, and
                the prompt is left unsaid; where the transcript knows of no such call, the prompt is said after all.
        """
        # What a session does not know, it is only asked for by who needs it.
        native: dict[str, Any] = {"tools": True, "observed": observed} if tools else {}
        return await self._bound.ask(model, prompt, stop=stop, schema=schema, **native)

    async def call(self, name: str, arguments: Mapping[str, Json]) -> Observation:
        """Call one of the unit's tools, through validation, policy and limits. Never raises for a tool's fault."""
        return await self._bound.call(name, arguments)

    def say(self, what: str) -> None:
        """Tell whoever watches the run how far the node is. It is shown in passing and kept nowhere."""
        self._bound.say(what)

    def place(self, name: str) -> Path:
        """Where in the run's folder the node may write a file or folder of this name: the same in a resumed run."""
        return (self._bound.folder / name).resolve()

    @property
    def definitions(self) -> Mapping[str, Mapping[str, Json]]:
        """The unit's tools by name, as plain data: `name`, `description`, `parameters`, `effect`, `fingerprint`."""
        return self._bound.definitions

    @property
    def _bound(self) -> Session:
        if self._session is None:
            raise RuntimeError(f"{type(self).__qualname__} stands outside a run: give it a session with `.within(…)`")
        return self._session


class Output(BaseModel):
    """What a node gives: plain JSON values, one graph channel per field."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Node(BaseModel):
    """One kind of node. Fields are its YAML settings, already resolved: a `Model`, not a model's name.

    In YAML a field of type `Model` holds a model's name, `Prompt` a file's path, `Recall` a memory's name; the fields
    `use`, `talk`, `sees`, `reads` and `lives` belong to the engine and may not be used by a node.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    tool_calls: ClassVar[int] = 0
    """At most so many tool calls per run of the node. Model calls: one per field of type `Model`."""

    class See(Reads):
        """Nothing, unless the node says otherwise."""

    class Gives(Output):
        """Nothing, unless the node says otherwise."""

    @classmethod
    def outputs(cls, settings: Mapping[str, Any]) -> type[Output]:
        """The type of what the node gives under these YAML settings; most nodes give `Gives` whatever they are."""
        return cls.Gives

    async def __call__(self, see: Any) -> Output:
        """Run the node once."""
        raise NotImplementedError(f"{type(self).__name__} does not say what it does")
